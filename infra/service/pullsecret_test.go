package service

import (
	"encoding/base64"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestDockerConfigJSON(t *testing.T) {
	t.Parallel()
	config, err := dockerConfigJSON("example.azurecr.io", "11111111-1111-1111-1111-111111111111", `not-a-"real"~password`)
	require.NoError(t, err)
	projecttest.Golden(t, "dockerconfig.golden", string(config)+"\n")

	var parsed struct {
		Auths map[string]struct{ Password string }
	}
	require.NoError(t, json.Unmarshal(config, &parsed))
	require.Equal(t, `not-a-"real"~password`, parsed.Auths["example.azurecr.io"].Password)
}

// FuzzDockerConfig: kubelet reads from a pull secret what was written into it.
func FuzzDockerConfig(f *testing.F) {
	f.Add("example.azurecr.io", "11111111-1111-1111-1111-111111111111", `not-a-"real"~password`)
	f.Add("h", "a:b", "<&>\u2028\\")
	f.Fuzz(func(t *testing.T, server, username, password string) {
		config, err := dockerConfigJSON(server, username, password)
		require.NoError(t, err)
		var read struct {
			Auths map[string]struct{ Username, Password, Auth string }
		}
		require.NoError(t, json.Unmarshal(config, &read))
		for _, text := range []string{server, username, password} {
			if !utf8.ValidString(text) { // which Azure does not make, and JSON does not hold
				return
			}
		}
		login, ok := read.Auths[server]
		if !ok || login.Username != username || login.Password != password {
			t.Errorf("%s", config)
		}
		if auth, err := base64.StdEncoding.DecodeString(login.Auth); err != nil || string(auth) != username+":"+password {
			t.Errorf("%s: %s, %v", config, auth, err)
		}
	})
}
