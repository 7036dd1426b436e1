package azuredouble

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// schema describes a property's values. It is derived from the SDK's own types, so that the double accepts exactly what a program
// can send: a struct field is a property, a plain value (no pointer, slice or map) is required.
type schema struct {
	kind   string // "object", "array", "map", "string", "boolean", "number", "integer", or "any"
	fields map[string]field
	elem   *schema
}

type field struct {
	*schema
	required bool
}

// schemaOf derives the schema from an SDK struct with `pulumi:"…"` tags.
func schemaOf(t reflect.Type) *schema { return readSchema(t, map[reflect.Type]*schema{}) }

func readSchema(t reflect.Type, seen map[reflect.Type]*schema) *schema {
	if t.Kind() == reflect.Pointer {
		return readSchema(t.Elem(), seen)
	}
	if s, done := seen[t]; done {
		return s
	}
	s := &schema{}
	seen[t] = s
	switch t.Kind() {
	case reflect.Struct:
		s.kind, s.fields = "object", map[string]field{}
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("pulumi"), ",")
			if name == "" {
				continue
			}
			plain := f.Type.Kind() != reflect.Pointer && f.Type.Kind() != reflect.Slice &&
				f.Type.Kind() != reflect.Map && f.Type.Kind() != reflect.Interface
			s.fields[name] = field{schema: readSchema(f.Type, seen), required: plain}
		}
	case reflect.Slice:
		s.kind, s.elem = "array", readSchema(t.Elem(), seen)
	case reflect.Map:
		s.kind, s.elem = "map", readSchema(t.Elem(), seen)
	case reflect.String:
		s.kind = "string"
	case reflect.Bool:
		s.kind = "boolean"
	case reflect.Int:
		s.kind = "integer"
	case reflect.Float64:
		s.kind = "number"
	default:
		s.kind = "any"
	}
	return s
}

// prune keeps only those properties of an object that the schema has, at any depth. Where the inputs are a set of strings, such
// as a resource's identities, a response has a map: its keys are the inputs.
func (s *schema) prune(in props) props {
	out := props{}
	for name, v := range in {
		if f, known := s.fields[name]; known {
			out[name] = f.pruneValue(v)
		}
	}
	return out
}

func (s *schema) pruneValue(v any) any {
	object, isObject := v.(props)
	list, isList := v.([]any)
	switch {
	case s.kind == "object" && isObject:
		return s.prune(object)
	case s.kind == "array" && isObject:
		keys := make([]any, 0, len(object))
		for _, key := range slices.Sorted(maps.Keys(object)) {
			keys = append(keys, key)
		}
		return keys
	case s.kind == "array" && isList:
		out := make([]any, 0, len(list))
		for _, e := range list {
			out = append(out, s.elem.pruneValue(e))
		}
		return out
	case s.kind == "map" && isObject:
		out := props{}
		for key, e := range object {
			out[key] = s.elem.pruneValue(e)
		}
		return out
	}
	return v
}

// check reports everything in an object that the SDK could not have sent, property by property in sorted order.
func (s *schema) check(in props) []plugin.CheckFailure {
	var failures []plugin.CheckFailure
	s.walk("", in, func(path, reason string) {
		property, _, _ := strings.Cut(path, ".")
		property, _, _ = strings.Cut(property, "[")
		failures = append(failures, plugin.CheckFailure{Property: resource.PropertyKey(property), Reason: reason})
	})
	return failures
}

func (s *schema) walk(path string, v any, report func(path, reason string)) {
	if isUnknown(v) || s.kind == "any" {
		return
	}
	got := kindOf(v)
	object, _ := v.(props)
	switch {
	case s.kind == "object" && object != nil:
		for _, name := range slices.Sorted(maps.Keys(s.fields)) {
			if _, given := object[name]; !given && s.fields[name].required {
				at := join(path, name)
				report(at, missing(at))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(object)) {
			at := join(path, name)
			if f, known := s.fields[name]; known {
				f.walk(at, object[name], report)
			} else {
				report(at, fmt.Sprintf("unknown property '%s'", at))
			}
		}
	case s.kind == "map" && object != nil:
		for _, name := range slices.Sorted(maps.Keys(object)) {
			s.elem.walk(join(path, name), object[name], report)
		}
	case s.kind == "array" && got == "array":
		for i, e := range v.([]any) {
			s.elem.walk(fmt.Sprintf("%s[%d]", path, i), e, report)
		}
	case s.kind == "integer" && got == "number":
		if n := v.(float64); n != float64(int64(n)) {
			report(path, fmt.Sprintf("'%s' must be an integer but got %v", path, n))
		}
	case s.kind != got:
		report(path, fmt.Sprintf("'%s' should be of type '%s' but got %s", path, s.kind, article(got)))
	}
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case []any:
		return "array"
	case props:
		return "object"
	default:
		return "null"
	}
}

func article(kind string) string {
	if kind == "array" || kind == "object" {
		return "an " + kind
	}
	return "a " + kind
}

func missing(path string) string {
	reason := fmt.Sprintf("missing required property '%s'", path)
	if path == "location" {
		reason += ". Either set it explicitly or configure it with 'pulumi config set azure-native:location <value>'."
	}
	return reason
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
