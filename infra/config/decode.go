package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Keys returns the top-level keys of the stack's configuration, in the order of Config's fields.
func Keys() []string { return jsonKeys(reflect.TypeFor[Config]()) }

// decodeConfig turns the stack's settings, JSON by top-level key (text is bare), into a Config. It is strict: an unknown key, a
// value of the wrong type and a number where text belongs are problems, and all of them are found. Config holds what could be
// decoded. encoding/json stops at the first mistake, and mapstructure does not say where each mistake is.
func decodeConfig(settings map[string]string) (*Config, problems) {
	var cfg Config
	var found problems
	input := map[string]any{}
	for key, text := range settings {
		input[key] = decodeSetting(key, text)
	}
	decodeInto(&found, "", input, reflect.ValueOf(&cfg).Elem())
	return &cfg, found
}

// decodeSetting returns a top-level setting as plain data: the text itself if the key takes text or the text is not JSON, and
// otherwise the decoded JSON.
func decodeSetting(key, text string) any {
	if field, known := jsonField(reflect.TypeFor[Config](), key); !known || field.Type.Kind() == reflect.String {
		return text
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber() // distinguishes 1.10 from 1.1, and does not round long numbers
	var value any
	if err := decoder.Decode(&value); err != nil || decoder.More() {
		return text
	}
	return value
}

// decodeInto decodes a value into a field of the configuration and reports what does not fit. Null leaves the field as
// it is.
func decodeInto(found *problems, path string, value any, field reflect.Value) {
	switch {
	case value == nil:
	case field.Kind() == reflect.Struct:
		if object, ok := objectAt(found, path, value); ok {
			decodeStruct(found, path, object, field)
		}
	case field.Type() == reflect.TypeFor[map[string]any]():
		if object, ok := objectAt(found, path, value); ok {
			field.Set(reflect.ValueOf(plain(object)))
		}
	case field.Kind() == reflect.Map:
		if object, ok := objectAt(found, path, value); ok {
			field.Set(reflect.MakeMapWithSize(field.Type(), len(object)))
			for key, item := range object {
				if item == nil && field.Type().Elem().Kind() == reflect.String {
					found.add(join(path, key), nil, "is null; put what you mean in quotes, or leave the key out")
				}
				element := reflect.New(field.Type().Elem()).Elem()
				decodeInto(found, join(path, key), item, element)
				field.SetMapIndex(reflect.ValueOf(key), element)
			}
		}
	case field.Kind() == reflect.Slice:
		list, ok := value.([]any)
		found.addUnless(ok, path, value, "is not a list")
		field.Set(reflect.MakeSlice(field.Type(), len(list), len(list)))
		for i, item := range list {
			if item == nil {
				found.add(fmt.Sprintf("%s.%d", path, i), nil, "is null; put what you mean in quotes, or leave it out")
			}
			decodeInto(found, fmt.Sprintf("%s.%d", path, i), item, field.Index(i))
		}
	case field.Kind() == reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
		decodeInto(found, path, value, field.Elem())
	default:
		decodeScalar(found, path, value, field)
	}
}

func objectAt(found *problems, path string, value any) (map[string]any, bool) {
	object, ok := value.(map[string]any)
	found.addUnless(ok, path, value, "is not an object")
	return object, ok
}

func decodeStruct(found *problems, path string, object map[string]any, target reflect.Value) {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		field, known := jsonField(target.Type(), key)
		if !known {
			found.add(join(path, key), nil, ruleUnknown(path, key, jsonKeys(target.Type())))
			continue
		}
		value := object[key]
		// Read as a missing key, an empty image.tag would delete the release. Pulumi.yaml gives the keys at the top empty defaults.
		if path != "" && field.Type.Kind() == reflect.String && field.Tag.Get("required") == "" && (value == nil || value == "") {
			found.add(join(path, key), nil, "is empty; leave the key out")
			continue
		}
		if field.Tag.Get("is") == "quantity" {
			value = asQuantities(value)
		}
		decodeInto(found, join(path, key), value, target.FieldByIndex(field.Index))
	}
}

// asQuantities turns the numbers in a map of amounts into text, because an amount of 0.5 can only mean "0.5". Kubernetes does the same
// (UnmarshalJSON in pkg/api/resource/quantity.go of k8s.io/apimachinery).
func asQuantities(value any) any {
	object, _ := value.(map[string]any)
	for key, item := range object {
		if number, ok := item.(json.Number); ok {
			object[key] = number.String()
		}
	}
	return value
}

// decodeScalar decodes text, a whole number or a boolean. A number is not accepted as text, because YAML has already turned a tag
// 1.10 into 1.1, and 0123456 into 42798.
func decodeScalar(found *problems, path string, value any, field reflect.Value) {
	number, isNumber := value.(json.Number)
	switch field.Kind() {
	case reflect.Int:
		whole, _ := number.Int64() // The empty number of another type is not whole either.
		found.addUnless(isWhole(number), path, value, "is not a whole number")
		field.SetInt(whole)
	case reflect.Bool:
		flag, ok := value.(bool)
		found.addUnless(ok, path, value, "is not true or false, without quotes")
		field.SetBool(flag)
	default:
		text, ok := value.(string)
		rule := "is not text; put it " + inQuotes
		if isNumber {
			rule = "is what YAML made of a number; put what you mean " + inQuotes
		}
		found.addUnless(ok, path, value, rule)
		found.addUnless(!isYAMLDate(text), path, value, ruleDate)
		field.SetString(text)
	}
}

// inQuotes is how to write text. On a command line, quotes are the shell's.
const inQuotes = "in quotes in the stack file, or use `pulumi config set --type string --path`"

func isWhole(number json.Number) bool {
	_, err := number.Int64()
	return err == nil
}

// ruleUnknown says what is wrong with a key that is not one of the known ones.
func ruleUnknown(path, key string, known []string) string {
	if first, _, dotted := strings.Cut(key, "."); dotted && path == "" && slices.Contains(known, first) {
		return "is one key with dots in it: set it with --path (--config-path for up), or nest it under " + first
	}
	return "is not a known key; " + suggest(key, known)
}

// suggest names the nearest known key, or all known keys if none is near.
func suggest(key string, known []string) string {
	distance := func(candidate string) int {
		return levenshtein.Distance(strings.ToLower(key), strings.ToLower(candidate), nil)
	}
	nearest := slices.MinFunc(known, func(a, b string) int { return distance(a) - distance(b) })
	if distance(nearest) <= 3 && distance(nearest) < len(key) {
		return "did you mean " + nearest + "?"
	}
	return "use one of " + strings.Join(known, ", ")
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// jsonField returns the field of a struct type with the given key.
func jsonField(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("json"); tag == key && tag != "" && tag != "-" {
			return t.Field(i), true
		}
	}
	return reflect.StructField{}, false
}

// jsonKeys returns the keys of a struct type in the order of its fields.
func jsonKeys(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("json"); key != "" && key != "-" {
			keys = append(keys, key)
		}
	}
	return keys
}

// datePattern matches what Pulumi makes of a date without quotes in a stack file. The last word is the name of the time zone, such as
// UTC or -03, if the machine's own has the date's offset, and otherwise the offset again.
var datePattern = whole(`\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d+)? [+-]\d{4} ([+-]\d{2}(\d{2})?|\w+)`)

const ruleDate = "is what YAML made of a date; put what you mean in quotes"

func isYAMLDate(text string) bool { return datePattern.MatchString(text) }

// plain returns free-form data with all numbers as float64, as Helm reads them.
func plain(value any) any {
	switch value := value.(type) {
	case json.Number:
		number, _ := value.Float64() // JSON that was made from YAML has no number out of range.
		return number
	case map[string]any:
		for key, item := range value {
			value[key] = plain(item)
		}
	case []any:
		for i, item := range value {
			value[i] = plain(item)
		}
	}
	return value
}
