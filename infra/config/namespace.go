package config

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Namespace holds the settings of a service's namespace. A service inherits the stack's settings that it leaves out; maps are
// merged key by key.
type Namespace struct {
	// PodSecurity is the [level](https://kubernetes.io/docs/concepts/security/pod-security-standards/) that pods must meet, for
	// enforcement, warnings and audit. Default: the cluster's.
	PodSecurity string `json:"podSecurity" is:"podSecurity"`
	// Quota limits the total use of a namespace, by resource, such as `{requests.cpu: "4", pods: "20"}`.
	Quota map[string]string `json:"quota" keys:"quotaResource" is:"quantity"`
	// Limits are the defaults of containers that set none themselves.
	Limits Limits `json:"limits"`
	// Isolate allows only the namespace's own pods and those of `allowFrom` to connect to its pods, if the cluster enforces network
	// policies.
	Isolate *bool `json:"isolate" default:"false"`
	// AllowFrom lists the other namespaces whose pods are allowed to connect to an isolated namespace, such as that of the ingress
	// controller. A service's list replaces the stack's.
	AllowFrom []string `json:"allowFrom" is:"label"`
	// Labels are labels of the namespace, name to value, besides the stack's own.
	Labels map[string]string `json:"labels" keys:"labelName" is:"labelValue"`
	// Annotations are annotations of the namespace, name to value.
	Annotations map[string]string `json:"annotations" keys:"annotationName"`
	// Adopt uses the existing namespace `<service>-<environment>`: the stack sets only the labels and annotations named here, and does not
	// delete it. But the switch to `adopt` deletes a namespace that the stack itself created, unless an update with `retainOnDelete` came
	// first.
	Adopt *bool `json:"adopt" default:"false"`
	// RetainOnDelete keeps the namespace when the service or the stack is deleted.
	RetainOnDelete *bool `json:"retainOnDelete" default:"false"`
}

// Limits holds the defaults of containers by resource, such as {"cpu": "100m", "memory": "128Mi"}.
type Limits struct {
	// Default is the limit of a container that sets none, by resource, such as `{memory: 256Mi}`.
	Default map[string]string `json:"default" keys:"limitResource" is:"quantity"`
	// DefaultRequest is the request of a container that sets none, by resource, such as `{cpu: 100m}`.
	DefaultRequest map[string]string `json:"defaultRequest" keys:"limitResource" is:"quantity"`
}

// or returns n with what it leaves out taken from outer.
func (n Namespace) or(outer Namespace) Namespace {
	setDefault(&n.PodSecurity, outer.PodSecurity)
	setDefault(&n.Isolate, outer.Isolate)
	setDefault(&n.Adopt, outer.Adopt)
	setDefault(&n.RetainOnDelete, outer.RetainOnDelete)
	if n.AllowFrom == nil {
		n.AllowFrom = outer.AllowFrom
	}
	n.Quota = overlaid(outer.Quota, n.Quota)
	n.Limits.Default = overlaid(outer.Limits.Default, n.Limits.Default)
	n.Limits.DefaultRequest = overlaid(outer.Limits.DefaultRequest, n.Limits.DefaultRequest)
	n.Labels = overlaid(outer.Labels, n.Labels)
	n.Annotations = overlaid(outer.Annotations, n.Annotations)
	return n
}

// overlaid returns the entries of both maps. Entries of over replace those of base.
func overlaid(base, over map[string]string) map[string]string {
	merged := map[string]string{}
	maps.Copy(merged, base)
	maps.Copy(merged, over)
	return merged
}

// NamespaceOf returns the settings of a service's namespace, its own before the stack's.
func (c *Config) NamespaceOf(service string) Namespace {
	return c.Services[service].Namespace.or(c.Namespace)
}

// ServiceLabels are the recommended labels of everything that the stack creates for a service.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
func ServiceLabels(service, environment, project string) map[string]string {
	return map[string]string{
		"app.kubernetes.io/name":       service,
		"app.kubernetes.io/instance":   service + "-" + environment,
		"app.kubernetes.io/part-of":    project,
		"app.kubernetes.io/managed-by": "pulumi",
	}
}

// NamespaceNameLabel is the label that Kubernetes itself gives each namespace.
const NamespaceNameLabel = "kubernetes.io/metadata.name"

// podSecurityLevels are those of https://kubernetes.io/docs/concepts/security/pod-security-standards/
var podSecurityLevels = []string{"restricted", "baseline", "privileged"}

// PodSecurityLabels are the labels that podSecurity sets, one for each mode.
var PodSecurityLabels = []string{
	"pod-security.kubernetes.io/enforce", "pod-security.kubernetes.io/warn", "pod-security.kubernetes.io/audit",
}

// quotaResources are the resources that a quota can name without a domain, besides huge pages:
// https://kubernetes.io/docs/concepts/policy/resource-quotas/
var quotaResources = []string{
	"cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage", "requests.storage",
	"limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods", "services", "services.loadbalancers",
	"services.nodeports", "configmaps", "secrets", "persistentvolumeclaims", "replicationcontrollers", "resourcequotas",
}

// limitResources are the resources that a container can limit, besides huge pages and those with a domain.
var limitResources = []string{"cpu", "memory", "ephemeral-storage"}

// validateLabels reports labels of a service's namespace that the stack sets itself.
func (c *Config) validateLabels(found *problems, service string) {
	n, owned := c.NamespaceOf(service), ServiceLabels("", "", "")
	for _, name := range slices.Sorted(maps.Keys(n.Labels)) {
		key := "namespace.labels." + name
		if _, own := c.Services[service].Namespace.Labels[name]; own {
			key = "services." + service + "." + key
		}
		switch _, ofStack := owned[name]; {
		case ofStack && !ValueOr(n.Adopt, false), name == NamespaceNameLabel:
			found.add(key, nil, "is set by the stack; leave it out")
		case n.PodSecurity != "" && slices.Contains(PodSecurityLabels, name):
			found.add(key, nil, "is set by podSecurity; leave it out")
		}
	}
}

// validateLimits checks that no default request is more than the default limit, or, of huge pages and resources with a domain, differs
// from it. Kubernetes does the same.
func validateLimits(found *problems, key string, limits Limits) {
	for _, name := range slices.Sorted(maps.Keys(limits.DefaultRequest)) {
		at, text := key+".defaultRequest."+name, limits.DefaultRequest[name]
		request, requested := quantity(text)
		limit, limited := quantity(limits.Default[name])
		if !requested || !limited {
			continue
		}
		found.addUnless(request.Cmp(limit) <= 0, at, text, "is more than limits.default."+name)
		found.addUnless(request.Cmp(limit) >= 0 || isNative(name) && !strings.HasPrefix(name, hugePages), at, text,
			"is not limits.default."+name+"; a container's request and limit of this resource must be equal")
	}
}

const hugePages = "hugepages-"

// isNative reports whether a resource is one of Kubernetes itself.
func isNative(resource string) bool {
	return !strings.Contains(resource, "/") || strings.Contains(resource, "kubernetes.io/")
}

// isLimitResource accepts the name of a resource that a container can limit.
func isLimitResource(name string) bool {
	return isQualifiedName(name) && (isNative(name) || !strings.HasPrefix(name, "requests.") && isQualifiedName("requests."+name))
}

// validateCounts checks that amounts of counted resources are whole numbers. It skips resources with a domain, such as
// "count/jobs.batch", because only Kubernetes knows them.
func validateCounts(found *problems, key string, amounts map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(amounts)) {
		amount, ok := quantity(amounts[name])
		found.addUnless(!ok || strings.Contains(name, "/") || !isCount(name) || amount.RoundUp(0), key+"."+name, amounts[name],
			"is not a whole number of "+name)
	}
}

// isCount reports whether a resource, such as "services.nodeports", is counted and not measured.
func isCount(resource string) bool {
	kind := resource[strings.LastIndex(resource, ".")+1:]
	return !slices.Contains(limitResources, kind) && kind != "storage" && !strings.HasPrefix(kind, hugePages)
}

// quantity returns an amount such as "4", "500m" or "2Gi", and false if the text is not an amount:
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
func quantity(text string) (resource.Quantity, bool) {
	amount, err := resource.ParseQuantity(text)
	return amount, err == nil && quantityPattern.MatchString(text)
}

// isQuantity accepts an amount that Kubernetes can read.
func isQuantity(text string) bool {
	_, ok := quantity(text)
	return ok
}
