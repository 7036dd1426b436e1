package infra

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestAdoptedNamespaceIsNotTheStacks(t *testing.T) {
	t.Parallel()
	inBoth(t, projecttest.ReadStack(t, "testdata/valid-namespaces.yaml"), func(t *testing.T, g *graph) {
		require.NotContains(t, g.of("kubernetes:core/v1:Namespace"), "legacy")
		require.Contains(t, g.of("kubernetes:core/v1:NamespacePatch"), "legacy")
		require.True(t, g.of("kubernetes:core/v1:Namespace")["customerapi"].retain)
		require.False(t, g.of("kubernetes:core/v1:Namespace")["orderapi"].retain)
	})
}
