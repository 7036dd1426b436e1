package registrydouble

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// Lifetimes as seen in tokens of the real services.
	accessLifetime    = 75 * time.Minute
	dockerHubLifetime = 5 * time.Minute

	keySize = 32
)

// claims are the claim set of a token, with the names Azure Container Registry uses.
type claims struct {
	ID        string   `json:"jti"`
	Subject   string   `json:"sub"`
	NotBefore int64    `json:"nbf"`
	Expires   int64    `json:"exp"`
	IssuedAt  int64    `json:"iat"`
	Issuer    string   `json:"iss"`
	Audience  string   `json:"aud"`
	Version   string   `json:"version"`
	GrantType string   `json:"grant_type"`
	Access    []access `json:"access,omitempty"`
}

// issuer signs and verifies tokens. Clients treat tokens as opaque, so a symmetric signature is enough; the real services use
// asymmetric ones.
type issuer struct {
	key []byte
	now func() time.Time
}

// newIssuer keeps its key in a file of mode 0600, so that tokens outlive a restart, as in Azure.
func newIssuer(path string, now func() time.Time) (*issuer, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) == keySize {
		return &issuer{key: key, now: now}, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key = make([]byte, keySize)
	_, _ = rand.Read(key) // never returns an error
	if err := writeFile(path, key); err != nil {
		return nil, err
	}
	return &issuer{key: key, now: now}, nil
}

var tokenEncoding = base64.RawURLEncoding

// tokenHeader is the same for each token, so comparing it is enough to check the algorithm.
var tokenHeader = tokenEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))

func (i *issuer) issue(issuerName, audience, principal string, lifetime time.Duration, granted []access) (string, error) {
	now := i.now()
	payload, err := json.Marshal(claims{
		ID:        rand.Text(),
		Subject:   principal,
		NotBefore: now.Unix(),
		IssuedAt:  now.Unix(),
		Expires:   now.Add(lifetime).Unix(),
		Issuer:    issuerName,
		Audience:  audience,
		Version:   "1.0",
		GrantType: "access_token",
		Access:    granted,
	})
	if err != nil {
		return "", fmt.Errorf("token for %s: %w", audience, err)
	}
	signed := tokenHeader + "." + tokenEncoding.EncodeToString(payload)
	return signed + "." + tokenEncoding.EncodeToString(i.sign(signed)), nil
}

// verify returns the claims of a token that was issued for the audience and has not expired, or nil.
func (i *issuer) verify(token, audience string) *claims {
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 {
		return nil
	}
	signature, err := tokenEncoding.DecodeString(token[dot+1:])
	if err != nil || !hmac.Equal(signature, i.sign(token[:dot])) {
		return nil
	}
	encoded, ok := strings.CutPrefix(token[:dot], tokenHeader+".")
	payload, err := tokenEncoding.DecodeString(encoded)
	var c claims
	if !ok || err != nil || json.Unmarshal(payload, &c) != nil || c.Audience != audience || i.now().Unix() >= c.Expires {
		return nil
	}
	return &c
}

func (i *issuer) sign(signed string) []byte {
	mac := hmac.New(sha256.New, i.key)
	mac.Write([]byte(signed))
	return mac.Sum(nil)
}

// writeFile replaces a file as a whole. Its mode is 0600.
func writeFile(path string, data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // does nothing once renamed
	_, err = temporary.Write(data)
	if err := errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
