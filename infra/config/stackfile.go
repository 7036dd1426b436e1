package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	yaml3 "gopkg.in/yaml.v3"
	"sigs.k8s.io/yaml"
)

// stackFile is what is in a stack file, as two libraries read it. Pulumi's is YAML 1.2 with the dates of 1.1; Helm's is YAML 1.1
// without them. What Pulumi has read reaches the program, so a difference can only be seen in the file.
type stackFile struct{ pulumi, helm map[string]any }

// readStackFile reads the file that belongs to a stack. It is nil where there is none that both libraries read: the stack may
// be run with --config-file, or have been set up by a program.
func readStackFile(root, stack string) *stackFile {
	folder := root
	var project struct {
		Folder string `json:"stackConfigDir"`
	}
	if text, err := os.ReadFile(filepath.Join(root, "Pulumi.yaml")); err == nil && yaml.Unmarshal(text, &project) == nil {
		folder = filepath.Join(root, project.Folder)
	}
	// The engine leaves the organization out of the file's name.
	text, err := os.ReadFile(filepath.Join(folder, "Pulumi."+stack[strings.LastIndexByte(stack, '/')+1:]+".yaml"))
	if err != nil {
		return nil
	}
	return parseStackFile(text)
}

func parseStackFile(text []byte) *stackFile {
	var pulumi, helm struct {
		Config map[string]any `json:"config" yaml:"config"`
	}
	if yaml3.Unmarshal(text, &pulumi) != nil || yaml.Unmarshal(text, &helm) != nil {
		return nil
	}
	config, _ := asPulumi(pulumi.Config).(map[string]any)
	return &stackFile{pulumi: config, helm: helm.Config}
}

// asPulumi turns what its YAML library reads into what Pulumi hands on of it.
func asPulumi(value any) any {
	switch value := value.(type) {
	case map[string]any:
		object := make(map[string]any, len(value))
		for key, item := range value {
			object[key] = asPulumi(item)
		}
		return object
	case map[any]any:
		object := make(map[string]any, len(value))
		for key, item := range value {
			object[fmt.Sprint(key)] = asPulumi(item)
		}
		return object
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = asPulumi(item)
		}
		return list
	case time.Time:
		return value.String()
	case int:
		return float64(value)
	case int64:
		return float64(value)
	case uint64:
		return float64(value)
	}
	return value
}

// valuesOf returns a service's values as both libraries read them; nil where there are none.
func (f *stackFile) valuesOf(service string) (pulumi, helm any) {
	find := func(config map[string]any) any {
		for key, value := range config {
			if key == "services" || strings.HasSuffix(key, ":services") {
				services, _ := value.(map[string]any)
				settings, _ := services[service].(map[string]any)
				return settings["values"]
			}
		}
		return nil
	}
	if f == nil {
		return nil, nil
	}
	return find(f.pulumi), find(f.helm)
}

// addLosses reports each of a service's values that Pulumi has read in another way than Helm would have. Where the stack file does
// not hold the value, because another one is in force or the value is encrypted, only what Pulumi makes of dates can be told.
func addLosses(found *problems, path string, value, pulumi, helm any) {
	switch value := value.(type) {
	case map[string]any:
		read, asRead := pulumi.(map[string]any)
		would, asHelm := helm.(map[string]any)
		if !asRead || !asHelm {
			read, would = nil, nil
		}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if _, inHelm := would[key]; read[key] != nil && !inHelm {
				found.add(join(path, key), nil, "is another key for Helm; put the key in quotes")
				continue
			}
			addLosses(found, join(path, key), value[key], read[key], would[key])
		}
		return
	case []any:
		read, asRead := pulumi.([]any)
		would, asHelm := helm.([]any)
		inFile := asRead && asHelm && len(read) == len(value) && len(would) == len(value)
		for i, item := range value {
			if inFile {
				addLosses(found, fmt.Sprintf("%s.%d", path, i), item, read[i], would[i])
			} else {
				addLosses(found, fmt.Sprintf("%s.%d", path, i), item, nil, nil)
			}
		}
		return
	}
	text, isText := value.(string)
	switch {
	case value == nil || !isScalar(pulumi) || value != pulumi:
		found.addUnless(!isText || !isYAMLDate(text), path, value, ruleDate)
	case isText && isYAMLDate(text) && value != helm:
		found.add(path, value, ruleDate)
	case value != helm && isScalar(helm):
		found.add(path, value, fmt.Sprintf("is what Pulumi reads, and Helm would read %v; write that, or put what you mean in quotes", helm))
	}
}

func isScalar(value any) bool {
	switch value.(type) {
	case string, bool, float64:
		return true
	}
	return false
}
