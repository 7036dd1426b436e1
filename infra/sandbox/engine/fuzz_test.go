//go:build linux

package engine

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// FuzzKeepSalt: settings with the old salt keep everything else.
func FuzzKeepSalt(f *testing.F) {
	f.Add("{encryptionsalt: y, secretsprovider: azurekeyvault, encryptedkey: k, config: {a: [1, 2]}}", "encryptionsalt: x")
	f.Add("# why\nconfig:\n  a: &b {c: d}\n  e: *b\n", "{config: {a: 1}, encryptionsalt: v1:abc=}")
	f.Add("", "encryptionsalt: 1")
	f.Fuzz(func(t *testing.T, settings, old string) {
		var before, previous, after map[string]any
		if yaml.Unmarshal([]byte(settings), &before) != nil || strings.Contains(settings, "encryptionsalt: &") {
			return // The engine rejects the first; no file refers to a salt.
		}
		var node yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(settings), &node))
		text, err := yaml.Marshal(&node)
		var again map[string]any
		if err != nil || yaml.Unmarshal(text, &again) != nil || !reflect.DeepEqual(before, again) {
			return // the library itself loses something, such as a null without a colon
		}
		kept, err := keepSalt([]byte(settings), []byte(old))
		if err != nil {
			return
		}
		require.NoError(t, yaml.Unmarshal(kept, &after), "%s", kept)
		if yaml.Unmarshal([]byte(old), &previous) != nil {
			return
		}
		want, _ := previous[salt].(string)
		got, _ := after[salt].(string)
		require.Equal(t, want, got)
		for _, settings := range []map[string]any{before, after} {
			for _, key := range []string{salt, "secretsprovider", "encryptedkey"} {
				delete(settings, key)
			}
		}
		if len(before) > 0 || len(after) > 0 {
			require.Equal(t, before, after)
		}
	})
}
