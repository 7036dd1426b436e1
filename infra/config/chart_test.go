package config

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// writeFiles writes files below a folder and returns the folder.
func writeFiles(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return dir
}

const chartYAML = "apiVersion: v2\nname: api\nversion: 1.2.3\n"

func TestChartDigestFollowsContent(t *testing.T) {
	t.Parallel()
	files := map[string]string{"Chart.yaml": chartYAML, "templates/deployment.yaml": "kind: Deployment\n", ".helmignore": "docs/\n"}
	digest := func(changes map[string]string) string {
		all := maps.Clone(files)
		for name, content := range changes {
			all[name] = content
			if content == "" {
				delete(all, name)
			}
		}
		read := readChart(writeFiles(t, t.TempDir(), all))
		require.NoError(t, read.err)
		require.Equal(t, "1.2.3", read.version)
		return read.digest
	}
	plain := digest(nil)
	for name, same := range map[string]map[string]string{
		"another place":                          nil,
		"Windows' line ends":                     {"templates/deployment.yaml": "kind: Deployment\r\n", "Chart.yaml": "apiVersion: v2\r\nname: api\r\nversion: 1.2.3\r\n"},
		"a byte order mark":                      {"templates/deployment.yaml": "\ufeffkind: Deployment\n"},
		"macOS":                                  {".DS_Store": "\x00", "templates/.DS_Store": "\x00"},
		"an ignored file":                        {"docs/guide.md": "# Guide\n"},
		"another .helmignore of the same effect": {".helmignore": "# nothing of this is read\ndocs/\n"},
	} {
		require.Equal(t, plain, digest(same), name)
	}
	for name, other := range map[string]map[string]string{
		"an edited template":       {"templates/deployment.yaml": "kind: StatefulSet\n"},
		"a renamed template":       {"templates/deployment.yaml": "", "templates/other.yaml": "kind: Deployment\n"},
		"a file for .Files":        {"config/app.conf": "a=b\n"},
		"a file no longer ignored": {".helmignore": "", "docs/guide.md": "# Guide\n"},
	} {
		require.NotEqual(t, plain, digest(other), name)
	}
}

// pack writes a chart package.
func pack(t *testing.T, files map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "api.tgz")
	file, err := os.Create(path)
	require.NoError(t, err)
	zipped := gzip.NewWriter(file)
	archive := tar.NewWriter(zipped)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(files[name]))}))
		_, err = archive.Write([]byte(files[name]))
		require.NoError(t, err)
	}
	require.NoError(t, errors.Join(archive.Close(), zipped.Close(), file.Close()))
	return path
}

// https://github.com/helm/helm/issues/1639, 3298 and 3821: Helm follows symbolic links in a chart.
func TestChartFollowsSymbolicLinks(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, t.TempDir(), map[string]string{
		"chart/Chart.yaml": chartYAML, "shared/deployment.yaml": "kind: Deployment\n", "values.yaml": "image: {digest: \"\"}\n",
	})
	for link, target := range map[string]string{"chart/templates": "../shared", "chart/values.yaml": "../values.yaml"} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, link)))
	}
	linked := readChart(filepath.Join(dir, "chart"))
	require.NoError(t, linked.err)
	require.True(t, linked.hasValue("image.digest", false))
	copied := readChart(writeFiles(t, t.TempDir(), map[string]string{
		"Chart.yaml": chartYAML, "templates/deployment.yaml": "kind: Deployment\n", "values.yaml": "image: {digest: \"\"}\n",
	}))
	require.Equal(t, copied.digest, linked.digest)

	writeFiles(t, dir, map[string]string{"shared/deployment.yaml": "kind: StatefulSet\n"})
	require.NotEqual(t, linked.digest, readChart(filepath.Join(dir, "chart")).digest, "the link's target is read")

	require.NoError(t, os.Symlink("../nowhere", filepath.Join(dir, "chart", "README.md")))
	require.ErrorContains(t, readChart(filepath.Join(dir, "chart")).err, "README.md")
}

func TestChartReasons(t *testing.T) {
	t.Parallel()
	dependencies := chartYAML + "dependencies:\n- {name: show, version: 0.1.0, repository: \"file://../show\"}\n- {name: cache, version: 1.0.0, alias: db}\n"
	for want, files := range map[string]map[string]string{
		"is a folder without a Chart.yaml":                                             {"templates/a.yaml": "a: b\n"},
		"is not a chart that Helm can read: cannot load Chart.yaml: ":                  {"Chart.yaml": "name: [\n"},
		"chart.metadata.version is required":                                           {"Chart.yaml": "apiVersion: v2\nname: api\n"},
		"is not a chart that Helm can read: cannot load values.yaml: error converting": {"Chart.yaml": chartYAML, "values.yaml": "a:\n\t- b\n"},
		"is a library chart, which Helm cannot install":                                {"Chart.yaml": chartYAML + "type: library\n"},
		"needs charts that are not in its folder charts: show, cache; run `helm dependency build`": {
			"Chart.yaml": dependencies,
		},
		// https://github.com/helm/helm/issues/12887: the folder has another name than the chart in it
		"charts: show, cache; run": {
			"Chart.yaml": dependencies, "charts/show/Chart.yaml": "apiVersion: v2\nname: other\nversion: 0.1.0\n",
		},
		"charts: show; run": {"Chart.yaml": dependencies, "charts/cache/Chart.yaml": "apiVersion: v2\nname: cache\nversion: 1.0.0\n"},
	} {
		err := readChart(writeFiles(t, t.TempDir(), files)).err
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), os.TempDir())
	}
	dir := writeFiles(t, t.TempDir(), map[string]string{"Chart.yaml": chartYAML})
	require.ErrorContains(t, readChart(filepath.Join(dir, "none")).err, "cannot be read: no such file or directory")
	require.ErrorContains(t, readChart(filepath.Join(dir, "Chart.yaml")).err, "is not a chart that Helm can read: ")

	packed := readChart(pack(t, map[string]string{"api/Chart.yaml": chartYAML, "api/charts/below/Chart.yaml": "apiVersion: v2\nname: below\nversion: 9.0.0\n"}))
	require.NoError(t, packed.err)
	require.Equal(t, "1.2.3", packed.version)
	require.ErrorContains(t, readChart(pack(t, map[string]string{"api/charts/below/Chart.yaml": chartYAML})).err, "Chart.yaml file is missing")
}

func TestChartHasValue(t *testing.T) {
	t.Parallel()
	read := readChart(writeFiles(t, t.TempDir(), map[string]string{
		"Chart.yaml":              chartYAML + "dependencies:\n- {name: order, version: 1.0.0, alias: orders}\n",
		"values.yaml":             "image: {digest: \"\", tag: x}\ntag: 1\n",
		"charts/order/Chart.yaml": "apiVersion: v2\nname: order\nversion: 1.0.0\n", "charts/order/values.yaml": "image: {digest: null}\n",
	}))
	require.NoError(t, read.err)
	for path, want := range map[string]bool{
		"image.digest": true, "orders.image.digest": true, "image.hash": false, "tag": true, "tag.digest": false,
		"other.image.digest": false, "digest": false,
	} {
		require.Equal(t, want, read.hasValue(path, true), path)
	}
}

// A chart whose digest is null by default does not get an empty text for an image without a digest.
func TestNullDigest(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{"image: {digest: null}\n": "tag", "image: {digest: ''}\n": "image.digest", "image: {digest: sha256:1}\n": "image.digest"} {
		dir := writeFiles(t, t.TempDir(), map[string]string{"api/Chart.yaml": chartYAML, "api/values.yaml": values})
		cfg := &Config{root: dir, Chart: Chart{Path: "api"}, Services: map[string]Service{"plain": {}, "pinned": {Image: Image{Digest: "sha256:2"}}}}
		plain, err := cfg.ChartOf("plain")
		require.NoError(t, err)
		require.Equal(t, want, plain.Keys.Digest, values)
		pinned, err := cfg.ChartOf("pinned")
		require.NoError(t, err)
		require.Equal(t, "image.digest", pinned.Keys.Digest, values)
	}
}

func TestChartSettings(t *testing.T) {
	t.Parallel()
	stackKeys, ownKeys := ChartKeys{Tag: "app.tag"}, ChartKeys{Image: "app.image"}
	cfg := &Config{
		Chart: Chart{Repository: "https://charts.example.com", Name: "api", Version: "1.0.0", Keys: stackKeys, Check: ptr(false)},
		Services: map[string]Service{
			"plain": {}, "keys": {Chart: Chart{Keys: ownKeys}}, "check": {Chart: Chart{Check: ptr(true)}},
			"own": {Chart: Chart{OCI: "oci://example.azurecr.io/charts/own", Version: "2.0.0"}},
		},
	}
	for service, want := range map[string]Chart{
		"plain": cfg.Chart,
		"keys":  {Repository: "https://charts.example.com", Name: "api", Version: "1.0.0", Keys: ownKeys, Check: ptr(false)},
		"check": {Repository: "https://charts.example.com", Name: "api", Version: "1.0.0", Keys: stackKeys, Check: ptr(true)},
		"own":   cfg.Services["own"].Chart,
	} {
		require.Equal(t, want, cfg.chartSettings(service), service)
	}
	resolved, err := cfg.ChartOf("own")
	require.NoError(t, err)
	require.True(t, resolved.Check)
	require.Equal(t, ChartKeys{Repository: "image.repository", Tag: "image.tag", Digest: "tag", PullSecrets: "imagePullSecrets"}, resolved.Keys)
	cfg.root = root
	cfg.Chart = Chart{}
	resolved, err = cfg.ChartOf("plain")
	require.NoError(t, err)
	require.Equal(t, "image.digest", resolved.Keys.Digest, "the shipped chart takes the digest as a separate value")
}

func TestReleaseOf(t *testing.T) {
	t.Parallel()
	cfg := &Config{Services: map[string]Service{"api": {}, "hooked": {Release: Release{Wait: ptr(false)}}}}
	applyDefaults(cfg, "dev")
	require.True(t, *cfg.ReleaseOf("api").Atomic)
	hooked := cfg.ReleaseOf("hooked")
	require.False(t, *hooked.Wait)
	require.False(t, *hooked.Atomic, "Helm's atomic would wait")
	cfg.Release.Atomic = ptr(true)
	for service, want := range map[string]int{"hooked": 1, "api": 0} {
		var found problems
		validateRelease(&found, "release", cfg.ReleaseOf(service))
		require.Len(t, found, want, service)
	}
}
