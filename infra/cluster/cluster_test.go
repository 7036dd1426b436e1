package cluster

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/kubeapi"
)

// clusterAt returns the settings of the cluster whose API server has the given address.
func clusterAt(server string) apiServer {
	cluster := config.Cluster{Kubeconfig: `{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a}}],
		clusters: [{name: a, cluster: {server: "` + server + `"}}]}`}
	return func() (*kubeapi.Client, error) { return connect(cluster) }
}

func TestRestConfig(t *testing.T) {
	const content = `{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a}}, {name: b, context: {cluster: b}}],
		clusters: [{name: a, cluster: {server: "https://a"}}, {name: b, cluster: {server: "https://b"}}]}`
	file := t.TempDir() + "/config"
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	t.Setenv("KUBECONFIG", file)
	for name, test := range map[string]struct {
		cluster config.Cluster
		want    string
	}{
		"as kubectl":         {config.Cluster{}, "https://a"},
		"context":            {config.Cluster{Context: "b"}, "https://b"},
		"path":               {config.Cluster{Kubeconfig: file}, "https://a"},
		"content":            {config.Cluster{Kubeconfig: strings.ReplaceAll(content, "https://a", "https://c")}, "https://c"},
		"content, a context": {config.Cluster{Kubeconfig: content, Context: "b"}, "https://b"},
	} {
		found, err := restConfig(test.cluster)
		require.NoError(t, err, name)
		assert.Equal(t, test.want, found.Host, name)
	}
	const token = "correct-horse-battery-staple"
	_, err := restConfig(config.Cluster{Kubeconfig: "{users: [" + token})
	require.ErrorContains(t, err, "is not a kubeconfig")
	assert.NotContains(t, err.Error(), token)
}

// KUBECONFIG names a file by a path relative to itself. The provider reads a kubeconfig of the stack file otherwise.
func TestRelativePaths(t *testing.T) {
	const content = `{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
		clusters: [{name: a, cluster: {server: "https://a"}}], users: [{name: a, user: {tokenFile: token}}]}`
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(folder+"/config", []byte(content), 0o600))
	require.NoError(t, os.WriteFile(folder+"/token", []byte("correct-horse"), 0o600))
	t.Setenv("KUBECONFIG", folder+"/config")
	found, err := restConfig(config.Cluster{})
	require.NoError(t, err)
	assert.Equal(t, "correct-horse", found.BearerToken)
	_, err = restConfig(config.Cluster{Kubeconfig: folder + "/config"})
	require.ErrorContains(t, err, "open token: no such file or directory; the provider looks for relative paths in the project folder")
}

// kubectl and the provider sign in with OpenID Connect without a program of its own.
func TestOpenIDConnect(t *testing.T) {
	t.Parallel()
	_, err := connect(config.Cluster{Kubeconfig: `{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
		clusters: [{name: a, cluster: {server: "https://a"}}],
		users: [{name: a, user: {auth-provider: {name: oidc, config: {idp-issuer-url: "https://b", client-id: c}}}}]}`})
	require.NoError(t, err)
}
