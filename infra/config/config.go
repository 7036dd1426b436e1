// Package config is what a stack file says, and what of it is allowed. It knows nothing of Pulumi: whoever edits the graph need
// not compile it again.
package config

import (
	"maps"
	"reflect"
	"slices"
)

// Config is what a stack file says under the project's own namespace, decoded, defaulted and validated. The doc comments of its
// fields, and of the types below it, are the documentation: infra/docs/configuration.md and stack.schema.json are made of them.
type Config struct {
	// Environment is the environment in which the services run: the second half of each namespace's name, `<service>-<environment>`.
	// An RFC 1123 label. Default: the stack's name.
	Environment string `json:"environment" is:"label"`
	// Tags are the Azure tags, name to value, on the resource group, the registry and what belongs to it. At most 50.
	Tags map[string]string `json:"tags" keys:"tagName" is:"tagValue" max:"50"`
	// Registry says where images come from: an Azure Container Registry of the stack's own, an existing one, or a registry outside Azure.
	Registry Registry `json:"registry"`
	// PullSecretName is the name of the image pull secret in each namespace, an RFC 1123 subdomain.
	PullSecretName string `json:"pullSecretName" is:"subdomain" default:"acr-secret"`
	// Rotation says when the password with which the cluster pulls changes: with the first update of each period.
	Rotation Rotation `json:"rotation"`
	// Cluster says how to reach Kubernetes. Default: what kubectl would use.
	Cluster Cluster `json:"cluster"`
	// Chart is the Helm chart of the services that name none of their own. Default: the chart in `infra/charts/microservice`.
	Chart Chart `json:"chart"`
	// Release holds the Helm settings of the services. A service's own settings win, field by field.
	Release Release `json:"release"`
	// Namespace holds the settings of the services' namespaces. A service's own settings win, field by field.
	Namespace Namespace `json:"namespace"`
	// Services are the microservices by name. A name is an RFC 1123 label of at most 53 characters, and of at most 63 together with
	// `-<environment>`.
	Services map[string]Service `json:"services" keys:"serviceName" required:"true"`

	// Cloud is the Azure cloud of azure-native:environment.
	Cloud Cloud `json:"-"`
	// Location is the Azure region of azure-native:location, where a resource group is created.
	Location string `json:"-"`
	// secretKeys are the top-level keys with an encrypted value somewhere inside.
	secretKeys map[string]bool
	// root is the project folder, against which relative paths are resolved; empty is the working directory.
	root string
	// localCharts are the charts in the project folder that have been read, by path.
	localCharts map[string]*localChart
}

// Cluster says how to reach Kubernetes; empty fields mean what they mean to kubectl.
type Cluster struct {
	// Kubeconfig is the path (relative to the project folder) or the content of a kubeconfig file. Encrypt the content. Default: as
	// kubectl.
	Kubeconfig string `json:"kubeconfig" secret:"true"`
	// Context is the context in the kubeconfig. Default: its current context.
	Context string `json:"context"`
	// AKS is an AKS cluster in the stack's subscription, whose credentials the program gets from Azure. It replaces `kubeconfig` and
	// `context`.
	AKS *AKS `json:"aks"`
	// Identifier is the identity of the cluster: the UID of its namespace `kube-system`, or for `aks` Azure's resource id of the
	// cluster. The stack records the identity of its cluster, and refuses to go on with another. Set the identity of another cluster
	// to move the stack there: everything in the old cluster is deleted. Default: the identity of the recorded cluster.
	Identifier string `json:"identifier"`
}

// AKS names an AKS cluster in the stack's subscription.
type AKS struct {
	// ResourceGroup is the cluster's resource group.
	ResourceGroup string `json:"resourceGroup" is:"resourceGroup" required:"true"`
	// Name is the cluster's name.
	Name string `json:"name" is:"clusterName" required:"true"`
	// Admin chooses the local administrator's credentials (`true`), which need no kubelogin and have no limits, or those of whoever
	// runs the stack (`false`).
	Admin bool `json:"admin" default:"false"`
}

// Chart names a Helm chart: a local path, a chart in a repository, or an OCI chart. Empty means the chart that is
// shipped with this project.
type Chart struct {
	// Path is a chart folder or a packaged chart (.tgz), relative to the project folder.
	Path string `json:"path" is:"projectPath"`
	// Repository is the http or https address of a chart repository. It needs `name` and `version`.
	Repository string `json:"repository" is:"chartRepository"`
	// Name is the chart's name in `repository`.
	Name string `json:"name"`
	// OCI is the address of a chart in an OCI registry, such as `oci://example.azurecr.io/charts/microservice`. It needs `version`.
	OCI string `json:"oci" is:"ociChart"`
	// Version is the chart's exact version, such as `1.2.3`, for `repository` and `oci`.
	Version string `json:"version" is:"exactVersion"`
	// Username is the user name for `repository` or `oci`.
	Username string `json:"username"`
	// Password is the password for `repository` or `oci`. Encrypt it.
	Password string `json:"password" secret:"true"`
	// Keys say where the chart's values take the image and the pull secret from, for a chart that does not follow `helm create`. A
	// service that names no chart of its own can still name its own keys.
	Keys ChartKeys `json:"keys"`
	// Check looks at the manifests that the chart renders, in preview and update, before anything is changed (`true`): a container
	// runs the stack's image, no container runs another tag of it, and each pod with an image from the stack's registry names the
	// pull secret. They are rendered for the namespace `default`. Turn it off (`false`) for a chart that cannot be judged by that, such
	// as one whose pods an operator makes.
	Check *bool `json:"check" default:"true"`
}

// Release holds the Helm settings of a release. A nil field takes the next outer setting.
type Release struct {
	// TimeoutSeconds is how many seconds a release may take to become ready. Azure may need 10 minutes until a new service principal
	// can pull, and kubelet waits up to 5 minutes between two attempts.
	TimeoutSeconds *int `json:"timeoutSeconds" min:"1" max:"3600" default:"900"`
	// Wait waits until all that the release has made is ready (`true`), as `helm --wait`. Without it (`false`) a release is done when
	// the cluster has taken it over, which a chart needs whose pods wait for a post-install hook.
	Wait *bool `json:"wait" default:"true"`
	// WaitForJobs waits for the release's jobs to complete as well, as `helm --wait-for-jobs`. It needs `wait`.
	WaitForJobs *bool `json:"waitForJobs" default:"false"`
	// Hooks runs the chart's hooks (`true`), or does not (`false`), as `helm --no-hooks`.
	Hooks *bool `json:"hooks" default:"true"`
	// SkipCRDs leaves out the custom resource definitions in the chart's folder `crds` (`true`), as `helm --skip-crds`.
	SkipCRDs *bool `json:"skipCrds" default:"false"`
	// Atomic rolls a failed upgrade back and removes a failed first installation. It waits, and so needs `wait`. Default: as `wait`.
	Atomic *bool `json:"atomic"`
	// CleanupOnFail deletes what a failed upgrade has newly created.
	CleanupOnFail *bool `json:"cleanupOnFail" default:"true"`
	// MaxHistory is how many revisions Helm keeps. Each is a secret in the namespace.
	MaxHistory *int `json:"maxHistory" min:"1" max:"100" default:"10"`
}

// Service describes one microservice.
type Service struct {
	// Image is the image that the service runs. A service without `image.tag` and `image.digest` gets its namespace and its pull
	// secret, and no release yet.
	Image Image `json:"image"`
	// PullRepositories are further repositories in the registry from which the service pulls. They count in the mode `token` and with
	// `registry.abac`, where each service can pull only its own repositories.
	PullRepositories []string `json:"pullRepositories" is:"repository"`
	// Chart is the Helm chart of this service, with the keys of `chart`.
	Chart Chart `json:"chart" inherits:"chart"`
	// Release holds the Helm settings of this service, with the keys of `release`.
	Release Release `json:"release" inherits:"release"`
	// Namespace holds the settings of this service's namespace, with the keys of `namespace`. Maps are merged; `allowFrom` replaces.
	Namespace Namespace `json:"namespace" inherits:"namespace"`
	// ValuesFiles are YAML files with chart values, relative to the project folder. A later file wins.
	ValuesFiles []string `json:"valuesFiles"`
	// Values are chart values of any depth. They win over `valuesFiles`. Leaves may be encrypted. The stack itself sets
	// `image.repository`, `image.tag`, `image.digest` and, for images from its own registry, `imagePullSecrets`.
	Values map[string]any `json:"values" secret:"true"`
}

// Image names a service's image. Without Tag and Digest the service gets no release yet.
type Image struct {
	// Repository is the image's repository in the stack's registry, or with a host in front, such as `docker.io/library/nginx`, an image
	// from elsewhere, which is pulled without the pull secret. Default: the service's name.
	Repository string `json:"repository" is:"imageRepository"`
	// Tag is the tag to run. Put it in quotes: YAML reads 1.10 as 1.1.
	Tag string `json:"tag" is:"imageTag"`
	// Digest is the digest to run, `sha256:` and 64 hexadecimal digits. It wins over the tag.
	Digest string `json:"digest" is:"imageDigest"`
	// Import copies the image, with `image.tag`, from another registry into the stack's, before the release.
	Import *Import `json:"import"`
	// Build builds the image, with `image.tag`, from a git repository, before the release.
	Build *Build `json:"build"`
}

// Import says from where an image is copied into the registry.
type Import struct {
	// Source is the image to copy, with its host and its tag or digest, such as `docker.io/library/nginx:1.29`. Docker Hub's official
	// images are also found without `library/`.
	Source string `json:"source" is:"image" required:"true"`
	// Username is the user name at the source, for a private image, such as `robot$ci+shop`. It needs `password`. It may hold
	// everything but single quotes, line breaks, `$$`, and `$` before the name of an ACR Tasks alias such as `$ID`.
	Username string `json:"username" is:"taskValue" secret:"true"`
	// Password is the password at the source, with the same restrictions. Encrypt it.
	Password string `json:"password" is:"taskValue" secret:"true"`
}

// Build says from what an image is built.
type Build struct {
	// Context is an https git repository with its branch, tag or commit, and the folder unless it is the top one:
	// `https://github.com/example/shop.git#v1.2.0:customerapi`.
	Context string `json:"context" is:"gitContext" required:"true"`
	// Dockerfile is the path of the Dockerfile in the context.
	Dockerfile string `json:"dockerfile" is:"contextPath" default:"Dockerfile"`
	// Platform is the platform for which the image is built.
	Platform string `json:"platform" is:"platform" default:"linux/amd64"`
	// Args are the build arguments, name to value.
	Args map[string]string `json:"args"`
	// Token is a token for a private git repository. Encrypt it.
	Token string `json:"token" secret:"true"`
}

// Defaults of the stack, which the tags of the fields name as well.
const (
	defaultSKU            = "Basic"
	defaultPullSecretName = "acr-secret"
	// Azure may take 10 minutes to let a new role assignment pull, and kubelet then waits up to 5 minutes before it
	// tries again. A release that waits for less can fail although nothing is wrong.
	defaultTimeoutSeconds = 900
	defaultMaxHistory     = 10
)

// Parse decodes settings by top-level key, as the engine hands them over, fills in the defaults and validates them. The error
// lists every problem by key, without the values of secretKeys.
func Parse(settings map[string]string, secretKeys map[string]bool, around Around) (*Config, error) {
	cfg, found := decodeConfig(settings)
	cfg.secretKeys = secretKeys
	further := cfg.applyAround(around)
	checkFields(&further, "", reflect.ValueOf(*cfg))
	applyDefaults(cfg, around.Stack)
	file := readStackFile(around.Root, around.Stack)
	for _, name := range cfg.ServiceNames() {
		pulumi, helm := file.valuesOf(name)
		addLosses(&further, "services."+name+".values", cfg.Services[name].Values, pulumi, helm)
	}
	found.merge(append(further, cfg.validate()...))
	return cfg, found.err(secretKeys)
}

// applyDefaults fills in what the stack file leaves out.
func applyDefaults(cfg *Config, stack string) {
	setDefault(&cfg.Environment, stack)
	if cfg.Registry.Existing == nil {
		setDefault(&cfg.Registry.SKU, defaultSKU)
	}
	setDefault(&cfg.Registry.Pull.Mode, PullByServicePrincipal)
	cfg.normalizeRegions()
	cfg.normalizeDockerHub()
	setDefault(&cfg.PullSecretName, defaultPullSecretName)
	if id, ok := ParseRegistryID(cfg.Registry.Adopt); ok {
		setDefault(&cfg.Registry.Name, id.Name)
		setDefault(&cfg.Registry.ResourceGroup.Name, id.ResourceGroup)
	}
	cfg.Release = cfg.Release.or(Release{
		TimeoutSeconds: ptr(defaultTimeoutSeconds),
		Wait:           ptr(true),
		WaitForJobs:    ptr(false),
		Hooks:          ptr(true),
		SkipCRDs:       ptr(false),
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
	setDefault(&r.Wait, outer.Wait)
	setDefault(&r.WaitForJobs, outer.WaitForJobs)
	setDefault(&r.Hooks, outer.Hooks)
	setDefault(&r.SkipCRDs, outer.SkipCRDs)
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

// chartSettings returns the chart of a service: its own or the stack's, of which it may override keys and check.
func (c *Config) chartSettings(service string) Chart {
	own := c.Services[service].Chart
	if own.named() {
		return own
	}
	outer := c.Chart
	if own.Keys != (ChartKeys{}) {
		outer.Keys = own.Keys
	}
	setDefault(&own.Check, outer.Check)
	outer.Check = own.Check
	return outer
}

// named says whether the settings name a chart.
func (c Chart) named() bool {
	c.Keys, c.Check = ChartKeys{}, nil
	return c != Chart{}
}

// ReleaseOf returns the Helm settings of a service, its own before the stack's.
func (c *Config) ReleaseOf(service string) Release {
	release := c.Services[service].Release.or(c.Release)
	setDefault(&release.Atomic, release.Wait)
	return release
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
