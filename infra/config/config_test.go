package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/internal/projecttest"
)

// root is the project folder.
const root = "../.."

// loadConfig does what the program does with a stack file.
func loadConfig(stack projecttest.Stack) (*Config, error) {
	settings, secretKeys := stack.Settings()
	return Parse(settings, secretKeys, Around{Stack: projecttest.StackName, Project: projecttest.Project, Root: root, Settings: stack.Around()})
}

// wantMark begins the lines of testdata/invalid-*.yaml that hold the expected error.
const wantMark = "# want: "

func TestInvalidConfig(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/invalid-*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 40)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			cfg, got := loadConfig(projecttest.ParseStack(t, text))
			require.Error(t, got, "%+v is accepted", cfg)
			require.NotContains(t, got.Error(), "hunter2")

			var want, body []string
			for line := range strings.Lines(string(text)) {
				if wanted, ok := strings.CutPrefix(line, wantMark); ok {
					want = append(want, strings.TrimSuffix(wanted, "\n"))
				} else {
					body = append(body, line)
				}
			}
			if *projecttest.Update {
				lines := strings.Split(got.Error(), "\n")
				header := wantMark + strings.Join(lines, "\n"+wantMark) + "\n"
				require.NoError(t, os.WriteFile(file, []byte(header+strings.Join(body, "")), 0o600))
				return
			}
			require.Equal(t, strings.Join(want, "\n"), got.Error())
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := loadConfig(projecttest.ParseStack(t, []byte(`
config:
  azure-native:location: westeurope
  acr-microservices:release: {timeoutSeconds: 60}
  acr-microservices:services:
    customerapi: {release: {atomic: false}}
    orderapi: {image: {repository: shop/orders, tag: "20261123"}}
`)))
	require.NoError(t, err)
	require.Equal(t, "dev", cfg.Environment)
	require.Equal(t, "Basic", cfg.Registry.SKU)
	require.Equal(t, "acr-secret", cfg.PullSecretName)
	require.Equal(t, "customerapi", cfg.Services["customerapi"].Image.Repository)
	require.Equal(t, Image{Repository: "shop/orders", Tag: "20261123"}, cfg.Services["orderapi"].Image)
	want := Release{
		TimeoutSeconds: ptr(60), Wait: ptr(true), WaitForJobs: ptr(false), Hooks: ptr(true), SkipCRDs: ptr(false),
		Atomic: ptr(true), CleanupOnFail: ptr(true), MaxHistory: ptr(10),
	}
	require.Equal(t, want, cfg.ReleaseOf("orderapi"))
	want.Atomic = ptr(false)
	require.Equal(t, want, cfg.ReleaseOf("customerapi"))
}

// Settings that can be written in several ways are normalized to the form that Azure returns or requires.
func TestNormalized(t *testing.T) {
	t.Parallel()
	cfg, err := loadConfig(projecttest.ParseStack(t, []byte(`
config:
  azure-native:location: West Europe
  acr-microservices:registry:
    sku: Premium
    replicas: [{location: North Europe}]
    webhooks:
      atHome: {serviceUri: "https://a.example.com", actions: [push], location: West Europe, scope: customerapi}
      replica: {serviceUri: "https://a.example.com", actions: [push], location: northEurope, scope: "customerapi:*"}
    privateEndpoint:
      subnetId: /subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/n/providers/Microsoft.Network/virtualNetworks/v/subnets/s
      location: West Europe
    cache:
      rules: {redis-cache: {source: docker.io/redis, target: redis, credentials: docker-hub}, whole-hub: {source: docker.io/*, target: hub/*, credentials: docker-hub}}
      credentials: {docker-hub: {loginServer: docker.io, usernameSecretId: "https://shop.vault.azure.net/secrets/u", passwordSecretId: "https://shop.vault.azure.net/secrets/p"}}
  acr-microservices:services:
    nats: {image: {tag: 2.1.8, import: {source: "docker.io/nats:2.1.8"}}}
    app: {image: {tag: 1.0.0, import: {source: "harbor.example.com/shop/app:1.0.0", username: robot$ci+shop, password: "p #: {a}\\ \"q\" $x"}}}
    4d-show: {image: {tag: 1.0.0}, chart: {oci: "oci://charts.example.com/show", version: 1.0.0}, valuesFiles: [infra/config/testdata/values/base.yaml, infra/config/testdata/values/documents.yaml]}
  acr-microservices:rotation: {asOf: "2021-01-02T00:00:00Z"}
`)))
	require.NoError(t, err)
	require.Equal(t, "westeurope", cfg.Location)
	require.Equal(t, "northeurope", cfg.Registry.Replicas[0].Location)
	require.Equal(t, "westeurope", cfg.Registry.Webhooks["atHome"].Location)
	require.Equal(t, "northeurope", cfg.Registry.Webhooks["replica"].Location)
	require.Equal(t, "westeurope", cfg.Registry.PrivateEndpoint.Location)
	require.Equal(t, "docker.io/library/redis", cfg.Registry.Cache.Rules["redis-cache"].Source)
	require.Equal(t, "docker.io/*", cfg.Registry.Cache.Rules["whole-hub"].Source)
	require.Equal(t, "docker.io/library/nats:2.1.8", cfg.Services["nats"].Image.Import.Source)
	require.Equal(t, "harbor.example.com/shop/app:1.0.0", cfg.Services["app"].Image.Import.Source)
	require.Equal(t, []string{
		`registry.webhooks.atHome.scope: "customerapi" means "customerapi:latest" to Azure; write "customerapi:*" for all tags`,
		`services.4d-show: "4d-show" does not begin with a letter; if the chart gives a Service this name, Kubernetes refuses it`,
		`services.4d-show.valuesFiles.1: "infra/config/testdata/values/documents.yaml" has more than one document, separated by ---: Helm reads the first one only`,
		`rotation.asOf: "2021-01-02T00:00:00Z" is in an earlier period than today: no password is rotated, and the one in use expires on 2021-09-22`,
	}, cfg.Warnings())
}

// An image's host is compared with the registry's as soon as that is known, wherever the registry's name comes from.
func TestOwnHostKnownLate(t *testing.T) {
	t.Parallel()
	cfg, err := loadConfig(projecttest.ParseStack(t, []byte(`
config:
  acr-microservices:registry: {existing: {stack: acme/acr-microservices/owner}}
  acr-microservices:services:
    customerapi: {image: {repository: contoso-a1b2.azurecr.io/customerapi, tag: 1.0.0}}
    orderapi: {image: {tag: 1.0.0}}
`)))
	require.NoError(t, err)
	require.NoError(t, cfg.CheckHost("customerapi", "contoso.azurecr.io"))
	require.NoError(t, cfg.CheckHost("orderapi", "contoso-a1b2.azurecr.io"))
	require.EqualError(t, cfg.CheckHost("customerapi", "Contoso-A1b2.azurecr.io"), `configuration: services.customerapi.image.repository: `+
		`"contoso-a1b2.azurecr.io/customerapi" names the stack's own registry; leave the host out to pull with the pull secret`)
}

// The engine's defaults in Pulumi.yaml must mean the same as a missing key, because tests and other programs do not see them.
func TestPulumiYAMLDescribesEveryKey(t *testing.T) {
	t.Parallel()
	_, err := workspace.LoadProject(root + "/Pulumi.yaml")
	require.NoError(t, err, "as the engine reads it")
	text, err := os.ReadFile(root + "/Pulumi.yaml")
	require.NoError(t, err)
	var project struct {
		Config yaml.Node `yaml:"config"`
	}
	require.NoError(t, yaml.Unmarshal(text, &project))
	var keys []string
	withDefaults := projecttest.Stack{Config: map[string]string{
		"azure-native:location": "westeurope", projecttest.Project + ":services": `{"customerapi":{}}`,
	}}
	for i := 0; i < len(project.Config.Content); i += 2 {
		key := project.Config.Content[i].Value
		var setting struct {
			Type        string
			Description string
			Default     any
		}
		require.NoError(t, project.Config.Content[i+1].Decode(&setting))
		require.NotEmpty(t, setting.Description, key)
		keys = append(keys, key)
		field, known := jsonField(reflect.TypeFor[Config](), key)
		require.True(t, known, key)
		require.Equal(t, map[bool]string{true: "string", false: "object"}[field.Type.Kind() == reflect.String], setting.Type, key)
		if key == "services" {
			require.Nil(t, setting.Default, "services has no default")
			continue
		}
		require.NotNil(t, setting.Default, "%s: without a default the engine demands the key", key)
		value, isText := setting.Default.(string)
		if !isText {
			object, err := json.Marshal(setting.Default)
			require.NoError(t, err)
			value = string(object)
		}
		withDefaults.Config[projecttest.Project+":"+key] = value
	}
	require.Equal(t, Keys(), keys)

	implicit, err := loadConfig(projecttest.Stack{Config: map[string]string{
		"azure-native:location": "westeurope", projecttest.Project + ":services": `{"customerapi":{}}`,
	}})
	require.NoError(t, err)
	explicit, err := loadConfig(withDefaults)
	require.NoError(t, err)
	// An empty map means the same as none, and the keys that were checked for secrets do not matter here.
	implicit.Tags, explicit.Tags, implicit.secretKeys, explicit.secretKeys = nil, nil, nil, nil
	require.Equal(t, implicit, explicit)
}
