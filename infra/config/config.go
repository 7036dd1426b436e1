// Package config decodes and validates the settings of a stack file. It does not use Pulumi's SDK, so that an edit of the graph
// does not compile it again.
package config

import (
	"maps"
	"reflect"
	"slices"
)

// Config holds a stack file's settings in the project's own namespace: decoded, validated, and with defaults.
// infra/docs/configuration.md and stack.schema.json are generated from the doc comments of its fields and of the types below it.
type Config struct {
	// Environment is the environment in which the services run: the second half of each namespace's name, `<service>-<environment>`.
	// An RFC 1123 label. Default: the stack's name.
	Environment string `json:"environment" is:"label"`
	// Tags are the Azure tags, name to value, on the resource group, the registry and what belongs to it. At most 50.
	Tags map[string]string `json:"tags" keys:"tagName" is:"tagValue" max:"50"`
	// Registry says where images come from: the stack's own Azure Container Registry, an existing one, or a registry outside Azure.
	Registry Registry `json:"registry"`
	// PullSecretName is the name of the image pull secret in each namespace, an RFC 1123 subdomain.
	PullSecretName string `json:"pullSecretName" is:"subdomain" default:"acr-secret"`
	// Rotation says when the cluster's pull password changes: in the first update of each period.
	Rotation Rotation `json:"rotation"`
	// Cluster says how to reach Kubernetes. Default: what kubectl would use.
	Cluster Cluster `json:"cluster"`
	// Chart is the Helm chart of services that do not name their own. Default: the chart in `infra/charts/microservice`.
	Chart Chart `json:"chart"`
	// Release holds the Helm settings of the services. Each service can override each setting.
	Release Release `json:"release"`
	// Namespace holds the settings of the services' namespaces. Each service can override each setting.
	Namespace Namespace `json:"namespace"`
	// Services are the microservices by name. A name is an RFC 1123 label of at most 53 characters, and at most 63 with
	// `-<environment>`.
	Services map[string]Service `json:"services" keys:"serviceName" required:"true"`

	// Cloud is the Azure cloud of azure-native:environment.
	Cloud Cloud `json:"-"`
	// TellsCloud says that the providers azure and azuread must be told the cloud, because they would not find it themselves.
	TellsCloud bool `json:"-"`
	// Location is the Azure region of azure-native:location, where a resource group is created.
	Location string `json:"-"`
	// secretKeys are the top-level keys that contain an encrypted value.
	secretKeys map[string]bool
	// root is the project folder, against which relative paths are resolved; empty means the working directory.
	root string
	// localCharts caches the charts in the project folder, by path.
	localCharts map[string]*localChart
}

// Cluster says how to reach Kubernetes; empty fields have kubectl's defaults.
type Cluster struct {
	// Kubeconfig is the path (relative to the project folder) or the content of a kubeconfig file. Encrypt the content. Paths in it are
	// relative to the project folder as well. Default: kubectl's.
	Kubeconfig string `json:"kubeconfig" secret:"true"`
	// Context is the context in the kubeconfig. Default: its current context.
	Context string `json:"context"`
	// AKS is an AKS cluster in the stack's subscription, whose credentials the program gets from Azure. It replaces `kubeconfig` and
	// `context`.
	AKS *AKS `json:"aks"`
	// Identifier is the identity of the cluster: the UID of its namespace `kube-system`, or for `aks` Azure's resource id of the
	// cluster. The stack records the identity of its cluster, and refuses to update another one. To move the stack to another cluster,
	// set that cluster's identity: the next update deletes everything in the old cluster. Default: the identity of the recorded
	// cluster.
	Identifier string `json:"identifier"`
}

// AKS names an AKS cluster in the stack's subscription.
type AKS struct {
	// ResourceGroup is the cluster's resource group.
	ResourceGroup string `json:"resourceGroup" is:"resourceGroup" required:"true"`
	// Name is the cluster's name.
	Name string `json:"name" is:"clusterName" required:"true"`
	// Admin uses the local administrator's credentials (`true`), which need no kubelogin and have every permission, or the credentials
	// of whoever runs the stack (`false`).
	Admin bool `json:"admin" default:"false"`
}

// Chart names a Helm chart: a local path, a chart in a repository, or an OCI chart. Empty means the chart that this project ships.
type Chart struct {
	// Path is a chart folder or a packaged chart (.tgz), relative to the project folder and inside it.
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
	// Keys name the chart's values that take the image and the pull secret, for a chart that does not follow `helm create`. A service
	// without its own chart can still set its own keys.
	Keys ChartKeys `json:"keys"`
	// Check checks the manifests that the chart renders, in preview and update, before anything changes (`true`): a container runs the
	// stack's image, no container runs another tag of it, and each pod with an image from the stack's registry names the pull secret.
	// The chart is rendered for the namespace `default`. Turn the check off (`false`) for a chart that it cannot judge, such as one
	// whose pods an operator creates.
	Check *bool `json:"check" default:"true"`
}

// Release holds the Helm settings of a release. A nil field takes the next outer setting.
type Release struct {
	// TimeoutSeconds is how many seconds Helm waits for a release to become ready. Azure can take 10 minutes until a new service
	// principal can pull, and kubelet waits up to 5 minutes between retries.
	TimeoutSeconds *int `json:"timeoutSeconds" min:"1" max:"3600" default:"900"`
	// Wait waits until all resources of the release are ready (`true`), like `helm --wait`. With `false`, a release is done when the
	// cluster has accepted it; a chart whose pods wait for a post-install hook needs that.
	Wait *bool `json:"wait" default:"true"`
	// WaitForJobs also waits until the release's jobs are complete, like `helm --wait-for-jobs`. It needs `wait`.
	WaitForJobs *bool `json:"waitForJobs" default:"false"`
	// Hooks runs the chart's hooks (`true`), or skips them (`false`), like `helm --no-hooks`. The provider runs those of an uninstallation
	// in any case.
	Hooks *bool `json:"hooks" default:"true"`
	// SkipCRDs skips the custom resource definitions in the chart's folder `crds` (`true`), like `helm --skip-crds`.
	SkipCRDs *bool `json:"skipCrds" default:"false"`
	// Atomic rolls back a failed upgrade and removes a failed first installation. It needs `wait`. Default: the value of `wait`.
	Atomic *bool `json:"atomic"`
	// CleanupOnFail deletes the resources that a failed upgrade created.
	CleanupOnFail *bool `json:"cleanupOnFail" default:"true"`
	// MaxHistory is how many revisions Helm keeps. Each is a secret in the namespace.
	MaxHistory *int `json:"maxHistory" min:"1" max:"100" default:"10"`
}

// Service describes one microservice.
type Service struct {
	// Image is the image that the service runs. A service without `image.tag` and `image.digest` gets its namespace and its pull
	// secret, but no release yet.
	Image Image `json:"image"`
	// PullRepositories are further repositories in the registry from which the service pulls. They have an effect with the pull mode
	// `token` and with `registry.abac`, which limit pulls to the services' repositories.
	PullRepositories []string `json:"pullRepositories" is:"repository"`
	// Chart is the Helm chart of this service, with the keys of `chart`.
	Chart Chart `json:"chart" inherits:"chart"`
	// Release holds the Helm settings of this service, with the keys of `release`.
	Release Release `json:"release" inherits:"release"`
	// Namespace holds the settings of this service's namespace, with the keys of `namespace`. Maps are merged; `allowFrom` replaces
	// the stack's list.
	Namespace Namespace `json:"namespace" inherits:"namespace"`
	// ValuesFiles are YAML files with chart values, relative to the project folder and inside it. A later file overrides an earlier one.
	ValuesFiles []string `json:"valuesFiles"`
	// Values are chart values of any depth. They override `valuesFiles`. Leaves can be encrypted. The stack itself sets the image and,
	// for images from its own registry, the pull secret, in the values that `chart.keys` names.
	Values map[string]any `json:"values" secret:"true"`
}

// Image names a service's image. Without Tag and Digest the service gets no release yet.
type Image struct {
	// Repository is the image's repository in the stack's registry. With a host, such as `docker.io/library/nginx`, it is in another
	// registry, and the cluster pulls it without the pull secret. Default: the service's name.
	Repository string `json:"repository" is:"imageRepository"`
	// Tag is the tag to run. Put it in quotes: YAML reads 1.10 as 1.1.
	Tag string `json:"tag" is:"imageTag"`
	// Digest is the digest to run, `sha256:` and 64 hexadecimal digits. It overrides the tag.
	Digest string `json:"digest" is:"imageDigest"`
	// Import copies the image from another registry into the stack's, with the tag `image.tag`, before the release is installed.
	Import *Import `json:"import"`
	// Build builds the image from a git repository, with the tag `image.tag`, before the release is installed.
	Build *Build `json:"build"`
}

// Import says which image is copied into the registry.
type Import struct {
	// Source is the image to copy, with its host and its tag or digest, such as `docker.io/library/nginx:1.29`. For Docker Hub's
	// official images, `library/` is optional.
	Source string `json:"source" is:"image" required:"true"`
	// Username is the user name for the source, for a private image, such as `robot$ci+shop`. It needs `password`. It cannot contain
	// single quotes, line breaks, `$$`, or `$` before the name of an ACR Tasks alias such as `$ID`.
	Username string `json:"username" is:"taskValue" secret:"true"`
	// Password is the password for the source, with the same restrictions. Encrypt it.
	Password string `json:"password" is:"taskValue" secret:"true"`
}

// Build says from what an image is built.
type Build struct {
	// Context is an https git repository with a branch, tag or commit, and the folder unless it is the root:
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

// Defaults of the stack. The fields' tags repeat them.
const (
	defaultSKU            = "Basic"
	defaultPullSecretName = "acr-secret"
	// A new role assignment can take 10 minutes to take effect in Azure, and kubelet then waits up to 5 minutes before it retries.
	// With a shorter timeout, a release can fail although nothing is wrong.
	defaultTimeoutSeconds = 900
	defaultMaxHistory     = 10
)

// Parse decodes settings by top-level key, as the engine passes them, fills in the defaults and validates them. The error lists
// every problem by key, without the values of secretKeys.
func Parse(settings map[string]string, secretKeys map[string]bool, around Around) (*Config, error) {
	cfg, found := decodeConfig(settings)
	cfg.secretKeys = secretKeys
	further := cfg.applyAround(around)
	checkFields(&further, "", reflect.ValueOf(*cfg))
	applyDefaults(cfg, around.Stack)
	file := readStackFile(around)
	for _, name := range cfg.ServiceNames() {
		if file != nil && file.fault != nil && len(cfg.Services[name].Values) > 0 {
			further.add("services."+name+".values", nil, "cannot be compared with what Helm reads: Helm cannot read the stack file: "+file.fault.Error())
			continue
		}
		pulumi, helm := file.valuesOf(name)
		addLosses(&further, "services."+name+".values", cfg.Services[name].Values, pulumi, helm)
	}
	further = append(further, cfg.validate()...)
	found.merge(file.changed())
	found.merge(further)
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
	for name, service := range cfg.Services {
		setDefault(&service.Image.Repository, name)
		cfg.Services[name] = service
	}
}

// WithDefaults returns r with every field set.
func (r Release) WithDefaults() Release {
	r = r.or(Release{
		TimeoutSeconds: ptr(defaultTimeoutSeconds),
		Wait:           ptr(true),
		WaitForJobs:    ptr(false),
		Hooks:          ptr(true),
		SkipCRDs:       ptr(false),
		CleanupOnFail:  ptr(true),
		MaxHistory:     ptr(defaultMaxHistory),
	})
	setDefault(&r.Atomic, r.Wait)
	return r
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

// chartSettings returns the chart of a service: its own, or the stack's, whose keys and check it can override.
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

// named reports whether the settings name a chart.
func (c Chart) named() bool {
	c.Keys, c.Check = ChartKeys{}, nil
	return c != Chart{}
}

// shipped reports whether the settings mean the chart that this project ships.
func (c Chart) shipped() bool {
	return c.Repository == "" && c.OCI == "" && chartPath(c) == shippedChart
}

// ReleaseOf returns the Helm settings of a service, its own before the stack's.
func (c *Config) ReleaseOf(service string) Release {
	return c.Services[service].Release.or(c.Release).WithDefaults()
}

// IsSecret reports whether a top-level key contains an encrypted value. The chart values and image steps of such a key are secret as
// a whole, because the engine does not say which leaf is encrypted.
func (c *Config) IsSecret(key string) bool { return c.secretKeys[key] }

// ServiceNames returns the services' names, sorted.
func (c *Config) ServiceNames() []string { return slices.Sorted(maps.Keys(c.Services)) }

// NamespaceName returns the name of a service's namespace.
func (c *Config) NamespaceName(service string) string { return service + "-" + c.Environment }

// ValueOr returns what a pointer points to, or the fallback for nil.
func ValueOr[T any](value *T, fallback T) T {
	if value == nil {
		return fallback
	}
	return *value
}
