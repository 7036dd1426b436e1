package azuredouble

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSecretsOfTasksAreSealed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "azure.json")
	d, err := Open(Options{StatePath: path})
	require.NoError(t, err)
	settings := props{"step": props{
		"contextAccessToken": "token in confidence",
		"values": []any{
			props{"name": "username", "value": "reader"},
			props{"name": "password", "value": "password in confidence", "isSecret": true},
		},
	}}
	require.NoError(t, d.change(func(s *state) error {
		s.Resources["task"] = &armResource{ID: "task", Settings: settings}
		return nil
	}))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.NotContains(t, string(content), "in confidence")
	assert.Contains(t, string(content), "reader")
	assert.Equal(t, settings, d.current().resource("task").Settings)

	again, err := Open(Options{StatePath: path})
	require.NoError(t, err)
	assert.Equal(t, settings, again.current().resource("task").Settings)
	require.NoError(t, os.Remove(keyFile(path)))
	_, err = Open(Options{StatePath: path})
	require.ErrorContains(t, err, "sealed with another key")
}
