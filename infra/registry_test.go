package infra

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestPullWaitsForWhatItPullsThrough(t *testing.T) {
	t.Parallel()
	inBoth(t, projecttest.ReadStack(t, "testdata/valid-premium-features.yaml"), func(t *testing.T, g *graph) {
		releases := g.of("kubernetes:helm.sh/v3:Release")
		require.NotEmpty(t, releases)
		for name, r := range releases {
			for _, through := range []string{
				"azure-native:network/v20210201:PrivateEndpoint acrmicroservices",
				"azure-native:network/v20210201:PrivateDnsZoneGroup acrmicroservices",
				"azure-native:containerregistry/v20231101preview:CacheRule acrmicroservices-docker-library",
				"azure-native:authorization/v20220401:RoleAssignment acrmicroservices-docker-hub",
			} {
				require.Contains(t, r.dependencies, through, name)
			}
		}
	})
}

// An environment variable of the machine does not lead a provider into another cloud than the stack's.
func TestProvidersAreToldTheCloud(t *testing.T) {
	const (
		stack    = "config:\n  azure-native:location: westeurope\n  acr-microservices:services: {api: {image: {tag: 1.0.0, import: {source: docker.io/library/nginx:1.29}}}}\n"
		public   = "  azure-native:environment: public\n"
		american = "  azure-native:environment: usgovernment\n"
	)
	for name, test := range map[string]struct{ settings, variable, azure, entra string }{
		"the default":             {"", "", "", ""},
		"the same":                {public, "public", "", ""},
		"another in the variable": {public, "usgovernment", "public", "public"},
		"the variable alone":      {"", "AzureUSGovernment", "usgovernment", "usgovernment"},
		"azuread's own name":      {american + "  azuread:environment: usgovernmentl5\n", "", "usgovernment", "usgovernmentl5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("ARM_ENVIRONMENT", test.variable)
			g, err := deploy(projecttest.ParseStack(t, []byte(stack+test.settings)), true)
			require.NoError(t, err)
			for kind, want := range map[string]string{"azure azure": test.azure, "azuread entra": test.entra} {
				told := g.resources["pulumi:providers:"+kind].inputs["environment"]
				require.Equal(t, want != "", told.IsString(), kind)
				require.True(t, want == "" || told.StringValue() == want, "%s: %v", kind, told)
			}
		})
	}
}

// A lock that is deleted after a resource below it would prevent the deletion of that resource.
func TestLockIsTheFirstToGo(t *testing.T) {
	t.Parallel()
	g, err := deploy(projecttest.ReadStack(t, "testdata/valid-premium-features.yaml"), false)
	require.NoError(t, err)
	lock := g.of("azure-native:authorization/v20200501:ManagementLockByScope")["registry"]
	for key, r := range g.resources {
		onTheVault := key == "azure-native:authorization/v20220401:RoleAssignment acrmicroservices-docker-hub"
		if strings.HasPrefix(r.kind, "azure-native:") && r.kind != lock.kind && r.kind != "azure-native:resources/v20220901:ResourceGroup" && !onTheVault {
			require.Contains(t, lock.dependencies, key)
		}
	}
}

func TestWebhooksAreSecret(t *testing.T) {
	t.Parallel()
	inBoth(t, projecttest.ReadStack(t, "testdata/valid-premium-features.yaml"), func(t *testing.T, g *graph) {
		require.NotContains(t, g.String(), "hunter2")
		require.NotContains(t, g.String(), "scanner.example.com")
	})
}

// The region of an existing resource group is unknown until Azure has returned it.
func TestRegionsOfAnExistingGroup(t *testing.T) {
	t.Parallel()
	registry := func(replicas, webhooks string) projecttest.Stack {
		return projecttest.ParseStack(t, []byte(`
config:
  azure-native:location: westeurope
  acr-microservices:registry:
    sku: Premium
    resourceGroup: {name: platform, existing: true}
    replicas: [`+replicas+`]
    webhooks: {`+webhooks+`}
  acr-microservices:services: {customerapi: {}}
`))
	}
	for run, preview := range runs {
		t.Run(run, func(t *testing.T) {
			t.Parallel()
			_, err := deploy(registry("{location: westeurope}", ""), preview)
			require.NoError(t, err, "the registry is in northeurope, like its group")
			_, err = deploy(registry("{location: northeurope}", "scanner: {serviceUri: https://a.example.com, actions: [push], location: westeurope}"), preview)
			require.ErrorContains(t, err, `registry.replicas.0.location: "northeurope" is already used`)
			require.ErrorContains(t, err, `registry.webhooks.scanner.location: "westeurope" is neither the registry's region`)
		})
	}
}

func TestPushRolesDoNotDependOnTheOrder(t *testing.T) {
	t.Parallel()
	roles := func(list string) map[string]registered {
		g, err := deploy(projecttest.ParseStack(t, []byte(`
config:
  azure-native:location: westeurope
  acr-microservices:registry: {push: [`+list+`]}
  acr-microservices:services: {customerapi: {}}
`)), false)
		require.NoError(t, err)
		return g.of("azure-native:authorization/v20220401:RoleAssignment")
	}
	a, b := "{principalId: 55555555-5555-5555-5555-555555555555}", "{principalId: 66666666-6666-6666-6666-66666666666A, principalType: Group}"
	require.Equal(t, roles(a+","+b), roles(b+","+a))
	require.Len(t, roles(a+","+b), 3)
}

func TestOtherSubscription(t *testing.T) {
	t.Parallel()
	const id = "/subscriptions/11111111-1111-1111-1111-aaaaaaaaaaaa/resourceGroups/shop/providers/Microsoft.ContainerRegistry/registries/shop"
	require.NoError(t, checkSubscription(id, "11111111-1111-1111-1111-AAAAAAAAAAAA"))
	require.NoError(t, checkSubscription("not known", "22222222-2222-2222-2222-222222222222"), "the mock of a provider")
	require.EqualError(t, checkSubscription(id, "22222222-2222-2222-2222-222222222222"), `azure-native:subscriptionId: "22222222-2222-2222-2222-222222222222" is `+
		"not the subscription of the stack's registry, which is 11111111-1111-1111-1111-aaaaaaaaaaaa: select that one again")
}
