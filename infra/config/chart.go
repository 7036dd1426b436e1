package config

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// shippedChart is the chart of services that name no other, relative to the project folder.
const shippedChart = "./infra/charts/microservice"

// ResolvedChart is a chart as the Kubernetes provider takes it.
type ResolvedChart struct {
	// Name is a path relative to the project folder, a name in Repository, or an oci:// address.
	Name string
	// Version is the exact version; for a path the one in its Chart.yaml.
	Version string
	// Repository is the address of a chart repository; empty for a path and for oci.
	Repository string
	// Username and Password for the repository or OCI registry.
	Username, Password string
	// Digest of a local chart's content; empty for other charts.
	Digest string
}

// ChartOf resolves the chart of a service.
func (c *Config) ChartOf(service string) (ResolvedChart, error) {
	chart := c.chartSettings(service)
	resolved := ResolvedChart{Version: chart.Version, Username: chart.Username, Password: chart.Password}
	switch {
	case chart.Repository != "":
		resolved.Name, resolved.Repository = chart.Name, chart.Repository
		return resolved, nil
	case chart.OCI != "":
		resolved.Name = chart.OCI
		return resolved, nil
	}
	path := shippedChart
	if chart.Path != "" {
		// The provider takes a name without a leading dot for one in a chart repository.
		path = "./" + filepath.ToSlash(filepath.Clean(chart.Path))
	}
	local, err := c.localChart(path)
	resolved.Name, resolved.Version, resolved.Digest = path, local.version, local.digest
	return resolved, err
}

// localChart is what the stack has to know of a chart in the project folder.
type localChart struct{ version, digest string }

// localChart reads a chart in the project folder, once for all services that share it.
func (c *Config) localChart(path string) (chart localChart, err error) {
	if chart, read := c.localCharts[path]; read {
		return chart, nil
	}
	if chart.digest, err = chartDigest(c.path(path)); err != nil {
		return chart, err
	}
	if chart.version, err = chartVersion(c.path(path)); err != nil {
		return chart, err
	}
	if c.localCharts == nil {
		c.localCharts = map[string]localChart{}
	}
	c.localCharts[path] = chart
	return chart, nil
}

// chartVersion returns the version in a local chart's Chart.yaml. The Kubernetes provider would look it up only at the
// update, and so do something else than was previewed.
func chartVersion(path string) (string, error) {
	text, err := chartYAML(path)
	if err != nil {
		return "", fmt.Errorf("chart %q: %w", path, err)
	}
	var chart struct {
		Version string `yaml:"version"`
	}
	if err := yaml.Unmarshal(text, &chart); err != nil {
		return "", fmt.Errorf("chart %q: Chart.yaml: %w", path, err)
	}
	if chart.Version == "" {
		return "", fmt.Errorf("chart %q: Chart.yaml has no version", path)
	}
	return chart.Version, nil
}

// chartYAML returns the content of Chart.yaml in a chart's folder or package.
func chartYAML(path string) ([]byte, error) {
	if !strings.HasSuffix(path, ".tgz") {
		return os.ReadFile(filepath.Join(path, "Chart.yaml"))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	archive := tar.NewReader(unzipped)
	for {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: it has no Chart.yaml", errNoChart)
		}
		if err != nil {
			return nil, err
		}
		// A package holds one folder, the chart's; charts below it have a Chart.yaml of their own.
		if folder, name, _ := strings.Cut(entry.Name, "/"); folder != "" && name == "Chart.yaml" {
			return io.ReadAll(archive)
		}
	}
}

// Description goes into the release's history. It changes with a local chart's content: Helm itself looks only at the
// version in Chart.yaml, so without it an edited template would go unnoticed.
func (r ResolvedChart) Description() string {
	if r.Digest == "" {
		return ""
	}
	return "chart content " + r.Digest
}

// chartDigest returns a short digest of the names and content of a local chart's files.
func chartDigest(path string) (string, error) {
	files, err := chartFiles(path)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("chart %q: %w", path, err)
		}
		name, err := filepath.Rel(path, file)
		if err != nil {
			return "", fmt.Errorf("chart %q: %w", path, err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", filepath.ToSlash(name), len(content), content)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}

var errNoChart = errors.New("is no chart")

// chartFiles returns the files of a chart folder in lexical order, or the packaged chart itself.
func chartFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("chart: %w", err)
	}
	if !info.IsDir() {
		if !strings.HasSuffix(path, ".tgz") {
			return nil, fmt.Errorf("%q %w", path, errNoChart)
		}
		return []string{path}, nil
	}
	if _, err := os.Stat(filepath.Join(path, "Chart.yaml")); err != nil {
		return nil, fmt.Errorf("%q %w: %w", path, errNoChart, err)
	}
	var files []string
	err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("chart %q: %w", path, err)
	}
	return files, nil
}
