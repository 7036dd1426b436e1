package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	yaml3 "gopkg.in/yaml.v3"
	"sigs.k8s.io/yaml"
)

// stackFile is the content of a stack file as two libraries read it. Pulumi's library reads YAML 1.2 with the dates of 1.1; Helm's
// reads YAML 1.1 without dates. The program gets what Pulumi has read, so it must read the file itself to find a difference.
type stackFile struct {
	project      string // whose settings count
	pulumi, helm map[string]any
	written      yaml3.Node // the settings as they are written
	fault        error      // why Helm's library cannot read the file
}

// readStackFile reads the file that belongs to a stack. It returns nil if there is none that Pulumi can read: the stack can run with
// --config-file, or get its configuration from a program.
func readStackFile(around Around) *stackFile {
	root, stack, folder := around.Root, around.Stack, around.Root
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
	return parseStackFile(text, around.Project)
}

func parseStackFile(text []byte, project string) *stackFile {
	var pulumi, helm struct {
		Config map[string]any `json:"config" yaml:"config"`
	}
	if readTwice(text, &pulumi) != nil {
		return nil
	}
	var written struct{ Config yaml3.Node }
	if yaml3.Unmarshal(text, &written) != nil {
		return nil
	}
	var fault error
	if err := yaml.Unmarshal(text, &helm); err != nil {
		fault = errors.New(yamlReason(text, err))
	}
	config, _ := asPulumi(pulumi.Config).(map[string]any)
	return &stackFile{project: project, pulumi: config, helm: helm.Config, written: written.Config, fault: fault}
}

// readTwice reads a text, writes it and reads it again, as Pulumi does. Pulumi's library does not read back everything as it was.
func readTwice(text []byte, into any) error {
	var once any
	if err := yaml3.Unmarshal(text, &once); err != nil {
		return err
	}
	var written bytes.Buffer
	encoder := yaml3.NewEncoder(&written)
	encoder.SetIndent(2)
	if err := encoder.Encode(once); err != nil {
		return err
	}
	return yaml3.Unmarshal(written.Bytes(), into)
}

// asPulumi turns what Pulumi's YAML library reads into what Pulumi passes to the program.
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

// notThere stands for a value that is not in the stack file, because null can be in it.
var notThere any = struct{ notThere bool }{true}

// valuesOf returns a service's values as both libraries read them.
func (f *stackFile) valuesOf(service string) (pulumi, helm any) {
	if f == nil {
		return notThere, notThere
	}
	find := func(config map[string]any, names ...string) any {
		services, given := config[f.project+":services"].(map[string]any)
		if !given {
			services, _ = config["services"].(map[string]any)
		}
		for _, name := range names {
			if settings, found := services[name].(map[string]any); found {
				return item(settings, "values")
			}
		}
		return notThere
	}
	return find(f.pulumi, service), find(f.helm, service, asHelmKey(service))
}

// asHelmKey returns what Helm's library makes of a key without quotes: y is true.
func asHelmKey(key string) string {
	var object map[string]any
	if yaml.Unmarshal([]byte(key+": 0"), &object) == nil {
		for made := range object {
			return made
		}
	}
	return key
}

// changed reports what YAML reads otherwise than it is written: keys and bare text, such as the tag 00123, which becomes 83, and
// numbers in another base. Chart values are left out, because Helm reads them in the same way.
func (f *stackFile) changed() (found problems) {
	if f == nil {
		return nil
	}
	settings := behind(&f.written)
	for i := 0; i+1 < len(settings.Content); i += 2 {
		key, _ := strings.CutPrefix(settings.Content[i].Value, f.project+":")
		field, known := jsonField(reflect.TypeFor[Config](), key)
		if !known {
			continue
		}
		value := behind(settings.Content[i+1])
		if field.Type.Kind() == reflect.String {
			made := madeOf(value)
			found.addUnless(value.Kind != yaml3.ScalarNode || made == value.Value || value.ShortTag() == "!!null", key, nil, changedRule(made, value))
			continue
		}
		addChanged(&found, key, value)
	}
	return found
}

// otherBase matches numbers that YAML does not read as decimal.
var otherBase = regexp.MustCompile(`^[-+]?0[0-9a-zA-Z_]+$`)

func addChanged(found *problems, path string, node *yaml3.Node) {
	node = behind(node)
	switch node.Kind {
	case yaml3.SequenceNode:
		for i, item := range node.Content {
			addChanged(found, fmt.Sprintf("%s.%d", path, i), item)
		}
	case yaml3.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, item := behind(node.Content[i]), node.Content[i+1]
			made := madeOf(key)
			switch {
			case key.ShortTag() == "!!merge":
				sources := []*yaml3.Node{item}
				if list := behind(item); list.Kind == yaml3.SequenceNode {
					sources = list.Content
				}
				for _, source := range sources {
					addChanged(found, path, source)
				}
			case made != key.Value:
				found.add(join(path, made), nil, changedRule(made, key))
			case !isValues(path, made):
				addChanged(found, join(path, made), item)
			}
		}
	case yaml3.ScalarNode:
		if node.ShortTag() == "!!int" && otherBase.MatchString(node.Value) {
			found.add(path, nil, changedRule(madeOf(node), node))
		}
	}
}

// isValues reports whether a key below path holds a service's chart values.
func isValues(path, key string) bool {
	return key == "values" && strings.HasPrefix(path, "services.") && strings.Count(path, ".") == 1
}

func changedRule(made string, node *yaml3.Node) string {
	return fmt.Sprintf("is %q, which YAML has made of %s; write that, or put what you mean in quotes", made, node.Value)
}

// behind returns the node that an alias stands for.
func behind(node *yaml3.Node) *yaml3.Node {
	if node.Kind == yaml3.AliasNode {
		return node.Alias
	}
	return node
}

// madeOf returns the text that Pulumi makes of a scalar.
func madeOf(node *yaml3.Node) string {
	var value any
	if node.Kind != yaml3.ScalarNode || node.Decode(&value) != nil {
		return node.Value
	}
	if moment, ok := value.(time.Time); ok {
		return moment.String()
	}
	return fmt.Sprint(value)
}

func item(object map[string]any, key string) any {
	if value, ok := object[key]; ok {
		return value
	}
	return notThere
}

// addLosses reports each of a service's values that Pulumi reads differently from Helm. If the stack file does not hold the value,
// because another file is in use or the value is encrypted, it recognizes only what Pulumi makes of dates.
func addLosses(found *problems, path string, value, pulumi, helm any) {
	switch value := value.(type) {
	case map[string]any:
		read, isRead := pulumi.(map[string]any)
		would, asHelm := helm.(map[string]any)
		if isRead && !asHelm {
			found.add(path, nil, "means something else to Helm; write it in another form")
			return
		}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if item(read, key) != notThere && item(would, key) == notThere {
				found.add(join(path, key), nil, "is another key to Helm; put the key in quotes")
				continue
			}
			addLosses(found, join(path, key), value[key], item(read, key), item(would, key))
		}
	case []any:
		read, isRead := pulumi.([]any)
		would, asHelm := helm.([]any)
		inFile := isRead && asHelm && len(read) == len(value) && len(would) == len(value)
		for i, entry := range value {
			if inFile {
				addLosses(found, fmt.Sprintf("%s.%d", path, i), entry, read[i], would[i])
			} else {
				addLosses(found, fmt.Sprintf("%s.%d", path, i), entry, notThere, notThere)
			}
		}
	default:
		addLoss(found, path, value, pulumi, helm)
	}
}

// addLoss does the same for a value that contains no other values.
func addLoss(found *problems, path string, value, pulumi, helm any) {
	text, _ := value.(string)
	_, isMap := helm.(map[string]any)
	_, isList := helm.([]any)
	switch same := isLeaf(pulumi) && value == pulumi; {
	case !same:
		found.addUnless(!isYAMLDate(text), path, value, ruleDate)
	case isMap || isList:
		found.add(path, value, "means something else to Helm; write it in another form")
	case value == helm:
	case isYAMLDate(text):
		found.add(path, value, ruleDate)
	case value == nil:
		found.add(path, nil, fmt.Sprintf("is null for Pulumi, but Helm would read %s; put what you mean in quotes", shown(helm)))
	default:
		found.add(path, value, fmt.Sprintf("is what Pulumi reads, but Helm would read %s; write that, or put what you mean in quotes", shown(helm)))
	}
}

func isLeaf(value any) bool {
	switch value.(type) {
	case nil, string, bool, float64:
		return true
	}
	return false
}
