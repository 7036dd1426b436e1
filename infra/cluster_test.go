package infra

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

// testClusterUID is the UID of the namespace kube-system in the tests' cluster.
const testClusterUID = "12345678-aaaa-bbbb-cccc-1234567890ab"

// TestMain gives the programs a cluster that serves only its identity, and a KUBECONFIG of two files, which kubectl would merge.
func TestMain(m *testing.M) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/namespaces/kube-system" {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprintf(w, `{"metadata":{"uid":%q}}`, testClusterUID)
	}))
	folder, err := os.MkdirTemp("", "kube")
	if err != nil {
		panic(err)
	}
	files := map[string]string{
		"contexts": `{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a}}]}`,
		"clusters": `{apiVersion: v1, kind: Config, clusters: [{name: a, cluster: {server: "` + server.URL + `"}}]}`,
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			panic(err)
		}
	}
	if err := os.Setenv("KUBECONFIG", filepath.Join(folder, "contexts")+string(os.PathListSeparator)+filepath.Join(folder, "clusters")); err != nil {
		panic(err)
	}
	code := m.Run()
	server.Close()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// Several files in KUBECONFIG are merged as by kubectl, and no path of the machine gets into the state.
func TestKubeconfigOfSeveralFiles(t *testing.T) {
	t.Parallel()
	inBoth(t, projecttest.ReadStack(t, "../Pulumi.dev.yaml"), func(t *testing.T, g *graph) {
		provider := g.of("pulumi:providers:kubernetes")["cluster"]
		require.NotContains(t, provider.inputs, "kubeconfig")
		require.Equal(t, testClusterUID, provider.inputs["clusterIdentifier"].StringValue())
		require.Equal(t, testClusterUID, g.of("acr-microservices:index:Cluster")["cluster"].inputs["identity"].StringValue())
	})
}

// A kubeconfig of the stack file that cannot be used is an error before anything is registered.
func TestKubeconfigOfTheStackFile(t *testing.T) {
	t.Parallel()
	for run, preview := range runs {
		t.Run(run, func(t *testing.T) {
			t.Parallel()
			g, err := deploy(projecttest.ParseStack(t, []byte(`
config:
  azure-native:location: westeurope
  acr-microservices:cluster:
    kubeconfig: '{apiVersion: v1, kind: Config, contexts: [{name: a, context: {cluster: a}}], clusters: [{name: a, cluster: {server: "https://a"}}]}'
    context: prod
  acr-microservices:services: {customerapi: {}}
`)), preview)
			require.ErrorContains(t, err, `cluster.kubeconfig: context "prod" does not exist`)
			require.Empty(t, g.resources)
		})
	}
}
