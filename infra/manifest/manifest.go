// Package manifest checks what a chart renders: whether its pods run the stack's image, and can pull it. A chart that takes the
// image from other values would install without an error, and run another image.
package manifest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"

	"example.com/acr-microservices/infra/config"
)

// Wanted is what the pods of a chart must run.
type Wanted struct {
	// Image is the whole image, such as "example.azurecr.io/customerapi:1.0.0@sha256:…".
	Image string
	// PullSecret is the name of the pull secret, empty for none. It exists in Namespace only.
	PullSecret string
	// Namespace of the release. The objects are rendered for none, which Helm calls "default".
	Namespace string
	// Rules of Namespace, of which its quota and its limits matter.
	Rules config.Namespace
	// Tagged says that the digest is at the end of the tag.
	Tagged bool
	// NoHooks says that Helm does not run the chart's hooks when it installs and upgrades.
	NoHooks bool
}

// Check returns the faults of rendered objects. Each fault begins with the key below chart that corrects it. Objects are decoded
// JSON.
func Check(objects []map[string]any, want Wanted) []string {
	wanted, err := reference.ParseNormalizedNamed(want.Image)
	if err != nil {
		return []string{fmt.Sprintf("check: %q is not an image: %v", want.Image, err)}
	}
	c := checker{want: want, image: wanted, accounts: map[string]bool{}}
	objects = flatten(objects)
	for _, object := range objects {
		if object["kind"] == "ServiceAccount" {
			c.accounts[c.namespace(object)+"/"+text(object, "metadata", "name")] = c.names(object["imagePullSecrets"])
		}
	}
	for _, object := range objects {
		hook := text(object, "metadata", "annotations", "helm.sh/hook")
		// The provider runs the hooks of an uninstallation in any case: Delete in provider/pkg/provider/helm_release.go of pulumi-kubernetes.
		if !want.NoHooks || hook == "" || strings.Contains(hook, "-delete") {
			c.object(object)
		}
	}
	if !c.runs {
		c.faults = append([]string{c.runsNothing()}, c.faults...)
	}
	return c.faults
}

type checker struct {
	want     Wanted
	image    reference.Named
	accounts map[string]bool // service accounts by namespace/name: whether they have the pull secret
	runs     bool            // a container runs the image
	others   []string        // images that run
	faults   []string
}

// flatten replaces lists of objects by their items.
func flatten(objects []map[string]any) []map[string]any {
	var flat []map[string]any
	for _, object := range objects {
		kind, _ := object["kind"].(string)
		items, isList := object["items"].([]any)
		if !isList || !strings.HasSuffix(kind, "List") {
			flat = append(flat, object)
			continue
		}
		for _, item := range items {
			if object, ok := item.(map[string]any); ok {
				flat = append(flat, flatten([]map[string]any{object})...)
			}
		}
	}
	return flat
}

func (c *checker) object(object map[string]any) {
	name := fmt.Sprintf("%v %q", object["kind"], text(object, "metadata", "name"))
	if strings.Contains(text(object, "metadata", "name"), "@") {
		c.digestIn(name, "name")
	}
	switch kind := text(object, "kind"); {
	case kind == "Service":
		c.labels(name, at(object, "spec", "selector"))
	case (kind == "ConfigMap" || kind == "Secret") && text(object, "apiVersion") == "v1":
		c.texts(name, "data", at(object, "data"))
		c.texts(name, "stringData", at(object, "stringData"))
	}
	c.allLabels(name, object)
	c.pods(name, c.namespace(object), object)
}

// pods looks at the pod templates at any depth, as objects of operators have them elsewhere than Kubernetes' own: a Rollout of Argo,
// a ScaledJob of KEDA (spec.jobTargetRef.template).
func (c *checker) pods(name, namespace string, value any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			c.pods(name, namespace, item)
		}
	case map[string]any:
		spec := at(value, "spec")
		if _, ok := spec["containers"].([]any); ok {
			c.pod(name, namespace, spec)
			return
		}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			c.pods(name, namespace, value[key])
		}
	}
}

// allLabels looks at the labels and at the selectors of labels at any depth.
func (c *checker) allLabels(name string, value any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			c.allLabels(name, item)
		}
	case map[string]any:
		c.labels(name, at(value, "metadata", "labels"))
		c.labels(name, at(value, "matchLabels"))
		c.texts(name, "annotation", at(value, "metadata", "annotations"))
		for _, key := range slices.Sorted(maps.Keys(value)) {
			c.allLabels(name, value[key])
		}
	}
}

// labels reports values that the tag or the digest has made invalid. Neither "@" nor a digest's 64 digits are allowed:
// https://github.com/grafana/loki/pull/8260
func (c *checker) labels(name string, labels map[string]any) {
	c.texts(name, "label", labels)
	_, digits, _ := strings.Cut(digestOf(c.image), ":")
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		value, _ := labels[label].(string)
		switch {
		case config.IsLabelValue(value):
		case digits != "" && (strings.ContainsAny(value, "@:") || strings.Contains(value, digits)):
			c.digestIn(name, "label "+label)
			return
		case tagOf(c.image) != "" && strings.Contains(value, tagOf(c.image)):
			c.fault("keys.tag", "%s has the tag in its label %s, where Kubernetes allows at most 63 letters, digits, dots, dashes and underscores, "+
				"a letter or digit first and last, but not %q: choose another tag", name, label, value)
			return
		}
	}
}

// texts reports values that are not texts, such as a tag that the chart does not quote. It does not show them, because they can be
// secret: https://github.com/cloudknit-io/cloudknit/pull/200, https://github.com/helm/helm/issues/4775, 8905, 11562
func (c *checker) texts(name, kind string, values map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		what := "a number"
		switch values[key].(type) {
		case bool:
			what = "true or false"
		case float64, int:
		default:
			continue
		}
		c.fault("check", "%s has %s in its %s %s, where Kubernetes takes only text: quote it in the chart, or choose a value, such as a tag, "+
			"that YAML does not read as a number, true or false", name, what, kind, key)
	}
}

// containerTexts does the same for a container's environment, command and arguments.
func (c *checker) containerTexts(name string, container map[string]any) {
	env, _ := container["env"].([]any)
	for _, item := range env {
		variable, _ := item.(map[string]any)
		c.texts(name, "environment variable", map[string]any{text(variable, "name"): variable["value"]})
	}
	for _, key := range []string{"command", "args"} {
		words, _ := container[key].([]any)
		for i, word := range words {
			c.texts(name, key, map[string]any{strconv.Itoa(i): word})
		}
	}
}

func (c *checker) digestIn(name, where string) {
	c.fault("keys.digest", "%s has the digest in its %s, where Kubernetes does not allow it: name the value that takes the digest, "+
		"or none to run the tag without it", name, where)
}

func (c *checker) pod(name, namespace string, spec map[string]any) {
	pulls, counted := false, namespace == "" && spec["resources"] == nil
	for _, container := range containers(spec) {
		pulls = c.container(name, text(container, "image")) || pulls
		c.containerTexts(name, container)
		if counted {
			c.quota(name, container)
		}
	}
	if !pulls || c.want.PullSecret == "" {
		return
	}
	if namespace != "" {
		c.fault("check", "%s is in the namespace %q, but the pull secret %q exists in %q only: let the chart install into the release's namespace",
			name, namespace, c.want.PullSecret, c.want.Namespace)
		return
	}
	if c.names(spec["imagePullSecrets"]) {
		return
	}
	// Kubernetes takes the account's pull secrets only for a pod that names none (plugin/pkg/admission/serviceaccount/admission.go of
	// v1.34), and serviceAccount is the older key of the account's name (pkg/apis/core/v1/conversion.go).
	own, _ := spec["imagePullSecrets"].([]any)
	if len(own) > 0 || !c.accounts["/"+cmp.Or(text(spec, "serviceAccountName"), text(spec, "serviceAccount"))] {
		remedy := "name the value from which this chart takes its pull secrets"
		if strings.Contains(fmt.Sprint(own), c.want.PullSecret) {
			remedy = "the chart takes them in the other form: add [] to the value's path, or remove it"
		}
		c.fault("keys.pullSecrets", "%s pulls from the stack's registry without the pull secret %q: %s", name, c.want.PullSecret, remedy)
	}
}

// containers returns the containers of a pod, those that run before the others first.
func containers(spec map[string]any) []map[string]any {
	var all []map[string]any
	for _, list := range []string{"initContainers", "containers"} {
		items, _ := spec[list].([]any)
		for _, item := range items {
			container, _ := item.(map[string]any)
			all = append(all, container)
		}
	}
	return all
}

// namespace returns the namespace of an object, empty for that of the release.
func (c *checker) namespace(object map[string]any) string {
	if name := text(object, "metadata", "namespace"); name != "default" && name != c.want.Namespace {
		return name
	}
	return ""
}

// container reports whether the image of a container comes from the registry of the wanted image.
func (c *checker) container(name, image string) bool {
	if !slices.Contains(c.others, image) {
		c.others = append(c.others, image)
	}
	runs, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		// An invalid image matters only if it begins with the name of the wanted image.
		if strings.HasPrefix(image, c.image.Name()) {
			key := "keys.repository"
			if strings.Contains(image, "@") {
				key = "keys.digest"
			}
			c.fault(key, "%s runs %q, which is not an image: %v", name, image, err)
		}
		return false
	}
	if reference.Domain(runs) != reference.Domain(c.image) {
		return false
	}
	if runs.Name() == c.image.Name() {
		if c.same(runs) {
			c.runs = true
		} else {
			c.fault(c.wrongKey(runs), "%s runs %s instead of %s: name the value from which this chart takes it", name, image, c.want.Image)
			c.runs = true // the repository is right, and the fault is reported
		}
	}
	return true
}

// same reports whether a container runs the wanted image: its digest if it has one, and otherwise its tag.
func (c *checker) same(runs reference.Named) bool {
	if digest := digestOf(c.image); digest != "" {
		return digestOf(runs) == digest
	}
	return digestOf(runs) == "" && tagOf(runs) == tagOf(c.image)
}

func (c *checker) wrongKey(runs reference.Named) string {
	if digestOf(c.image) != "" && !c.want.Tagged || digestOf(c.image) == "" && digestOf(runs) != "" {
		return "keys.digest"
	}
	return "keys.tag"
}

func digestOf(image reference.Named) string {
	if digested, ok := image.(reference.Digested); ok {
		return digested.Digest().String()
	}
	return ""
}

func tagOf(image reference.Named) string {
	if tagged, ok := image.(reference.Tagged); ok {
		return tagged.Tag()
	}
	return ""
}

func (c *checker) runsNothing() string {
	if len(c.others) == 0 {
		return "check: the chart creates no pods; set it to false if something else creates them"
	}
	slices.Sort(c.others)
	key, remedy := "keys.repository", "name the values from which this chart takes its image"
	if slices.ContainsFunc(c.others, func(image string) bool { return strings.Contains(image, "/"+c.image.Name()) }) {
		key, remedy = "keys.registry", "the chart puts a registry in front of the repository; name the value from which it takes that"
	}
	return fmt.Sprintf("%s: no container runs %s, but %s: %s", key, c.want.Image, strings.Join(c.others, ", "), remedy)
}

func (c *checker) fault(key, format string, args ...any) {
	if text := key + ": " + fmt.Sprintf(format, args...); !slices.Contains(c.faults, text) {
		c.faults = append(c.faults, text)
	}
}

// names reports whether a list of pull secrets contains the stack's.
func (c *checker) names(list any) bool {
	items, _ := list.([]any)
	return slices.ContainsFunc(items, func(item any) bool {
		secret, _ := item.(map[string]any)
		return secret["name"] == c.want.PullSecret
	})
}

// at returns the object at a path, or nil if there is none.
func at(object map[string]any, path ...string) map[string]any {
	for _, key := range path {
		object, _ = object[key].(map[string]any)
	}
	return object
}

func text(object map[string]any, path ...string) string {
	last := len(path) - 1
	value, _ := at(object, path[:last]...)[path[last]].(string)
	return value
}
