// Package config is what a stack file says, and what of it is allowed. It knows nothing of Pulumi: whoever edits the graph need
// not compile it again.
package config

import (
	"maps"
	"slices"
)

// Config is what a stack file says under the project's own namespace, decoded, defaulted and validated. The keys are
// described one by one in infra/docs/configuration.md.
type Config struct {
	// Environment is the second half of every namespace's name.
	Environment string `json:"environment"`
	// Tags are the Azure tags on the resource group and the registry.
	Tags map[string]string `json:"tags"`
	// Registry says where images come from.
	Registry Registry `json:"registry"`
	// PullSecretName is the name of the image pull secret in each namespace.
	PullSecretName string `json:"pullSecretName"`
	// Rotation says when the passwords with which the cluster pulls change.
	Rotation Rotation `json:"rotation"`
	// Cluster says how to reach Kubernetes.
	Cluster Cluster `json:"cluster"`
	// Chart is the chart of each service that names none of its own.
	Chart Chart `json:"chart"`
	// Release holds the Helm settings of each service that has none of its own.
	Release Release `json:"release"`
	// Namespace holds the settings of each service's namespace that has none of its own.
	Namespace Namespace `json:"namespace"`
	// Services are the microservices by name.
	Services map[string]Service `json:"services"`

	// Location is the Azure region of azure-native:location, where a resource group is created.
	Location string `json:"-"`
	// secretKeys are the top-level keys with an encrypted value somewhere inside.
	secretKeys map[string]bool
	// root is the project folder, against which relative paths are resolved; empty is the working directory.
	root string
	// localCharts are the charts in the project folder that have been read, by path.
	localCharts map[string]localChart
}

// Cluster says how to reach Kubernetes; empty fields mean what they mean to kubectl.
type Cluster struct {
	// Kubeconfig is a path or the content of a kubeconfig file.
	Kubeconfig string `json:"kubeconfig"`
	// Context is the kubeconfig's context to use.
	Context string `json:"context"`
	// AKS is a cluster in Azure whose credentials Azure is asked for, in place of a kubeconfig.
	AKS *AKS `json:"aks"`
}

// AKS names an AKS cluster in the stack's subscription.
type AKS struct {
	// ResourceGroup of the cluster.
	ResourceGroup string `json:"resourceGroup"`
	// Name of the cluster.
	Name string `json:"name"`
	// Admin takes the local administrator's credentials, which need no kubelogin and know no limits.
	Admin bool `json:"admin"`
}

// Chart names a Helm chart: a local path, a chart in a repository, or an OCI chart. Empty means the chart that is
// shipped with this project.
type Chart struct {
	// Path is a chart folder or package, relative to the project folder.
	Path string `json:"path"`
	// Repository is the http or https address of a chart repository; it takes Name and Version.
	Repository string `json:"repository"`
	// Name is the chart's name in Repository.
	Name string `json:"name"`
	// OCI is a chart's address, as in "oci://example.azurecr.io/charts/microservice"; it takes Version.
	OCI string `json:"oci"`
	// Version is the chart's exact version.
	Version string `json:"version"`
	// Username for Repository or OCI.
	Username string `json:"username"`
	// Password for Repository or OCI.
	Password string `json:"password"`
}

// Release holds the Helm settings of a release. A nil field takes the next outer setting.
type Release struct {
	// TimeoutSeconds is how long a release may take to become ready.
	TimeoutSeconds *int `json:"timeoutSeconds"`
	// Atomic rolls a failed upgrade back and removes a failed first installation.
	Atomic *bool `json:"atomic"`
	// CleanupOnFail deletes what a failed upgrade has newly created.
	CleanupOnFail *bool `json:"cleanupOnFail"`
	// MaxHistory is how many revisions Helm keeps.
	MaxHistory *int `json:"maxHistory"`
}

// Service describes one microservice.
type Service struct {
	// Image is what the service runs.
	Image Image `json:"image"`
	// PullRepositories are repositories in the registry, besides that of Image, from which the service pulls. They count
	// where each service may pull its own repositories only: in the mode token and with registry.abac.
	PullRepositories []string `json:"pullRepositories"`
	// Chart overrides the stack's chart.
	Chart Chart `json:"chart"`
	// Release overrides the stack's Helm settings, field by field.
	Release Release `json:"release"`
	// Namespace overrides the stack's namespace settings, field by field.
	Namespace Namespace `json:"namespace"`
	// ValuesFiles are YAML files with chart values, relative to the project folder; a later file wins.
	ValuesFiles []string `json:"valuesFiles"`
	// Values are chart values; they win over ValuesFiles.
	Values map[string]any `json:"values"`
}

// Image names a service's image. Without Tag and Digest the service gets no release yet.
type Image struct {
	// Repository is the image's name in the stack's registry, or with a host in front ("docker.io/library/nginx") an
	// image from elsewhere. Default: the service's name.
	Repository string `json:"repository"`
	// Tag is the image's tag.
	Tag string `json:"tag"`
	// Digest, as in "sha256:…", pins the image's content; it wins over what Tag points to.
	Digest string `json:"digest"`
	// Import copies the image with Tag from elsewhere into the registry, before the release.
	Import *Import `json:"import"`
	// Build builds the image with Tag from a git repository, before the release.
	Build *Build `json:"build"`
}

// Import says from where an image is copied into the registry.
type Import struct {
	// Source is the image with its host and its tag or digest, as in "docker.io/library/nginx:1.29".
	Source string `json:"source"`
	// Username and Password for Source; empty for a public image.
	Username string `json:"username"`
	Password string `json:"password"`
}

// Build says from what an image is built.
type Build struct {
	// Context is a git repository with branch, tag or commit, and a folder if it is not the top one, as in
	// "https://github.com/example/shop.git#v1.2.0:customerapi".
	Context string `json:"context"`
	// Dockerfile in the context. Empty is "Dockerfile".
	Dockerfile string `json:"dockerfile"`
	// Platform is one of buildPlatforms. Empty is the first.
	Platform string `json:"platform"`
	// Args are the build's arguments.
	Args map[string]string `json:"args"`
	// Token for a private git repository.
	Token string `json:"token"`
}

// Defaults of the stack, documented in Pulumi.yaml.
const (
	defaultSKU            = "Basic"
	defaultPullSecretName = "acr-secret"
	// Azure may take 10 minutes to let a new role assignment pull, and kubelet then waits up to 5 minutes before it
	// tries again. A release that waits for less can fail although nothing is wrong.
	defaultTimeoutSeconds = 900
	defaultMaxHistory     = 10
)

// Parse decodes settings by top-level key, as the engine hands them over, fills in the defaults and validates them. Location is
// that of azure-native, stack the stack's name, and root the project folder. The error lists every problem by key, without the
// values of secretKeys.
func Parse(settings map[string]string, secretKeys map[string]bool, location, stack, root string) (*Config, error) {
	cfg, found := decodeConfig(settings)
	cfg.Location, cfg.secretKeys, cfg.root = location, secretKeys, root
	applyDefaults(cfg, stack)
	found.merge(cfg.validate())
	return cfg, found.err(secretKeys)
}

// applyDefaults fills in what the stack file leaves out.
func applyDefaults(cfg *Config, stack string) {
	setDefault(&cfg.Environment, stack)
	if cfg.Registry.Existing == nil {
		setDefault(&cfg.Registry.SKU, defaultSKU)
	}
	setDefault(&cfg.Registry.Pull.Mode, PullByServicePrincipal)
	setDefault(&cfg.PullSecretName, defaultPullSecretName)
	if id, ok := ParseRegistryID(cfg.Registry.Adopt); ok {
		setDefault(&cfg.Registry.Name, id.Name)
		setDefault(&cfg.Registry.ResourceGroup.Name, id.ResourceGroup)
	}
	cfg.Release = cfg.Release.or(Release{
		TimeoutSeconds: ptr(defaultTimeoutSeconds),
		Atomic:         ptr(true),
		CleanupOnFail:  ptr(true),
		MaxHistory:     ptr(defaultMaxHistory),
	})
	for name, service := range cfg.Services {
		setDefault(&service.Image.Repository, name)
		cfg.Services[name] = service
	}
}

// or returns r with its nil fields taken from outer.
func (r Release) or(outer Release) Release {
	setDefault(&r.TimeoutSeconds, outer.TimeoutSeconds)
	setDefault(&r.Atomic, outer.Atomic)
	setDefault(&r.CleanupOnFail, outer.CleanupOnFail)
	setDefault(&r.MaxHistory, outer.MaxHistory)
	return r
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func ptr[T any](value T) *T { return &value }

// chartSettings returns the chart of a service: its own or the stack's.
func (c *Config) chartSettings(service string) Chart {
	if own := c.Services[service].Chart; own != (Chart{}) {
		return own
	}
	return c.Chart
}

// ReleaseOf returns the Helm settings of a service, its own before the stack's.
func (c *Config) ReleaseOf(service string) Release {
	return c.Services[service].Release.or(c.Release)
}

// IsSecret says whether a top-level key has an encrypted value somewhere inside: what is made of it is to be secret.
func (c *Config) IsSecret(key string) bool { return c.secretKeys[key] }

// ServiceNames returns the services' names in the order in which they are walked.
func (c *Config) ServiceNames() []string { return slices.Sorted(maps.Keys(c.Services)) }

// NamespaceName returns the name of a service's namespace.
func (c *Config) NamespaceName(service string) string { return service + "-" + c.Environment }

// ValueOr returns what a pointer points to, or the default for nil.
func ValueOr[T any](value *T, fallback T) T {
	if value == nil {
		return fallback
	}
	return *value
}
