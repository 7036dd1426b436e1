// Package config decodes and validates the settings of a stack file. It does not use Pulumi's SDK, so that an edit of the graph
// does not compile it again.
package config

import (
	"maps"
	"reflect"
	"slices"
)

// Config holds a stack file's settings in the project's own namespace: decoded, validated, and with defaults.
// infra/docs/configuration.md and stack.schema.json are generated from the doc comments of its fields and of their types, each in the file of its concern.
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

// Defaults of the stack. The fields' tags repeat them.
const (
	defaultSKU            = "Basic"
	defaultPullSecretName = "acr-secret"
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

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func ptr[T any](value T) *T { return &value }

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
