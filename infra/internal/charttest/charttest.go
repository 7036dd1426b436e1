// Package charttest renders charts for tests as the Kubernetes provider does: with Helm's own engine, without a cluster.
package charttest

import (
	"cmp"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"
)

// Options are the options of the provider's function that tests of local charts need.
type Options struct {
	Chart       string         `json:"chart"`
	Path        string         `json:"path"`
	ReleaseName string         `json:"release_name"`
	Namespace   string         `json:"namespace"`
	Values      map[string]any `json:"values"`
}

// RenderJSON renders a chart below root with the provider's options. It returns nothing for a chart that would have to be fetched.
func RenderJSON(root, text string) ([]map[string]any, error) {
	var options Options
	if err := json.Unmarshal([]byte(text), &options); err != nil || options.Path == "" {
		return nil, err
	}
	options.Path = filepath.Join(root, options.Path)
	options.Namespace = cmp.Or(options.Namespace, "default")
	return Render(options)
}

// Render returns the objects that `helm install` would send, hooks included.
func Render(options Options) ([]map[string]any, error) {
	chart, err := loader.Load(filepath.Join(options.Path, options.Chart))
	if err != nil {
		return nil, err
	}
	if err := chartutil.ProcessDependenciesWithMerge(chart, options.Values); err != nil {
		return nil, err
	}
	release := chartutil.ReleaseOptions{Name: options.ReleaseName, Namespace: options.Namespace, Revision: 1, IsInstall: true}
	values, err := chartutil.ToRenderValues(chart, options.Values, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, values)
	if err != nil {
		return nil, err
	}
	var objects []map[string]any
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if base := filepath.Base(name); strings.HasPrefix(base, "_") || filepath.Ext(base) == ".txt" {
			continue
		}
		for _, document := range strings.Split("\n"+files[name], "\n---") {
			var object map[string]any
			if err := yaml.Unmarshal([]byte(document), &object); err != nil {
				return nil, err
			}
			if object["kind"] != nil && !strings.Contains(document, "helm.sh/hook\": test") {
				objects = append(objects, object)
			}
		}
	}
	return objects, nil
}
