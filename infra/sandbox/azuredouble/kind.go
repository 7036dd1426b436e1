package azuredouble

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// kind is a resource type that a provider offers. A new one needs an entry in one of the tables and its rules in the cloud
// model.
type kind struct {
	token string
	// owns recognizes the ids of its objects; nil if they are not in the [Double.Inventory].
	owns func(id string) bool
	// inputs are what the SDK can send.
	inputs *schema
	// outputs are the names of all properties that the SDK reads.
	outputs []string
	// name says how a name is generated.
	name autoname
	// strict kinds are azure-native's. It compares the inputs literally, and a refresh copies whatever changed in the response. The
	// other providers apply defaults.
	strict bool
	// located kinds get their location from the provider's configuration or from their resource group.
	located bool
	// immutable are the inputs whose change replaces the resource.
	immutable []string
	// defaults are the provider's values for missing inputs; nil if there are none, as in strict kinds.
	defaults func(in props) props
	// local are the inputs that are never sent to the service, so that a refresh does not change them.
	local []string
	// filled are the inputs that the service generates if they are missing, different each time, so that a refresh does not add
	// them.
	filled []string
	// once are the outputs that only a creation returns. They are secret.
	once []string
	// check reports errors beyond the types, among the known values.
	check func(in props) []plugin.CheckFailure
	// owner names the resource's holder, if the real provider processes a holder's resources one at a time; nil otherwise. The id is
	// empty before the creation.
	owner func(in props, id string) string
	// create creates the resource. The id is valid even with an [initError].
	create func(ctx context.Context, d *Double, in props) (id string, once props, err error)
	// read returns the service's settings, in the shape of inputs, and its outputs. For a missing resource, it returns a
	// [cloudError] with status 404.
	read func(d *Double, id string) (settings, outputs props, err error)
	// update changes the mutable inputs; nil if there are none.
	update func(ctx context.Context, d *Double, id string, in props) error
	// remove deletes the resource, or does nothing if it is gone.
	remove func(d *Double, id string) error

	arm
}

// outputNames lists the outputs of a resource type of the SDK.
func outputNames(resource any) []string {
	var names []string
	t := reflect.TypeOf(resource)
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("pulumi"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// checkInputs completes and checks the inputs of a resource.
func (k *kind) checkInputs(req plugin.CheckRequest, locate func(olds, in props) any) (plugin.CheckResponse, error) {
	news := resource.PropertyMap{}
	for key, v := range req.News {
		if !v.IsNull() {
			news[key] = v
		}
	}
	if err := k.name.fill(req, news); err != nil {
		return plugin.CheckResponse{}, err
	}
	if k.located && !news.HasValue("location") {
		if location := locate(toProps(req.Olds), toProps(news)); location != nil {
			news["location"] = fromPlain(location)
		}
	}
	in := toProps(news)
	failures := k.inputs.check(in)
	if k.name.property != "" && in[k.name.property] == nil {
		failures = append(failures, failure(k.name.property, "%s", missing(k.name.property)))
	}
	if k.located && in["location"] == nil {
		failures = append(failures, failure("location", "%s", missing("location")))
	}
	if k.check != nil && len(failures) == 0 {
		failures = k.check(in)
	}
	return plugin.CheckResponse{Properties: news, Failures: failures}, nil
}

func failure(property, format string, args ...any) plugin.CheckFailure {
	return plugin.CheckFailure{Property: resource.PropertyKey(property), Reason: fmt.Sprintf(format, args...)}
}

// diff compares old and new inputs, in effect like the real providers: azure-native ignores only a location's spelling
// (calculateDetailedDiff in provider/pkg/provider/diff.go of pulumi/pulumi-azure-native); the others fill in defaults first.
func (k *kind) diff(req plugin.DiffRequest) plugin.DiffResult {
	olds, news := toProps(req.OldInputs), toProps(req.NewInputs)
	if k.strict {
		sameSpelling(olds, news)
	} else if k.defaults != nil {
		alignDefaults(olds, news, k.defaults(news))
	}
	found := fromProps(olds).DiffIncludeUnknowns(fromProps(news))
	if found == nil {
		return plugin.DiffResult{Changes: plugin.DiffNone}
	}
	result := plugin.DiffResult{Changes: plugin.DiffSome, DetailedDiff: plugin.NewDetailedDiffFromObjectDiff(found, true)}
	for path, d := range result.DetailedDiff {
		top, _, _ := strings.Cut(path, ".")
		top, _, _ = strings.Cut(top, "[")
		if slices.Contains(k.immutable, top) {
			result.DetailedDiff[path] = d.ToReplace()
		}
		if key := resource.PropertyKey(top); !slices.Contains(result.ChangedKeys, key) {
			result.ChangedKeys = append(result.ChangedKeys, key)
		}
	}
	if k.name.property != "" && result.Replace() {
		note, generated := req.OldInputs[generatedName]
		result.DeleteBeforeReplace = !generated || !note.IsBool() || !note.BoolValue()
	}
	return result
}

// sameSpelling aligns the two locations if they differ only in spelling.
func sameSpelling(olds, news props) {
	was, hadLocation := olds["location"].(string)
	wanted, hasLocation := news["location"].(string)
	if hadLocation && hasLocation && normalLocation(was) == normalLocation(wanted) {
		olds["location"] = wanted
	}
}

// alignDefaults adds the provider's default where only one side has a property.
func alignDefaults(a, b, defaults props) {
	for key, assumed := range defaults {
		va, inA := a[key]
		vb, inB := b[key]
		switch {
		case inA && !inB:
			b[key], vb = assumed, assumed
		case inB && !inA:
			a[key], va = assumed, assumed
		}
		below, isObject := assumed.(props)
		oa, aIsObject := va.(props)
		ob, bIsObject := vb.(props)
		if isObject && aIsObject && bIsObject {
			oa, ob = merge(nil, oa), merge(nil, ob) // the defaults must not change
			alignDefaults(oa, ob, below)
			a[key], b[key] = oa, ob
		}
	}
}

// refreshed returns the inputs after a refresh, or after an import if olds is empty. before are the previous outputs.
func (k *kind) refreshed(olds resource.PropertyMap, before, settings, outputs props) resource.PropertyMap {
	var news resource.PropertyMap
	switch {
	case k.strict && len(olds) == 0:
		news = fromProps(merge(k.path(settings), k.inputs.prune(outputs)))
	case k.strict:
		news = fromProps(carry(toProps(olds), k.inputs.prune(before), k.inputs.prune(outputs)))
	default:
		news = fromProps(k.reconciled(toProps(olds), settings))
	}
	for key, v := range olds {
		if strings.HasPrefix(string(key), "__") {
			news[key] = v
		}
	}
	return keepSecrets(news, olds)
}

// path returns the inputs that are in a resource's id and in no output; azure-native imports them from the id.
func (k *kind) path(settings props) props {
	found := props{}
	for _, key := range k.immutable {
		if v, given := settings[key]; given && !slices.Contains(k.outputs, key) {
			found[key] = v
		}
	}
	return found
}

// reconciled gives the inputs of a kind with defaults after a refresh.
func (k *kind) reconciled(before, settings props) props {
	var defaults props
	if k.defaults != nil {
		defaults = k.defaults(settings)
	}
	actual := k.inputs.prune(settings)
	for _, key := range k.filled {
		if _, given := before[key]; !given {
			delete(actual, key)
		}
	}
	for _, key := range k.local {
		delete(actual, key)
		if v, given := before[key]; given {
			actual[key] = v
		}
	}
	return reconcile(before, actual, defaults)
}

// preview returns an operation's outputs, as far as they are known in advance.
func (k *kind) preview(in props) props {
	out := props{}
	for _, name := range k.outputs {
		out[name] = unknown{}
		if v, given := in[name]; given {
			out[name] = v
		}
	}
	return out
}

// keepSecrets marks properties as secret if their inputs are secret.
func keepSecrets(m, inputs resource.PropertyMap) resource.PropertyMap {
	for key, v := range m {
		if in, given := inputs[key]; given && in.ContainsSecrets() && !v.IsSecret() {
			m[key] = resource.MakeSecret(v)
		}
	}
	return m
}
