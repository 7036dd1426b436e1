package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// ValuesOf returns the values the user gives for a service, as Helm reads and merges them: its files in order, then its own values.
func (c *Config) ValuesOf(service string) (map[string]any, error) {
	merged := map[string]any{}
	for _, file := range c.Services[service].ValuesFiles {
		values, err := readValuesFile(c.path(file))
		if err != nil {
			return nil, fmt.Errorf("values file %q %w", file, err)
		}
		merged = mergeValues(merged, values)
	}
	return mergeValues(merged, c.Services[service].Values), nil
}

// readValuesFile reads a file of chart values by the library with which Helm reads it, for the same text to mean the same: YAML
// 1.1 by way of JSON, where `no` is false, a key is text, and the last of equal keys counts.
func readValuesFile(path string) (map[string]any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fileReason(err)
	}
	return parseValues(text)
}

// fileReason leaves out the operation and the path of an error about a file: the configuration names the file its own way.
func fileReason(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return fmt.Errorf("cannot be read: %w", at.Err)
	}
	return err
}

func parseValues(text []byte) (map[string]any, error) {
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		reason := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "), "yaml: ")
		return nil, fmt.Errorf("is not YAML that Helm reads: %s", reason)
	}
	if kind := asJSON[0]; kind != '{' && kind != 'n' { // An empty file is null.
		return nil, errors.New("holds no keys at its top, where Helm wants a map of values")
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(text, &values); err != nil {
		return nil, fmt.Errorf("is not YAML that Helm reads: %w", err)
	}
	return values, nil
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

// SplitNulls divides values in two, which laid over each other are the values again: what can be given as an input of a resource,
// and the rest. The Go SDK leaves nulls out of every map, by which Helm deletes a chart's default, so a null goes to the rest, and
// with it the list in which it is.
func SplitNulls(values map[string]any) (plain, rest map[string]any) {
	plain, rest = make(map[string]any, len(values)), map[string]any{}
	for key, value := range values {
		switch value := value.(type) {
		case map[string]any:
			below, nulls := SplitNulls(value)
			plain[key] = below
			if len(nulls) > 0 {
				rest[key] = nulls
			}
		case []any:
			if holdsNull(value) {
				rest[key] = value
			} else {
				plain[key] = value
			}
		case nil:
			rest[key] = nil
		default:
			plain[key] = value
		}
	}
	return plain, rest
}

// holdsNull says whether a null is in a value, at any depth.
func holdsNull(value any) bool { return holds(value, func(leaf any) bool { return leaf == nil }) }

// HoldsEmptyList says whether a list without items, or a null, is in a value, at any depth.
func HoldsEmptyList(value any) bool {
	return holds(value, func(leaf any) bool {
		list, ok := leaf.([]any)
		return leaf == nil || ok && len(list) == 0
	})
}

// holds says whether something is in a value, at any depth.
func holds(value any, is func(any) bool) bool {
	if is(value) {
		return true
	}
	switch value := value.(type) {
	case map[string]any:
		for _, item := range value {
			if holds(item, is) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, func(item any) bool { return holds(item, is) })
	}
	return false
}
