package config

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
)

// Chart names a Helm chart: a local path, a chart in a repository, or an OCI chart. Empty means the chart that this project ships.
type Chart struct {
	// Path is a chart folder or a packaged chart (.tgz), relative to the project folder and inside it.
	Path string `json:"path" is:"projectPath"`
	// Repository is the http or https address of a chart repository. It needs `name` and `version`.
	Repository string `json:"repository" is:"chartRepository"`
	// Name is the chart's name in `repository`.
	Name string `json:"name"`
	// OCI is the address of a chart in an OCI registry, such as `oci://example.azurecr.io/charts/microservice`. It needs `version`.
	OCI string `json:"oci" is:"ociChart"`
	// Version is the chart's exact version, such as `1.2.3`, for `repository` and `oci`.
	Version string `json:"version" is:"exactVersion"`
	// Username is the user name for `repository` or `oci`.
	Username string `json:"username"`
	// Password is the password for `repository` or `oci`. Encrypt it.
	Password string `json:"password" secret:"true"`
	// Keys name the chart's values that take the image and the pull secret, for a chart that does not follow `helm create`. A service
	// without its own chart can still set its own keys.
	Keys ChartKeys `json:"keys"`
	// Check checks the manifests that the chart renders, in preview and update, before anything changes (`true`): a container runs the
	// stack's image, no container runs another tag of it, and each pod with an image from the stack's registry names the pull secret.
	// The chart is rendered for the namespace `default`. Turn the check off (`false`) for a chart that it cannot judge, such as one
	// whose pods an operator creates.
	Check *bool `json:"check" default:"true"`
}

// shippedChart is the chart of services that do not name another one, relative to the project folder.
const shippedChart = "./infra/charts/microservice"

// chartSettings returns the chart of a service: its own, or the stack's, whose keys and check it can override.
func (c *Config) chartSettings(service string) Chart {
	own := c.Services[service].Chart
	if own.named() {
		return own
	}
	outer := c.Chart
	if own.Keys != (ChartKeys{}) {
		outer.Keys = own.Keys
	}
	setDefault(&own.Check, outer.Check)
	outer.Check = own.Check
	return outer
}

// named reports whether the settings name a chart.
func (c Chart) named() bool {
	c.Keys, c.Check = ChartKeys{}, nil
	return c != Chart{}
}

// shipped reports whether the settings mean the chart that this project ships.
func (c Chart) shipped() bool {
	return c.Repository == "" && c.OCI == "" && chartPath(c) == shippedChart
}

// ResolvedChart is a chart in the form that the Kubernetes provider expects.
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
	// Keys name the chart's values that take the image and the pull secret, with all defaults.
	Keys ChartKeys
	// Check says whether the program checks the manifests that the chart renders.
	Check bool
}

// ChartOf resolves the chart of a service.
func (c *Config) ChartOf(service string) (ResolvedChart, error) {
	settings := c.chartSettings(service)
	resolved := ResolvedChart{
		Version: settings.Version, Username: settings.Username, Password: settings.Password, Check: ValueOr(settings.Check, true),
	}
	hasValue := func(string) bool { return false }
	var err error
	switch {
	case settings.Repository != "":
		resolved.Name, resolved.Repository = settings.Name, settings.Repository
	case settings.OCI != "":
		resolved.Name = settings.OCI
	default:
		var local *localChart
		resolved.Name = chartPath(settings)
		local, err = c.localChart(resolved.Name)
		resolved.Version, resolved.Digest = local.version, local.digest
		// An image without a digest makes an empty text of the value, which a chart's schema can refuse in place of its null:
		// https://github.com/traefik/traefik-helm-chart/blob/master/traefik/values.schema.json
		pinned := c.Services[service].Image.Digest != ""
		hasValue = func(path string) bool { return local.hasValue(path, pinned) }
	}
	resolved.Keys = settings.Keys.WithDefaults(hasValue)
	return resolved, err
}

// chartPath returns the path of a chart in the project folder.
func chartPath(settings Chart) string {
	if settings.Path == "" {
		return shippedChart
	}
	// The provider takes a name without a leading dot for one in a chart repository.
	return "./" + filepath.ToSlash(filepath.Clean(settings.Path))
}

// Description goes into the release's history. It changes with a local chart's content: Helm itself looks only at the
// version in Chart.yaml, so without it an edited template would go unnoticed.
func (r ResolvedChart) Description() string {
	if r.Digest == "" {
		return ""
	}
	return "chart content " + r.Digest
}

// RenderHost returns the host of a service's image for the check of its chart: the registry's host as far as the stack file tells,
// because in the first preview nothing else does.
func (c *Config) RenderHost() string {
	name := c.Registry.Name
	switch {
	case c.Registry.External != "":
		return c.Registry.External
	case c.Registry.Existing != nil:
		id, _ := ParseRegistryID(c.Registry.Existing.ID)
		name = cmp.Or(c.Registry.Existing.Name, id.Name)
	}
	return strings.ToLower(cmp.Or(name, "registry")) + "." + c.Cloud.RegistrySuffix
}

// ChartFaults returns the faults of a service's chart as one error, or nil if there are none. Each fault begins with a key below
// chart.
func ChartFaults(service string, faults []string) error {
	var found problems
	for _, fault := range faults {
		key, rule, _ := strings.Cut(fault, ": ")
		found.add("services."+service+".chart."+key, nil, rule)
	}
	return found.err(nil)
}

// localChart is what the program needs to know about a chart in the project folder.
type localChart struct {
	version, digest string
	chart           *chart.Chart
	err             error
}

// localChart reads a chart in the project folder, once for all services that share it.
func (c *Config) localChart(path string) (*localChart, error) {
	local, read := c.localCharts[path]
	if !read {
		local = readChart(c.path(path))
		if c.localCharts == nil {
			c.localCharts = map[string]*localChart{}
		}
		c.localCharts[path] = local
	}
	return local, local.err
}

// readChart reads a chart folder or package with Helm's own loader, which follows symbolic links and skips the files that
// .helmignore names. It reads the version because the Kubernetes provider would look it up only during the update, and could then
// deploy something other than the preview showed.
func readChart(path string) *localChart {
	log.SetOutput(io.Discard) // The loader logs each symbolic link.
	defer log.SetOutput(os.Stderr)
	loaded, err := loader.Load(path)
	if err != nil {
		return &localChart{err: chartReason(path, err)}
	}
	if loaded.Metadata.Type == "library" {
		return &localChart{err: errors.New("is a library chart, which Helm cannot install")}
	}
	var missing []string
	for _, wanted := range loaded.Metadata.Dependencies {
		if !slices.ContainsFunc(loaded.Dependencies(), func(there *chart.Chart) bool { return there.Name() == wanted.Name }) {
			missing = append(missing, wanted.Name)
		}
	}
	if len(missing) > 0 {
		return &localChart{err: fmt.Errorf("needs charts that are not in its folder charts: %s; "+
			"run `helm dependency build` for it, and commit the charts that it downloads", strings.Join(missing, ", "))}
	}
	return &localChart{version: loaded.Metadata.Version, digest: chartDigest(loaded.Raw), chart: loaded}
}

// chartReason returns the reason why Helm cannot load a chart.
func chartReason(path string, err error) error {
	if info, found := os.Stat(path); found == nil && info.IsDir() {
		if _, found := os.Stat(filepath.Join(path, "Chart.yaml")); found != nil {
			return errors.New("is a folder without a Chart.yaml")
		}
	}
	var at *os.PathError
	if errors.As(err, &at) && filepath.Clean(at.Path) == filepath.Clean(path) {
		return fileReason(err)
	}
	reason := strings.ReplaceAll(err.Error(), path+string(filepath.Separator), "")
	return fmt.Errorf("is not a chart that Helm can read: %s", strings.ReplaceAll(reason, path, "it"))
}

// chartDigest returns a short digest of the names and content of the files that Helm reads of a chart. It is the same for every
// checkout: it ignores the line ends of Windows, which git can add to text, and .DS_Store, which macOS adds to folders.
func chartDigest(files []*chart.File) string {
	files = slices.SortedFunc(slices.Values(files), func(a, b *chart.File) int { return strings.Compare(a.Name, b.Name) })
	sum := sha256.New()
	for _, file := range files {
		if base := path.Base(file.Name); base == ".DS_Store" || base == ".helmignore" {
			continue
		}
		content := file.Data
		if !bytes.Contains(content, []byte{0}) {
			content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
		}
		fmt.Fprintf(sum, "%s %d\n%s", file.Name, len(content), content)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}

// hasValue reports whether the values of the chart, or of the subchart with which the path begins, have a value at the path. Nulls
// says whether null is one.
func (l *localChart) hasValue(path string, nulls bool) bool {
	return l.chart != nil && chartHasValue(l.chart, path, nulls)
}

func chartHasValue(in *chart.Chart, path string, nulls bool) bool {
	folder, key := "", path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		folder, key = path[:i], path[i+1:]
	}
	object := in.Values
	if folder != "" {
		object, _ = valueAt(in.Values, folder).(map[string]any)
	}
	if value, named := object[key]; named && (nulls || value != nil) {
		return true
	}
	name, below, deeper := strings.Cut(path, ".")
	if !deeper {
		return false
	}
	for _, wanted := range in.Metadata.Dependencies {
		if wanted.Alias == name {
			name = wanted.Name
		}
	}
	return slices.ContainsFunc(in.Dependencies(), func(sub *chart.Chart) bool { return sub.Name() == name && chartHasValue(sub, below, nulls) })
}

func (c *Config) validateChart(found *problems, key string, chart Chart) {
	forms := 0
	for _, form := range []string{chart.Path, chart.Repository, chart.OCI} {
		if form != "" {
			forms++
		}
	}
	validateKeys(found, key+".keys", chart.Keys)
	if forms != 1 {
		found.addUnless(!chart.named(), key, nil, "takes exactly one of path, repository and oci")
		return
	}
	if chart.Path != "" {
		if filepath.IsLocal(chart.Path) {
			if _, err := c.localChart(chartPath(chart)); err != nil {
				found.add(key+".path", chart.Path, err.Error())
			}
		}
		found.addUnless(chart.Name == "" && chart.Version == "" && chart.Username == "" && chart.Password == "", key, nil,
			"has a path, which excludes name, version, username and password")
		return
	}
	if chart.Repository != "" {
		found.addUnless(chart.Name != "", key+".name", nil, "is missing; name the chart in the repository")
	} else {
		found.addUnless(chart.Name == "", key+".name", chart.Name, "is not used with oci; the address names the chart")
	}
	found.addUnless(chart.Version != "", key+".version", chart.Version, kinds["exactVersion"].rule)
	found.addUnless(chart.Password == "" || chart.Username != "", key+".username", nil, "is missing; the password needs it")
}
