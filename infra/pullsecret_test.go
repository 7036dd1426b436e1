package infra

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDockerConfigJSON(t *testing.T) {
	t.Parallel()
	config, err := dockerConfigJSON("example.azurecr.io", "11111111-1111-1111-1111-111111111111", `not-a-"real"~password`)
	require.NoError(t, err)
	golden(t, "dockerconfig.golden", string(config)+"\n")

	var parsed struct {
		Auths map[string]struct{ Password string }
	}
	require.NoError(t, json.Unmarshal(config, &parsed))
	require.Equal(t, `not-a-"real"~password`, parsed.Auths["example.azurecr.io"].Password)
}
