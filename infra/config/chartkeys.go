package config

import (
	"regexp"
	"slices"
	"strings"
)

// ChartKeys name the chart's values that take the image and the pull secret. Each is the path of a value, such as
// `orderService.image.tag`, or several paths with commas between them.
type ChartKeys struct {
	// Image is the value that takes the whole image, such as `example.azurecr.io/customerapi:1.0.0`. It excludes `registry`,
	// `repository`, `tag` and `digest`. Default: none.
	Image string `json:"image" is:"valuePaths"`
	// Registry is the value that takes the registry's host alone, such as `global.imageRegistry`; `repository` then takes the image's
	// name without it. Default: none.
	Registry string `json:"registry" is:"valuePaths"`
	// Repository is the value that takes the image's name, with the registry's host in front unless `registry` takes that.
	Repository string `json:"repository" is:"valuePaths" default:"image.repository"`
	// Tag is the value that takes the image's tag.
	Tag string `json:"tag" is:"valuePaths" default:"image.tag"`
	// Digest is the value that takes the image's digest, `none` to run the tag without the digest, or `tag` to put the digest at the
	// end of the tag. Default: `digest` beside `repository` if a chart in the project folder has that value, and otherwise `tag`.
	Digest string `json:"digest" is:"valuePaths"`
	// PullSecrets is the value that takes the list of pull secrets, such as `image.pullSecrets`. It gets a list of `{name}`, as in
	// Kubernetes, or, with `[]` at the end of the path, a list of names. Pull secrets that the values already name stay in the list,
	// after the stack's.
	PullSecrets string `json:"pullSecrets" is:"listPaths" default:"imagePullSecrets"`
	// PullSecretName is the value that takes the name of the pull secret as text, for a chart that has no list. It excludes
	// `pullSecrets`. Default: none.
	PullSecretName string `json:"pullSecretName" is:"valuePaths"`
}

// Values of ChartKeys.Digest other than a path.
const (
	DigestInTag = "tag"
	NoDigest    = "none"
)

// WithDefaults returns k with its empty fields filled in: charts follow `helm create`, unless they say otherwise. A chart for which
// chartHasDigest is true takes the digest as a value of its own.
func (k ChartKeys) WithDefaults(chartHasDigest func(path string) bool) ChartKeys {
	if k.Image == "" {
		setDefault(&k.Repository, "image.repository")
		setDefault(&k.Tag, "image.tag")
		if k.Digest == "" {
			k.Digest = DigestInTag
			taken := slices.DeleteFunc(siblings(k.Repository, "digest"), func(path string) bool { return !chartHasDigest(path) })
			if len(taken) > 0 {
				k.Digest = strings.Join(taken, ",")
			}
		}
	}
	if k.PullSecretName == "" {
		setDefault(&k.PullSecrets, "imagePullSecrets")
	}
	return k
}

// siblings returns for each path the path of another value in the same object.
func siblings(paths, name string) []string {
	all := splitPaths(paths)
	for i, path := range all {
		all[i] = path[:strings.LastIndexByte(path, '.')+1] + name
	}
	return all
}

func splitPaths(paths string) []string {
	if paths == "" {
		return nil
	}
	list := strings.Split(paths, ",")
	for i, path := range list {
		list[i] = strings.TrimSpace(path)
	}
	return list
}

// WithImage returns the user's values with the stack's own values at the paths that the keys name. Host is the registry's host, which
// an image with a host of its own does not get. PullSecret is empty if there is none.
func (k ChartKeys) WithImage(user map[string]any, host string, image Image, pullSecret string) map[string]any {
	merged := mergeValues(nil, user) // a copy, because values are set in it
	set := func(paths string, value any) {
		for _, path := range splitPaths(paths) {
			setValue(merged, path, value)
		}
	}
	if k.Image != "" {
		set(k.Image, image.Reference(host))
	} else {
		k.setImage(set, host, image)
		// Otherwise the chart would prefer a digest in the user's values.
		for _, beside := range siblings(k.Repository, "digest") {
			if !slices.Contains(splitPaths(k.Digest), beside) {
				deleteValue(merged, beside)
			}
		}
	}
	if pullSecret == "" {
		return merged
	}
	set(k.PullSecretName, pullSecret)
	for _, path := range splitPaths(k.PullSecrets) {
		var first any = map[string]any{"name": pullSecret}
		bare, names := strings.CutSuffix(path, "[]")
		if names {
			first = pullSecret
		}
		list := []any{first}
		own, _ := valueAt(merged, bare).([]any)
		for _, other := range own {
			if name := secretName(other); name != pullSecret && name != "" {
				plain, _ := SplitNulls(map[string]any{"": other}) // an input of a resource cannot hold null
				list = append(list, plain[""])
			}
		}
		setValue(merged, bare, list)
	}
	return merged
}

func (k ChartKeys) setImage(set func(paths string, value any), host string, image Image) {
	image = k.Runs(image)
	switch {
	case k.Registry != "":
		if image.Foreign() {
			host, image.Repository, _ = strings.Cut(image.Repository, "/")
		}
		set(k.Registry, host)
	case host != "" && !image.Foreign():
		image.Repository = host + "/" + image.Repository
	}
	if k.Digest != DigestInTag && k.Digest != NoDigest {
		set(k.Digest, image.Digest)
		image.Digest = ""
	}
	repository, tag := image.forChart()
	set(k.Repository, repository)
	set(k.Tag, tag)
}

// Runs returns the image that the chart's pods run: with NoDigest, the tag alone. Without a tag, the digest is the only reference.
func (k ChartKeys) Runs(image Image) Image {
	if k.Digest == NoDigest && image.Tag != "" {
		image.Digest = ""
	}
	return image
}

// RefusedBy returns the key whose value a chart's schema refuses by a message of Helm, empty if it refuses other values. PullSecret is
// empty if the stack sets none.
func (k ChartKeys) RefusedBy(message, pullSecret string) string {
	if pullSecret == "" {
		k.PullSecrets, k.PullSecretName = "", ""
	}
	if k.Digest == DigestInTag || k.Digest == NoDigest {
		k.Digest = ""
	}
	for _, set := range []struct{ key, paths string }{
		{"image", k.Image},
		{"registry", k.Registry},
		{"repository", k.Repository},
		{"tag", k.Tag},
		{"digest", k.Digest},
		{"pullSecrets", k.PullSecrets},
		{"pullSecretName", k.PullSecretName},
	} {
		for _, path := range splitPaths(set.paths) {
			parts := strings.Split(strings.TrimSuffix(path, "[]"), ".")
			// A subchart's schema has its own line with the name, and its paths begin below it.
			if refuses(message, parts) || strings.Contains(message, "\n"+parts[0]+":\n") && refuses(message, parts[1:]) {
				return set.key
			}
		}
	}
	return ""
}

// refuses reports whether a schema's message is about a value, or about an object around it that the schema does not know. It names
// the place, and for unknown keys the object that has them: kind/kind.go of github.com/santhosh-tekuri/jsonschema/v6 v6.0.2.
func refuses(message string, path []string) bool {
	place := ""
	for _, key := range path {
		unknown := "at '" + regexp.QuoteMeta(place) + "': additional properties [^:\n]*'" + regexp.QuoteMeta(key) + "'"
		if regexp.MustCompile(unknown).MatchString(message) {
			return true
		}
		place += "/" + key
	}
	return place != "" && (strings.Contains(message, "at '"+place+"'") || strings.Contains(message, "at '"+place+"/"))
}

// secretName returns the name of an entry in a list of pull secrets.
func secretName(entry any) string {
	if object, ok := entry.(map[string]any); ok {
		entry = object["name"]
	}
	name, _ := entry.(string)
	return name
}

// setValue sets the value at a path, and creates missing objects. It changes values in place, so they must belong to the caller.
func setValue(values map[string]any, path string, value any) {
	key, below, deeper := strings.Cut(path, ".")
	if !deeper {
		values[key] = value
		return
	}
	object, ok := values[key].(map[string]any)
	if !ok {
		object = map[string]any{}
		values[key] = object
	}
	setValue(object, below, value)
}

// valueAt returns the value at a path, or nil if there is none.
func valueAt(values map[string]any, path string) any {
	key, below, deeper := strings.Cut(path, ".")
	if !deeper {
		return values[key]
	}
	object, _ := values[key].(map[string]any)
	if object == nil {
		return nil
	}
	return valueAt(object, below)
}

func deleteValue(values map[string]any, path string) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		delete(values, path)
	} else if object, ok := valueAt(values, path[:i]).(map[string]any); ok {
		delete(object, path[i+1:])
	}
}

func validateKeys(found *problems, key string, keys ChartKeys) {
	if keys.Image != "" {
		found.addUnless(keys.Registry == "" && keys.Repository == "" && keys.Tag == "" && keys.Digest == "", key+".image", keys.Image,
			"excludes registry, repository, tag and digest; it takes the whole image")
	}
	found.addUnless(keys.PullSecrets == "" || keys.PullSecretName == "", key+".pullSecretName", keys.PullSecretName, "excludes pullSecrets")
}
