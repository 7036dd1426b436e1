package registrydouble

import (
	"encoding/json"
	"errors"
	"net/http"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The error codes of the distribution specification that are used here.
const (
	codeDenied              = "DENIED"
	codeDigestInvalid       = "DIGEST_INVALID"
	codeManifestInvalid     = "MANIFEST_INVALID"
	codeManifestUnknown     = "MANIFEST_UNKNOWN"
	codeManifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN"
	codeNameInvalid         = "NAME_INVALID"
	codeNameUnknown         = "NAME_UNKNOWN"
	codeTagInvalid          = "TAG_INVALID"
	codeUnauthorized        = "UNAUTHORIZED"
	codeUnsupported         = "UNSUPPORTED"
	codeUnknown             = "UNKNOWN"
)

// The messages for a caller without permission.
const (
	acrUnauthorized       = "authentication required, visit https://aka.ms/acr/authorization for more information."
	dockerHubUnauthorized = "authentication required"
)

// apiError is an error in the form that a client receives.
type apiError struct {
	status  int
	code    string
	message string
	detail  any // nil for none
}

func (e apiError) Error() string { return e.code + ": " + e.message }

func nameUnknown(repositoryName string) apiError {
	return apiError{
		http.StatusNotFound, codeNameUnknown, "repository name not known to registry",
		map[string]string{"name": repositoryName},
	}
}

func manifestUnknown(reference string) apiError {
	if isDigest(reference) {
		return apiError{
			http.StatusNotFound, codeManifestUnknown, "manifest " + reference + " is not found",
			map[string]string{"Digest": reference},
		}
	}
	return apiError{
		http.StatusNotFound, codeManifestUnknown, "manifest tagged by \"" + reference + "\" is not found",
		map[string]string{"Tag": reference},
	}
}

func manifestInvalid(why string) apiError {
	return apiError{http.StatusBadRequest, codeManifestInvalid, "manifest invalid", why}
}

func blobUnknown(digest v1.Hash) apiError {
	return apiError{
		http.StatusNotFound, codeManifestBlobUnknown, "blob unknown to registry",
		map[string]string{"digest": digest.String()},
	}
}

// writeError returns an error in the registry's JSON form. An error other than apiError is internal to the double.
func writeError(w http.ResponseWriter, err error) {
	var e apiError
	if !errors.As(err, &e) {
		e = apiError{http.StatusInternalServerError, codeUnknown, err.Error(), nil}
	}
	type entry struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Detail  any    `json:"detail,omitempty"`
	}
	writeJSON(w, e.status, map[string][]entry{"errors": {{e.code, e.message, e.detail}}})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone if this fails
}
