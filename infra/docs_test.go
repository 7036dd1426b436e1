package infra

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestDocsListEveryOutput(t *testing.T) {
	t.Parallel()
	g, err := deploy(projecttest.ReadStack(t, "../Pulumi.dev.yaml"), false)
	require.NoError(t, err)
	var want []string
	for name := range g.outputs {
		want = append(want, string(name))
	}
	got := projecttest.FirstColumn(t, "docs/outputs.md", "# Outputs")
	require.ElementsMatch(t, want, got)

	g, err = deploy(projecttest.ReadStack(t, "testdata/valid-dockerhub.yaml"), false)
	require.NoError(t, err)
	var foreign []string
	for name := range g.outputs {
		foreign = append(foreign, string(name))
	}
	require.ElementsMatch(t, got[len(got)-3:], foreign, "with registry.external only the last three are there")
}
