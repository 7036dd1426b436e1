package config

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"gopkg.in/yaml.v3"
)

// ValuesOf returns the values the user gives for a service: its files in order, then its own values.
func (c *Config) ValuesOf(service string) (map[string]any, error) {
	merged := map[string]any{}
	for _, file := range c.Services[service].ValuesFiles {
		values, err := readValuesFile(c.path(file))
		if err != nil {
			return nil, err
		}
		merged = mergeValues(merged, values)
	}
	return mergeValues(merged, c.Services[service].Values), nil
}

// readValuesFile reads a YAML file of chart values.
func readValuesFile(path string) (map[string]any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("values file: %w", err)
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(text, &values); err != nil {
		return nil, fmt.Errorf("values file %q: %w", path, err)
	}
	return values, nil
}

// WithImage returns the user's values with those the stack owns: image.repository, image.tag, and imagePullSecrets
// unless pullSecret is empty. A digest of the user's is dropped, for a chart that knows image.digest would prefer it.
func WithImage(user map[string]any, repository, tag, pullSecret string) map[string]any {
	image := map[string]any{"repository": repository, "tag": tag}
	owned := map[string]any{"image": image}
	if pullSecret != "" {
		owned["imagePullSecrets"] = []any{map[string]any{"name": pullSecret}}
	}
	merged := mergeValues(user, owned)
	delete(merged["image"].(map[string]any), "digest")
	return merged
}

// mergeValues lays over on top of base as Helm does: objects are merged key by key, anything else is replaced. Neither
// argument is changed.
func mergeValues(base, over map[string]any) map[string]any {
	merged := make(map[string]any, len(base)+len(over))
	maps.Copy(merged, base)
	for key, value := range over {
		if object, ok := value.(map[string]any); ok {
			below, _ := base[key].(map[string]any)
			value = mergeValues(below, object)
		}
		merged[key] = value
	}
	return merged
}

// nulls returns the sorted paths of the nulls in an object, as in "resources.limits".
func nulls(object map[string]any) []string {
	var paths []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		switch value := object[key].(type) {
		case nil:
			paths = append(paths, key)
		case map[string]any:
			for _, path := range nulls(value) {
				paths = append(paths, key+"."+path)
			}
		}
	}
	return paths
}
