package azuredouble

import (
	"maps"
	"reflect"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// props are properties in the shape that the SDKs send: plain values (string, bool, float64, []any, props) without nulls and
// secrets. A value that is unknown in a preview is [unknown].
type props = map[string]any

// unknown is a value that is not known during a preview.
type unknown struct{}

// toProps converts the engine's properties to plain ones. It omits keys with the prefix "__", the provider's own notes.
func toProps(m resource.PropertyMap) props {
	out := props{}
	for k, v := range m {
		if strings.HasPrefix(string(k), "__") {
			continue
		}
		if p := toPlain(v); p != nil {
			out[string(k)] = p
		}
	}
	return out
}

func toPlain(v resource.PropertyValue) any {
	switch {
	case v.IsNull():
		return nil
	case v.IsSecret():
		return toPlain(v.SecretValue().Element)
	case v.IsComputed():
		return unknown{}
	case v.IsOutput():
		if o := v.OutputValue(); o.Known {
			return toPlain(o.Element)
		}
		return unknown{}
	case v.IsArray():
		out := make([]any, 0, len(v.ArrayValue()))
		for _, e := range v.ArrayValue() {
			out = append(out, toPlain(e))
		}
		return out
	case v.IsObject():
		return toProps(v.ObjectValue())
	default:
		return v.V
	}
}

// fromProps converts props for the engine.
func fromProps(p props) resource.PropertyMap {
	out := resource.PropertyMap{}
	for k, v := range p {
		out[resource.PropertyKey(k)] = fromPlain(v)
	}
	return out
}

func fromPlain(v any) resource.PropertyValue {
	switch v := v.(type) {
	case unknown:
		return resource.MakeComputed(resource.NewStringProperty(""))
	case props:
		return resource.NewObjectProperty(fromProps(v))
	case []any:
		out := make([]resource.PropertyValue, 0, len(v))
		for _, e := range v {
			out = append(out, fromPlain(e))
		}
		return resource.NewArrayProperty(out)
	default:
		return resource.NewPropertyValue(v)
	}
}

// text is the string at a path of nested properties, or "".
func text(p props, path ...string) string {
	v, _ := at(p, path...).(string)
	return v
}

// truth is the boolean at a path of nested properties, or false.
func truth(p props, path ...string) bool {
	v, _ := at(p, path...).(bool)
	return v
}

func at(p props, path ...string) any {
	var v any = p
	for _, key := range path {
		m, _ := v.(props)
		v = m[key]
	}
	return v
}

func isUnknown(v any) bool {
	_, is := v.(unknown)
	return is
}

// merge overrides defaults with p, recursively.
func merge(defaults, p props) props {
	out := maps.Clone(defaults)
	if out == nil {
		out = props{}
	}
	for k, v := range p {
		inner, isObject := v.(props)
		below, hasDefault := out[k].(props)
		if isObject && hasDefault {
			v = merge(below, inner)
		}
		out[k] = v
	}
	return out
}

// strip removes default values, object by object: it undoes merge.
func strip(p, defaults props) props {
	out := props{}
	for k, v := range p {
		if reflect.DeepEqual(v, defaults[k]) {
			continue
		}
		if inner, isObject := v.(props); isObject {
			if below, hasDefault := defaults[k].(props); hasDefault {
				v = strip(inner, below)
			}
		}
		out[k] = v
	}
	return out
}

// reconcile updates inputs from the actual settings, for a refresh: it copies differing values, and adds values without an input
// only if they are not the provider's own default.
func reconcile(inputs, actual, defaults props) props {
	out := props{}
	for k, now := range actual {
		was, had := inputs[k]
		nowObject, isObject := now.(props)
		below, _ := defaults[k].(props)
		wasObject, wasIsObject := was.(props)
		switch {
		case had && isObject && wasIsObject:
			out[k] = reconcile(wasObject, nowObject, below)
		case had:
			out[k] = now
		case isObject:
			if rest := strip(nowObject, below); len(rest) > 0 {
				out[k] = rest
			}
		case !reflect.DeepEqual(now, defaults[k]):
			out[k] = now
		}
	}
	return out
}

// carry updates inputs as azure-native does in a refresh: it copies only values that changed in the response since the last one,
// at any depth, even if others differ from the inputs.
// Source: Read and applyDiff in provider/pkg/provider of pulumi/pulumi-azure-native.
func carry(inputs, before, now props) props {
	out := maps.Clone(inputs)
	for k := range before {
		if _, left := now[k]; !left {
			delete(out, k)
		}
	}
	for k, v := range now {
		if was, had := before[k]; !had || !reflect.DeepEqual(was, v) {
			out[k] = carryValue(inputs[k], was, v)
		}
	}
	return out
}

func carryValue(input, was, now any) any {
	if in, old, object := asProps(input, was, now); object != nil {
		return carry(in, old, object)
	}
	list, isList := now.([]any)
	in, _ := input.([]any)
	old, _ := was.([]any)
	if !isList {
		return now
	}
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
		if i < len(in) && i < len(old) {
			out[i] = carryValue(in[i], old[i], v)
			if reflect.DeepEqual(old[i], v) {
				out[i] = in[i]
			}
		}
	}
	return out
}

// asProps returns three objects, or nil if one value is not one.
func asProps(a, b, c any) (x, y, z props) {
	x, isX := a.(props)
	y, isY := b.(props)
	z, isZ := c.(props)
	if !isX || !isY || !isZ {
		return nil, nil, nil
	}
	return x, y, z
}
