package registrydouble_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/registrydouble"
)

// direct sends requests to a server without a network.
type direct struct{ server http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	d.server.ServeHTTP(answer, r)
	response := answer.Result()
	response.Request = r
	return response, nil
}

// FuzzServer: every request to a private registry without a valid password gets an error in the protocol's form, and never an
// internal error.
func FuzzServer(f *testing.F) {
	server, err := registrydouble.New(registrydouble.Options{Dir: filepath.Join(f.TempDir(), "registries"), Authority: newCloud()})
	require.NoError(f, err)
	image, err := random.Image(64, 1)
	require.NoError(f, err)
	ref, err := name.ParseReference(contoso + "/team/api:1.0.0")
	require.NoError(f, err)
	require.NoError(f, remote.Write(ref, image, remote.WithTransport(direct{server}),
		remote.WithAuth(&authn.Basic{Username: "owner", Password: "owner-password"})))

	const basic, form = "Basic cHVsbGVyOm5vdC1pdHMtcGFzc3dvcmQ=", "grant_type=password&service=" + contoso + "&scope=repository:team/api:pull"
	for _, seed := range [][4]string{
		{"GET", "/v2/", "", ""},
		{"GET", "/v2/team/api/manifests/1.0.0", "Bearer a.b.c", ""},
		{"HEAD", "/v2/team/api/manifests/1.0.0", basic, ""},
		{"PUT", "/v2/team/api/manifests/1.0.0", "", "{}"},
		{"POST", "/v2/team/api/blobs/uploads/", basic, ""},
		{"DELETE", "/v2/team/api/blobs/sha256:00", "Bearer ", ""},
		{"GET", "/oauth2/token?service=" + contoso + "&scope=repository:team/api:pull", basic, ""},
		{"POST", "/oauth2/token", "", form + "&username=puller&password=x"},
		{"GET", "/v2/../../etc/passwd", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, method, target, authorization, body string) {
		path, query, _ := strings.Cut(target, "?")
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, (&http.Request{
			Method: method, Host: contoso, URL: &url.URL{Path: path, RawQuery: query},
			Header: http.Header{
				"Authorization": {authorization}, "Content-Type": {"application/x-www-form-urlencoded"},
			},
			Body: io.NopCloser(strings.NewReader(body)),
		}).WithContext(t.Context()))
		if answer.Code < 400 || answer.Code >= 500 {
			t.Fatalf("%s %q returns %d: %s", method, target, answer.Code, answer.Body)
		}
		var told struct {
			Errors []struct{ Code, Message string }
		}
		if method == http.MethodHead {
			return
		}
		if err := json.Unmarshal(answer.Body.Bytes(), &told); err != nil || len(told.Errors) == 0 || told.Errors[0].Code == "" {
			t.Errorf("%s %q returns no structured error: %s", method, target, answer.Body)
		}
	})
}
