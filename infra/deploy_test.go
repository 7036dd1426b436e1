package infra

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

// runs are the two ways in which the tests run every program.
var runs = map[string]bool{"update": false, "preview": true}

// inBoth deploys a stack as an update and as a preview, and checks both graphs.
func inBoth(t *testing.T, stack projecttest.Stack, check func(t *testing.T, g *graph)) {
	t.Helper()
	for run, preview := range runs {
		t.Run(run, func(t *testing.T) {
			t.Parallel()
			g, err := deploy(stack, preview)
			require.NoError(t, err)
			check(t, g)
		})
	}
}

func TestDeployGraph(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/valid-*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range append(files, "../Pulumi.dev.yaml") {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "valid-"), ".yaml")
		for run, preview := range runs {
			t.Run(name+"/"+run, func(t *testing.T) {
				t.Parallel()
				g, err := deploy(projecttest.ReadStack(t, file), preview)
				require.NoError(t, err)
				projecttest.Golden(t, filepath.Join("graph", name+"."+run+".golden"), g.String())
				again, err := deploy(projecttest.ReadStack(t, file), preview)
				require.NoError(t, err)
				require.Equal(t, g.String(), again.String(), "the same configuration gives the same graph")
				requireShape(t, g)
			})
		}
	}
}

// requireShape asserts what holds for the graph of every stack.
func requireShape(t *testing.T, g *graph) {
	t.Helper()
	versions := map[string]string{"azure": "6.32.0", "azure-native": "2.90.0", "azuread": "5.53.5", "kubernetes": "4.33.0"}
	for key, r := range g.resources {
		if r.custom {
			provider, _, _ := strings.Cut(strings.TrimPrefix(r.kind, "pulumi:providers:"), ":")
			require.Equal(t, versions[provider], r.version, "%s has another version of the provider than the rest", key)
		}
		if r.custom && !strings.HasPrefix(r.kind, "pulumi:providers:") {
			require.True(t, strings.HasPrefix(r.parent, "acr-microservices:index:"), "%s has no component above it", key)
		}
	}
	require.NotContains(t, g.String(), testPassword, "the password is in plain text")
	for _, line := range g.log {
		require.NotContains(t, line, testPassword)
	}
	for name, secret := range g.of("kubernetes:core/v1:Secret") {
		require.True(t, secret.inputs["data"].IsSecret(), "pull secret %s is not a secret", name)
		require.Equal(t, []string{"data", "stringData"}, secret.secretOutputs, "as in the SDK, pull secret %s", name)
		require.True(t, slices.ContainsFunc(secret.dependencies, func(dependency string) bool {
			return dependency == "azure-native:authorization/v20220401:RoleAssignment pull" ||
				strings.HasPrefix(dependency, "azure:containerservice/tokenPassword:TokenPassword pull-"+name)
		}), "pull secret %s does not wait for the permission to pull", name)
		adopted := slices.Contains(secret.dependencies, "kubernetes:core/v1:NamespacePatch "+name)
		require.True(t, adopted || slices.Contains(secret.dependencies, "kubernetes:core/v1:Namespace "+name), name)
		require.Equal(t, adopted, len(secret.hooks.GetBeforeCreate()) == 1, "others can have a secret in an adopted namespace only: %s", name)
	}
	require.Equal(t, []string{"sameCluster-cluster"}, g.of("acr-microservices:index:Cluster")["cluster"].hooks.GetBeforeUpdate())
	for _, kind := range []string{"kubernetes:core/v1:Namespace", "kubernetes:core/v1:NamespacePatch"} {
		for name, namespace := range g.of(kind) {
			require.Equal(t, []string{"newObject-cluster"}, namespace.hooks.GetBeforeCreate(), name)
		}
	}
	for name, release := range g.of("kubernetes:helm.sh/v3:Release") {
		require.Equal(t, []string{"abandonedReleases-cluster"}, release.hooks.GetBeforeCreate(), name)
		require.Equal(t, []string{"abandonedReleases-cluster"}, release.hooks.GetBeforeUpdate(), name)
		require.Empty(t, release.hooks.GetBeforeDelete(), "with it, pulumi destroy would have to run the program")
		for _, rule := range []string{"kubernetes:core/v1:ResourceQuota", "kubernetes:core/v1:LimitRange", "kubernetes:networking.k8s.io/v1:NetworkPolicy"} {
			if _, ok := g.of(rule)[name]; ok {
				require.Contains(t, release.dependencies, rule+" "+name, "pods of %s can start before the rules for them", name)
			}
		}
		_, withSecret := g.of("kubernetes:core/v1:Secret")[name]
		_, byNode := g.of("azure-native:authorization/v20220401:RoleAssignment")["pull-kubelet"]
		require.True(t, !withSecret && !byNode ||
			slices.Contains(release.dependencies, "kubernetes:core/v1:Secret "+name) ||
			slices.Contains(release.dependencies, "azure-native:authorization/v20220401:RoleAssignment pull-kubelet"),
			"release %s waits neither for its pull secret nor for the nodes' permission to pull", name)
	}
}

func TestDeployPreviewKnowsNoCredential(t *testing.T) {
	t.Parallel()
	g, err := deploy(projecttest.ReadStack(t, "../Pulumi.dev.yaml"), true)
	require.NoError(t, err)
	for _, secret := range g.of("kubernetes:core/v1:Secret") {
		require.True(t, secret.inputs["data"].ContainsUnknowns(), "the credential is known before the role is assigned")
	}
}

func TestDeployTwentyServices(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	file.WriteString("config:\n  azure-native:location: westeurope\n  acr-microservices:services:\n")
	for i := range 20 {
		fmt.Fprintf(&file, "    service%02d: {image: {tag: 1.0.%d}}\n", i, i)
	}
	inBoth(t, projecttest.ParseStack(t, []byte(file.String())), func(t *testing.T, g *graph) {
		requireShape(t, g)
		for kind, want := range map[string]int{
			"azure-native:containerregistry/v20231101preview:Registry": 1,
			"azuread:index/servicePrincipal:ServicePrincipal":          1,
			"azuread:index/applicationPassword:ApplicationPassword":    2,
			"azure-native:authorization/v20220401:RoleAssignment":      1,
			"kubernetes:core/v1:Namespace":                             20,
			"kubernetes:core/v1:Secret":                                20,
			"kubernetes:helm.sh/v3:Release":                            20,
		} {
			require.Len(t, g.of(kind), want, kind)
		}
		values := g.of("kubernetes:helm.sh/v3:Release")["service07"].inputs["values"]
		require.False(t, values.ContainsUnknowns(), "a preview knows the chart's values, so the provider reads the chart")
		require.Equal(t, "1.0.7", values.ObjectValue()["image"].ObjectValue()["tag"].StringValue())
	})
}

func TestDeployForeignRegistryMakesNothingInAzure(t *testing.T) {
	t.Parallel()
	g, err := deploy(projecttest.ReadStack(t, "testdata/valid-dockerhub.yaml"), false)
	require.NoError(t, err)
	for key := range g.resources {
		require.NotContains(t, key, "azure")
		require.NotContains(t, key, "core/v1:Secret")
	}
}

func TestDeployRefusesBeforeItRegisters(t *testing.T) {
	t.Parallel()
	g, err := deploy(projecttest.ReadStack(t, "config/testdata/invalid-sku.yaml"), false)
	require.Error(t, err)
	require.Empty(t, g.resources)
}

func TestDeploySecretValuesStaySecret(t *testing.T) {
	t.Parallel()
	inBoth(t, projecttest.ReadStack(t, "testdata/valid-secret-values.yaml"), func(t *testing.T, g *graph) {
		release := g.of("kubernetes:helm.sh/v3:Release")["customerapi"]
		require.True(t, release.inputs["values"].IsSecret())
		require.NotContains(t, g.String(), "hunter2")
	})
}

// If Azure gives the registry another host than the preview showed, images and pull secrets name the wrong host.
func TestDeployChecksTheLoginServer(t *testing.T) {
	t.Parallel()
	_, err := deploy(projecttest.ParseStack(t, []byte(`
config:
  azure-native:location: westeurope
  acr-microservices:registry: {name: LabelledRegistry}
  acr-microservices:services: {customerapi: {}}
`)), false)
	require.ErrorContains(t, err, `the registry's host in Azure is "labelledregistry-a1b2.azurecr.io", but the stack expected "labelledregistry.azurecr.io"`)
}

// A value that is unknown in a preview would show as a change of every service when only the registry changes.
func TestDeployPreviewKnowsTheImages(t *testing.T) {
	t.Parallel()
	g, err := deploy(projecttest.ReadStack(t, "../Pulumi.dev.yaml"), true)
	require.NoError(t, err)
	require.Equal(t, g.outputs["loginServer"].StringValue()+"/customerapi:1.0.0", g.outputs["images"].ObjectValue()["customerapi"].StringValue())
	for name, release := range g.of("kubernetes:helm.sh/v3:Release") {
		require.False(t, release.inputs.ContainsUnknowns(), name)
	}
}
