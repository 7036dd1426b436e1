package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	yaml2 "go.yaml.in/yaml/v2"
	"sigs.k8s.io/yaml"
)

// ValuesOf returns the user's values for a service, read and merged as Helm does: its files in order, then its own values.
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

// readValuesFile reads a file of chart values with Helm's own library, so that the text means the same as to Helm: YAML 1.1
// converted to JSON, where `no` is false, keys are text, and the last of several equal keys wins.
func readValuesFile(path string) (map[string]any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fileReason(err)
	}
	return parseValues(text)
}

// fileReason removes the operation and the path from an error about a file, because the message already names the file as the
// configuration does.
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
		return nil, fmt.Errorf("is not YAML that Helm can read: %s", yamlReason(text, err))
	}
	if kind := asJSON[0]; kind != '{' && kind != 'n' { // An empty file is null.
		return nil, errors.New("has no keys at its top level, where Helm expects a map of values")
	}
	var typed any
	if yaml2.Unmarshal(text, &typed) == nil {
		if key := twoKeys("", typed); key != "" {
			return nil, fmt.Errorf("has the key %s in two forms, such as 80 and \"80\", and Helm takes either; remove one", key)
		}
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(text, &values); err != nil {
		return nil, fmt.Errorf("is not YAML that Helm can read: %w", err)
	}
	return values, nil
}

// warnDocuments warns of values files with more than one document of YAML: Helm reads the first one only.
func (c *Config) warnDocuments(warn func(key string, value any, rule string)) {
	for _, name := range c.ServiceNames() {
		for i, file := range c.Services[name].ValuesFiles {
			text, err := os.ReadFile(c.path(file))
			if err == nil && hasMoreDocuments(text) {
				warn(fmt.Sprintf("services.%s.valuesFiles.%d", name, i), file, "has more than one document, separated by ---: Helm reads the first one only")
			}
		}
	}
}

// hasMoreDocuments reports whether anything follows the first document of a text.
func hasMoreDocuments(text []byte) bool {
	documents := yaml2.NewDecoder(bytes.NewReader(text))
	var first, second any
	return documents.Decode(&first) == nil && documents.Decode(&second) == nil && second != nil
}

// twoKeys returns the path of a key that Helm's library makes of two keys of a map, such as a number and the same number as text, or an
// empty string. Equal keys do not count: of them the last one wins, but of two forms the one that Go's order of a map happens to put
// last (convertToJSONableObject in yaml.go of sigs.k8s.io/yaml v1.6.0).
func twoKeys(path string, value any) string {
	switch value := value.(type) {
	case map[any]any:
		seen := make(map[string]bool, len(value))
		for key, item := range value {
			name := fmt.Sprint(key)
			if _, isText := key.(string); !isText {
				text, _ := yaml2.Marshal(key) // It was read from YAML.
				name = asHelmKey(strings.TrimSpace(string(text)))
			}
			if seen[name] {
				return join(path, name)
			}
			seen[name] = true
			if below := twoKeys(join(path, name), item); below != "" {
				return below
			}
		}
	case []any:
		for i, item := range value {
			if below := twoKeys(fmt.Sprintf("%s.%d", path, i), item); below != "" {
				return below
			}
		}
	}
	return ""
}

// yamlReason returns why a text is not YAML, with the line. If the library does not name it, it is the line after which the text
// first has this fault.
func yamlReason(text []byte, err error) string {
	reason := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "), "yaml: ")
	if strings.Contains(reason, "line ") || len(text) > maxLined {
		return reason
	}
	end, line := 0, 0
	for part := range bytes.Lines(text) {
		end, line = end+len(part), line+1
		if _, other := yaml.YAMLToJSON(text[:end]); other != nil && strings.HasSuffix(err.Error(), other.Error()) {
			return fmt.Sprintf("line %d: %s", line, reason)
		}
	}
	return reason
}

// maxLined is the longest text, in bytes, that is read line by line for the sake of an error.
const maxLined = 100_000

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

// SplitNulls splits values into two parts that merge into the same values again: plain values, which can be an input of a resource,
// and the rest. The Go SDK removes nulls from every map, but Helm needs them to delete a chart's defaults. So nulls go to the rest,
// and so does a list that contains one.
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

// holdsNull reports whether a value contains a null, at any depth.
func holdsNull(value any) bool { return holds(value, func(leaf any) bool { return leaf == nil }) }

// HoldsEmptyList reports whether a value contains an empty list or a null, at any depth.
func HoldsEmptyList(value any) bool {
	return holds(value, func(leaf any) bool {
		list, ok := leaf.([]any)
		return leaf == nil || ok && len(list) == 0
	})
}

// holds reports whether a value, or one inside it at any depth, satisfies a condition.
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
