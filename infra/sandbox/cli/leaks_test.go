//go:build linux

package cli

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// leakSearch finds credentials in a run's files and output, in every form that they can take.
type leakSearch struct {
	forms [1 << 16][]form // by their first two bytes
}

type form struct{ text, credential string }

// newLeakSearch takes the credentials' values by name.
func newLeakSearch(credentials map[string]string) *leakSearch {
	s := &leakSearch{}
	for name, value := range credentials {
		for _, text := range formsOf(value) {
			at := int(text[0])<<8 | int(text[1])
			s.forms[at] = append(s.forms[at], form{text, name})
		}
	}
	return s
}

// formsOf returns a text unchanged and encoded for JSON, URLs and base64.
func formsOf(value string) []string {
	forms := []string{value, url.QueryEscape(value), url.PathEscape(value)}
	for quoted := value; len(forms) < 5; { // in JSON, and in JSON within JSON
		quoted = strings.Trim(string(mustJSON(quoted)), `"`)
		forms = append(forms, quoted)
	}
	var unescaped strings.Builder
	encoder := json.NewEncoder(&unescaped)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	forms = append(forms, strings.Trim(unescaped.String(), "\"\n"))
	// In base64, a text has three forms, by its offset, such as after a user and a colon. Its first and last characters also
	// encode adjacent text.
	for before := range 3 {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			encoded := encoding.EncodeToString([]byte(strings.Repeat("x", before) + value))
			whole := (before + len(value)) / 3 * 4 // characters that do not depend on later text
			forms = append(forms, encoded[[]int{0, 2, 3}[before]:whole])
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// in returns the sorted names of the credentials in a content.
func (s *leakSearch) in(content []byte) []string {
	found := map[string]bool{}
	for i := 0; i+1 < len(content); i++ {
		for _, f := range s.forms[int(content[i])<<8|int(content[i+1])] {
			if len(f.text) <= len(content)-i && string(content[i:i+len(f.text)]) == f.text {
				found[f.credential] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func TestLeakSearch(t *testing.T) {
	t.Parallel()
	const secret = `pa"ss~w<o>r&d/+?1`
	search := newLeakSearch(map[string]string{"the password": secret, "another": "not-in-there"})
	config, err := json.Marshal(map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte("user:" + secret))})
	require.NoError(t, err)
	twice, err := json.Marshal(string(config))
	require.NoError(t, err)
	for name, text := range map[string]string{
		"plain": secret, "JSON": string(mustJSON(secret)), "query": "?p=" + url.QueryEscape(secret), "path": url.PathEscape(secret),
		"basic": "Basic " + base64.StdEncoding.EncodeToString([]byte("u:"+secret)), "docker config": string(config), "quoted config": string(twice), "log": string(mustJSON("x=" + string(mustJSON(secret)))),
		"encoded JSON": base64.StdEncoding.EncodeToString([]byte(`{"password":"` + secret + `"}`)),
		"for URLs":     base64.URLEncoding.EncodeToString([]byte("some" + secret + "more")),
	} {
		assert.Equal(t, []string{"the password"}, search.in([]byte("\x00around "+text+" it\xff")), name)
	}
	assert.Empty(t, search.in([]byte("[secret]")))
}

func mustJSON(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

// minCredential is the minimum length at which a secret in a state counts as a credential.
const minCredential = 8

// notAlone are keys under which a state marks more than credentials as secret: a release's values and inputs and a task's steps
// as a whole, a password's username, and its expiry.
var notAlone = []string{"values", "__inputs", "step", "username", "expiry"}

// credentialsOf returns every secret in an exported state, by resource and key.
func credentialsOf(t *testing.T, export []byte) map[string]string {
	t.Helper()
	var state struct {
		Deployment struct {
			Resources []struct {
				URN             string
				Inputs, Outputs map[string]any
			}
		}
	}
	require.NoError(t, json.Unmarshal(export, &state))
	found := map[string]string{}
	for _, r := range state.Deployment.Resources {
		parts := strings.Split(r.URN, "::")
		name := parts[len(parts)-1]
		for _, properties := range []map[string]any{r.Inputs, r.Outputs} {
			for key, value := range properties {
				if !slices.Contains(notAlone, key) {
					addSecrets(t, found, name+" "+key, value)
				}
			}
		}
	}
	return found
}

// Marker of a secret in an exported state.
const (
	signatureKey    = "4dabf18193072939515e22adb298388d"
	secretSignature = "1b47061264138c4ac30d75fd1eb44270"
)

// addSecrets adds the values marked as secret in part of the state.
func addSecrets(t *testing.T, found map[string]string, name string, value any) {
	t.Helper()
	switch value := value.(type) {
	case map[string]any:
		if value[signatureKey] == secretSignature {
			var plain any
			require.NoError(t, json.Unmarshal([]byte(value["plaintext"].(string)), &plain))
			addTexts(found, name, plain)
			return
		}
		for key, item := range value {
			addSecrets(t, found, name+"."+key, item)
		}
	case []any:
		for i, item := range value {
			addSecrets(t, found, fmt.Sprintf("%s.%d", name, i), item)
		}
	}
}

// known are the parts of docker configs and kubeconfigs that are credentials.
var known = []string{"password", "auth", "token", "client-key-data"}

// addTexts adds all strings in a secret; of docker configs and kubeconfigs, only credentials.
func addTexts(found map[string]string, name string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, item := range value {
			if !slices.Contains(notAlone, key) {
				addTexts(found, name+"."+key, item)
			}
		}
	case []any:
		for i, item := range value {
			addTexts(found, fmt.Sprintf("%s.%d", name, i), item)
		}
	case string:
		inner := value
		if decoded, err := base64.StdEncoding.DecodeString(value); err == nil {
			inner = string(decoded)
		}
		var document map[string]any
		switch err := yaml.Unmarshal([]byte(inner), &document); {
		case err == nil && (document["auths"] != nil || document["users"] != nil):
			addKnown(found, name, document)
		case len(value) >= minCredential:
			found[name] = value
		}
	}
}

func addKnown(found map[string]string, name string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, item := range value {
			if text, ok := item.(string); ok && slices.Contains(known, key) {
				found[name+"."+key] = text
			}
			addKnown(found, name+"."+key, item)
		}
	case []any:
		for i, item := range value {
			addKnown(found, fmt.Sprintf("%s.%d", name, i), item)
		}
	}
}
