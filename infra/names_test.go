package infra

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/azure"
	"example.com/acr-microservices/infra/internal/projecttest"
)

// A service's name has up to 53 characters, and a project's 100: with the suffixes, both are too long for Azure.
func TestLongNames(t *testing.T) {
	t.Parallel()
	service := strings.Repeat("s", 53) // the longest that Helm allows
	g, err := deploy(projecttest.ParseStack(t, []byte(`
config:
  azure-native:location: westeurope
  acr-microservices:registry: {pull: {mode: token}}
  acr-microservices:services:
    `+service+`: {image: {tag: 1.0.0, import: {source: docker.io/library/nginx:1.29}}}
`)), false)
	require.NoError(t, err)
	for kind, key := range map[string]string{
		"azure-native:containerregistry/v20190601preview:Task":     "taskName",
		"azure-native:containerregistry/v20231101preview:ScopeMap": "scopeMapName",
	} {
		for _, made := range g.of(kind) {
			require.LessOrEqual(t, len(made.inputs[resource.PropertyKey(key)].StringValue()), azure.MaxName, kind)
		}
	}
	require.Len(t, g.of("azure-native:containerregistry/v20190601preview:Task"), 1)
	require.LessOrEqual(t, len(registryName(strings.Repeat("project", 10))+"1a2b3c4d"), azure.MaxName)
	require.Equal(t, "acrmicroservices", registryName(projecttest.Project))
}
