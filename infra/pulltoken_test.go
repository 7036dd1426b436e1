package infra

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestACRNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, name := range []string{"a-b", "abcd", "abcde", strings.Repeat("a", 48), strings.Repeat("a", 49), strings.Repeat("a", 63)} {
		base := acrName(name, maxTokenBase)
		require.GreaterOrEqual(t, len(base), 5, name)
		require.LessOrEqual(t, len(base+"-0"), 50, name)
		require.False(t, seen[base], "%s has the name of another", name)
		seen[base] = true
	}
	require.Equal(t, "customerapi-test", acrName("customerapi-test", maxTokenBase))
}

// A service's name may have 53 characters, the project's 100: Azure takes neither, with what is added.
func TestLongNames(t *testing.T) {
	t.Parallel()
	service := strings.Repeat("s", 53) // the longest that Helm takes
	g, err := deploy(projecttest.ParseStack(t, []byte(`
config:
  azure-native:location: westeurope
  acr-microservices:registry: {pull: {mode: token}}
  acr-microservices:services:
    `+service+`: {image: {tag: 1.0.0, import: {source: docker.io/library/nginx:1.29}}}
`)), false)
	require.NoError(t, err)
	for kind, key := range map[string]string{
		"azure-native:containerregistry:Task":                      "taskName",
		"azure-native:containerregistry/v20231101preview:ScopeMap": "scopeMapName",
	} {
		for _, made := range g.of(kind) {
			require.LessOrEqual(t, len(made.inputs[resource.PropertyKey(key)].StringValue()), maxACRName, kind)
		}
	}
	require.Len(t, g.of("azure-native:containerregistry:Task"), 1)
	require.LessOrEqual(t, len(registryBase(strings.Repeat("project", 10))+"1a2b3c4d"), maxACRName)
	require.Equal(t, "acrmicroservices", registryBase(projecttest.Project))
}
