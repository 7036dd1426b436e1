package config

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
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

func TestChartVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	yaml := filepath.Join(dir, "Chart.yaml")
	require.NoError(t, os.WriteFile(yaml, []byte("name: api\nversion: 1.2.3\n"), 0o600))
	version, err := chartVersion(dir)
	require.NoError(t, err)
	require.Equal(t, "1.2.3", version)

	pack := func(entries ...string) string {
		path := filepath.Join(t.TempDir(), "api.tgz")
		file, err := os.Create(path)
		require.NoError(t, err)
		zipped := gzip.NewWriter(file)
		archive := tar.NewWriter(zipped)
		for i, name := range entries {
			content := fmt.Sprintf("name: api\nversion: %d.0.0\n", i)
			require.NoError(t, archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}))
			_, err = archive.Write([]byte(content))
			require.NoError(t, err)
		}
		require.NoError(t, errors.Join(archive.Close(), zipped.Close(), file.Close()))
		return path
	}
	version, err = chartVersion(pack("api/charts/below/Chart.yaml", "api/Chart.yaml"))
	require.NoError(t, err)
	require.Equal(t, "1.0.0", version)
	_, err = chartVersion(pack("api/charts/below/Chart.yaml"))
	require.ErrorIs(t, err, errNoChart)

	require.NoError(t, os.WriteFile(yaml, []byte("name: api\n"), 0o600))
	_, err = chartVersion(dir)
	require.ErrorContains(t, err, "Chart.yaml has no version")
}
