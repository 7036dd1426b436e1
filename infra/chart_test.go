package infra

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChartDigestFollowsContent(t *testing.T) {
	t.Parallel()
	write := func(dir, name, content string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o750))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	digestOf := func(dir string) string {
		digest, err := chartDigest(dir)
		require.NoError(t, err)
		return digest
	}
	one, two := t.TempDir(), t.TempDir()
	for _, dir := range []string{one, two} {
		write(dir, "Chart.yaml", "name: api\nversion: 1.0.0\n")
		write(dir, "templates/deployment.yaml", "kind: Deployment\n")
	}
	before := digestOf(one)
	require.Equal(t, before, digestOf(two), "the place does not matter")
	write(one, "templates/deployment.yaml", "kind: StatefulSet\n")
	require.NotEqual(t, before, digestOf(one), "an edited template matters")
	templates := filepath.Join(two, "templates")
	require.NoError(t, os.Rename(filepath.Join(templates, "deployment.yaml"), filepath.Join(templates, "other.yaml")))
	require.NotEqual(t, before, digestOf(two), "a renamed template matters")

	_, err := chartDigest(filepath.Join(one, "templates"))
	require.ErrorIs(t, err, errNoChart)
	packaged := filepath.Join(one, "api-1.0.0.tgz")
	write(one, "api-1.0.0.tgz", "x")
	_, err = chartDigest(packaged)
	require.NoError(t, err)
	_, err = chartDigest(filepath.Join(one, "Chart.yaml"))
	require.ErrorIs(t, err, errNoChart)
}
