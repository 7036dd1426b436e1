package main

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	secretPassword = "correct~horse.battery_staple"
	secretToken    = "eyJhbGciOiJSUzI1NiIsImtpZCI6InNhbXBsZSJ9" //nolint:gosec // G101: not a real token
)

// secretState has a password, a kubeconfig, and a login with the password in it.
var secretState = `{"version": 3, "deployment": {"resources": [{"outputs": {
  "value": {"` + signatureKey + `": "` + secretSignature + `", "plaintext": "\"` + secretPassword + `\""},
  "kubeconfig": {"` + signatureKey + `": "` + secretSignature + `", "plaintext": "\"apiVersion: v1\\nusers:\\n- name: me\\n  user:\\n    token: ` + secretToken + `\\n\""},
  "values": {"` + signatureKey + `": "` + secretSignature + `", "plaintext": "{\"deep\": [\"nested-secret-1\", 5, true]}"},
  "pin": {"` + signatureKey + `": "` + secretSignature + `", "plaintext": "\"1234\""},
  "name": "shop", "asset": {"` + signatureKey + `": "other", "plaintext": "\"not-a-secret\""}}}]}}`

func TestSecretsOf(t *testing.T) {
	t.Parallel()
	found, plain, err := secretsOf([]byte(secretState))
	require.NoError(t, err)
	require.ElementsMatch(t, []string{secretPassword, "apiVersion: v1\nusers:\n- name: me\n  user:\n    token: " + secretToken + "\n", "nested-secret-1", "1234"}, found)
	require.Contains(t, plain, "shop\n")
	require.NotContains(t, plain, secretPassword)
	_, _, err = secretsOf([]byte("no"))
	require.ErrorContains(t, err, "state of the stack: ")
}

func TestMaskedLines(t *testing.T) {
	t.Parallel()
	secrets, plain, err := secretsOf([]byte(secretState))
	require.NoError(t, err)
	for text, want := range map[string]string{ //nolint:gosec // G101: as above
		"nothing secret: 1234":                                              "nothing secret: 1234",
		"password=" + secretPassword + "!":                                  "password=[secret]!",
		"    token: " + secretToken:                                         "    [secret]",
		`{"token":"` + secretToken + `"}`:                                   `{"token":"[secret]"}`,
		"a nested-secret-1, not-a-secret":                                   "a [secret], not-a-secret",
		"apiVersion: v1, kind: Config, shop":                                "apiVersion: v1, kind: Config, shop",
		"auth " + base64.StdEncoding.EncodeToString([]byte(secretPassword)): "auth [secret]",
	} {
		got, shown := newMasker(secrets, plain).line(text)
		assert.True(t, shown, text)
		assert.Equal(t, want, got)
	}
	// A login, as Kubernetes keeps it: base64, with the password inside.
	login := base64.StdEncoding.EncodeToString([]byte(`{"auths":{"shopacr1a2b3c4d.azurecr.io":{"username":"u","password":"` + secretPassword + `"}}}`))
	got, _ := newMasker([]string{login}, "shopacr1a2b3c4d.azurecr.io/customerapi:1\n").line("the password at shopacr1a2b3c4d.azurecr.io is " + secretPassword)
	require.Equal(t, "the password at shopacr1a2b3c4d.azurecr.io is [secret]", got)
}

// A service's name is among the values of a release whose values are secret, and is also in the state in plain text.
func TestMaskedNames(t *testing.T) {
	t.Parallel()
	const text = "services.customerapi.image.tag is wrong"
	got, _ := newMasker([]string{"customerapi"}, "shop\ncustomerapi\n").line(text)
	require.Equal(t, text, got)
	got, _ = newMasker([]string{"customerapi"}, "not-the-customerapi\n").line(text)
	require.Equal(t, "services.[secret].image.tag is wrong", got)
}

// The engine's error about a violated plan, with values that are neither in the state nor in the settings: Azure has issued a new
// kubeconfig.
func TestMaskedViolation(t *testing.T) {
	t.Parallel()
	const printed = `Updating (test):
    ~ kubernetes:core/v1:Secret: (update)
error: resource urn:pulumi:test::shop::pulumi:providers:kubernetes::cluster violates plan: properties changed: ~~kubeconfig[{&{{apiVersion: v1
clusters:
- cluster:
    server: https://shop.example.com
    token: fresh-value-of-the-plan
error: x fresh
}}}!={&{{apiVersion: v1
Resources: fresh
}}}], =~other[{fresh}]
Resources:
    ~ 2 updated
    25 unchanged

Duration: 3s
error: update failed
`
	m := newMasker(nil, "")
	var shown []string
	for line := range strings.Lines(printed) {
		if text, ok := m.line(strings.TrimSuffix(line, "\n")); ok {
			shown = append(shown, text)
		}
	}
	require.Equal(t, `Updating (test):
    ~ kubernetes:core/v1:Secret: (update)
error: resource urn:pulumi:test::shop::pulumi:providers:kubernetes::cluster violates plan: properties changed: kubeconfig and maybe others (values are hidden)
Resources:
    ~ 2 updated
    25 unchanged
Duration: 3s
error: update failed`, strings.Join(shown, "\n"))

	m = newMasker(nil, "")
	text, ok := m.line("  error: resource urn:x violates plan: dependencies changed: added a")
	require.True(t, ok)
	require.Equal(t, "  error: resource urn:x violates plan: dependencies changed: added a", text)
}
