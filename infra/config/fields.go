package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// The tags of a field of the configuration say which values it accepts. The validator, the JSON schema and the documentation read
// them:
//
//	is        the kind of a text, or of each text in a list or a map
//	keys      the kind of a map's keys
//	min, max  limits of a number, or of how many items a list or a map has, if it is set
//	hint      what else the error says when a number is outside its limits, or a list is empty
//	required  "true": the object around it needs it
//	secret    "true": the value can be encrypted, and no error shows it
//	default   the default, for the documentation; a test deploys stacks that set all defaults explicitly
//	inherits  the stack's key that applies if a service leaves this one out

// checkFields reports values that the tags of a struct's fields, at any depth, do not allow.
func checkFields(found *problems, path string, object reflect.Value) {
	for i := range object.NumField() {
		field := object.Type().Field(i)
		if key := field.Tag.Get("json"); key != "" && key != "-" {
			checkField(found, join(path, key), object.Field(i), field.Tag, field.Tag.Get("required") == "true")
		}
	}
}

func checkField(found *problems, path string, value reflect.Value, tag reflect.StructTag, required bool) {
	switch value.Kind() {
	case reflect.Pointer:
		if !value.IsNil() {
			checkField(found, path, value.Elem(), tag, required)
		}
	case reflect.Struct:
		checkFields(found, path, value)
	case reflect.String:
		if value.String() != "" || required {
			found.addFault(path, value.String(), tag)
		}
	case reflect.Int:
		found.addUnless(within(value.Int(), tag), path, value.Int(), limitRule(tag))
	case reflect.Slice:
		checkCount(found, path, value, tag, required)
		for i := range value.Len() {
			checkField(found, fmt.Sprintf("%s.%d", path, i), value.Index(i), itemTag(tag), tag.Get("is") != "")
		}
	case reflect.Map:
		checkCount(found, path, value, tag, required)
		checkMap(found, path, value, tag)
	}
}

// itemTag returns the parts of a list's tag that apply to its items.
func itemTag(tag reflect.StructTag) reflect.StructTag {
	return reflect.StructTag(fmt.Sprintf("is:%q secret:%q", tag.Get("is"), tag.Get("secret")))
}

func checkMap(found *problems, path string, value reflect.Value, tag reflect.StructTag) {
	if value.Type().Elem().Kind() == reflect.Interface {
		return // chart values, of any form
	}
	names := make([]string, 0, value.Len())
	for _, name := range value.MapKeys() {
		names = append(names, name.String())
	}
	slices.Sort(names)
	for _, name := range names {
		at := join(path, name)
		rule := kinds[tag.Get("keys")].fault(name)
		found.addUnless(rule == "", at, nil, rule)
		checkField(found, at, value.MapIndex(reflect.ValueOf(name)), itemTag(tag), tag.Get("is") != "")
	}
}

func checkCount(found *problems, path string, value reflect.Value, tag reflect.StructTag, required bool) {
	switch {
	case value.Len() == 0 && required:
		rule := "is missing; name at least one"
		if values := kinds[tag.Get("is")].values; values != nil {
			rule = "is missing; list at least one of " + strings.Join(values, ", ")
		}
		found.add(path, nil, rule)
	case value.Len() == 0:
		_, least := limit(tag, "min")
		found.addUnless(!least || value.IsNil(), path, nil, "is empty; "+tag.Get("hint"))
	case !within(int64(value.Len()), tag):
		found.add(path, nil, fmt.Sprintf("has %d entries; Azure allows %s", value.Len(), tag.Get("max")))
	}
}

// within reports whether a number is within the tag's limits.
func within(number int64, tag reflect.StructTag) bool {
	least, atLeast := limit(tag, "min")
	most, atMost := limit(tag, "max")
	return (!atLeast || number >= least) && (!atMost || number <= most)
}

func limitRule(tag reflect.StructTag) string {
	rule := fmt.Sprintf("is not between %s and %s", tag.Get("min"), tag.Get("max"))
	if tag.Get("max") == "" {
		rule = "is less than " + tag.Get("min")
	}
	if hint := tag.Get("hint"); hint != "" {
		rule += "; " + hint
	}
	return rule
}

func limit(tag reflect.StructTag, name string) (int64, bool) {
	number, err := strconv.ParseInt(tag.Get(name), 10, 64)
	return number, err == nil
}

// addFault adds the problem that a kind has with a text. A secret is not shown.
func (p *problems) addFault(path, text string, tag reflect.StructTag) {
	kind, limited := kinds[tag.Get("is")]
	switch rule := kind.fault(text); {
	case !limited && text == "":
		p.add(path, nil, "is missing")
	case tag.Get("secret") == "true":
		p.addUnless(rule == "", path, nil, rule)
	default:
		p.addUnless(rule == "", path, text, rule)
	}
}
