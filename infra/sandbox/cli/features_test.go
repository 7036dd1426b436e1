//go:build linux

package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// use takes the settings of one of the program's own test stacks, and replaces some. The stack has its own resource group, because
// a new sandbox has none.
func (b *box) use(name string, changes map[string]any) {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "valid-"+name+".yaml"))
	require.NoError(b.t, err)
	// The sandbox encrypts with its own key.
	text = regexp.MustCompile(`\{secure: ([^}]*)\}`).ReplaceAll(text, []byte("$1"))
	var file struct{ Config map[string]any }
	require.NoError(b.t, yaml.Unmarshal(text, &file))
	file.Config["acr-microservices:environment"] = "test"
	file.Config["azure-native:location"] = "westeurope"
	if registry, ok := file.Config["acr-microservices:registry"].(map[string]any); ok {
		delete(registry, "resourceGroup")
	}
	for key, value := range changes {
		file.Config["acr-microservices:"+key] = value
	}
	content, err := yaml.Marshal(file)
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(b.project, "Pulumi.dev.yaml"), content, 0o600))
}

// TestReplacements changes settings that Azure cannot update in place: the stack replaces them in a valid order.
func TestReplacements(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "replace")
	with := func(host, source, location string) {
		vault := "https://shop.vault.azure.net/secrets/"
		shared := "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/shared/providers/Microsoft.Network/"
		b.configure(settings{"services": settings{"customerapi": service("1.0.0")}, "registry": settings{
			"sku": "Premium",
			"cache": settings{
				"rules": settings{"base-images": settings{"source": host + "/" + source, "target": "base", "credentials": "upstream"}},
				"credentials": settings{"upstream": settings{
					"loginServer": host, "usernameSecretId": vault + "user", "passwordSecretId": vault + "password",
				}},
			},
			"privateEndpoint": settings{"subnetId": shared + "virtualNetworks/hub/subnets/nodes", "location": location},
		}})
	}
	with("docker.io", "library/debian", "westeurope")
	b.must("up")
	with("quay.io", "library/debian", "westeurope")
	changed := ops(b.must("up"))
	assert.Contains(t, changed, "create-replacement azure-native:CredentialSet acrmicroservices-upstream")
	assert.Contains(t, changed, "create-replacement azure-native:CacheRule acrmicroservices-base-images")
	with("quay.io", "library/alpine", "northeurope")
	changed = ops(b.must("up"))
	assert.Contains(t, changed, "create-replacement azure-native:CacheRule acrmicroservices-base-images")
	assert.Contains(t, changed, "create-replacement azure-native:PrivateEndpoint acrmicroservices")
	assert.NotContains(t, changed, "create-replacement azure-native:Registry acrmicroservices")
	b.rests()
	b.must("down")
}

// TestRegistryFeatures brings up stacks that together use all registry features. One cannot: Azure rejects some pairs, such as IP
// rules and a closed public network.
func TestRegistryFeatures(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "features")
	b.use("premium-features", nil)
	created := ops(b.must("up"))
	for _, want := range []string{
		"create azure-native:Registry acrmicroservices",
		"create azure-native:Replication acrmicroservices-northeurope",
		"create azure-native:Replication acrmicroservices-eastus",
		"create azure-native:Webhook acrmicroservices-scanner",
		"create azure-native:CacheRule acrmicroservices-docker-library",
		"create azure-native:CredentialSet acrmicroservices-docker-hub",
		"create azure-native:ManagementLockByScope registry",
	} {
		assert.Contains(t, created, want)
	}
	require.Len(t, b.images(customer), 1)
	b.rests()

	// A protected or locked registry is not deleted; the stack removes both protections on request.
	out, err := b.run("down", "--stack", "dev")
	require.Error(t, err)
	assert.Contains(t, out, "protect")
	b.must("up", "--config", "registry.protect=false")
	b.must("down", "--stack", "dev")

	for _, other := range []string{"premium-closed", "standard-features"} {
		b.use(other, map[string]any{"services": settings{"customerapi": service("1.0.0")}}) // existing images
		b.must("up")
		b.rests()
		b.must("up", "--config", "registry.protect=false")
		b.must("down", "--stack", "dev")
	}
	b.must("down")
}

// TestNamespaceRules brings up namespaces with pod security, quota, limits and network policy, adopts an existing one and keeps the
// others.
func TestNamespaceRules(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "rules")
	services := func(legacy settings) map[string]any {
		return map[string]any{"services": settings{
			"customerapi": service("1.0.0"),
			"legacy": settings{
				"image":     settings{"repository": "orderapi", "tag": "1.0.0"},
				"namespace": legacy,
			},
		}}
	}
	b.use("namespaces", services(settings{"podSecurity": "baseline", "isolate": false}))
	created := ops(b.must("up"))
	for _, want := range []string{
		"create kubernetes:ResourceQuota customerapi", "create kubernetes:LimitRange customerapi",
		"create kubernetes:NetworkPolicy customerapi", "create kubernetes:ResourceQuota legacy",
	} {
		assert.Contains(t, created, want)
	}
	assert.NotContains(t, created, "create kubernetes:NetworkPolicy legacy")
	b.rests()

	// Kubernetes itself rejects a pod that the restricted level forbids.
	_, err := b.kubectl().run(t.Context(), "run", "root", "--namespace", customer, "--image=docker.io/wolfgangofner/customerapi:1.0.0")
	require.ErrorContains(t, err, "violates PodSecurity")

	adopted := settings{"adopt": true}
	adopting := services(settings{"podSecurity": "baseline", "isolate": false})
	adopting["services"].(settings)["theirs"] = settings{
		"image": settings{"repository": "orderapi", "tag": "1.0.0"}, "namespace": adopted,
	}
	b.use("namespaces", adopting)
	out, err := b.run("up")
	require.Error(t, err)
	assert.Contains(t, out, `namespace "theirs-test" does not exist`)
	for _, args := range [][]string{{"create", "namespace", "theirs-test"}, {"label", "namespace", "theirs-test", "team=theirs"}} {
		_, err = b.kubectl().run(t.Context(), args...)
		require.NoError(t, err)
	}
	out, err = b.run("up")
	require.Error(t, err)
	assert.Contains(t, out, `label team "theirs"; leave them out of the stack file`)
	adopted["annotations"] = settings{"pulumi.com/patchForce": "true"}
	b.use("namespaces", adopting)
	assert.Contains(t, ops(b.must("up")), "create kubernetes:NamespacePatch theirs")

	// Without their services, the adopted and the retained namespaces stay.
	b.use("namespaces", map[string]any{"services": settings{"customerapi": service("1.0.0")}})
	b.must("up")
	for _, namespace := range []string{"theirs-test", "legacy-test"} {
		_, err = b.kubectl().run(t.Context(), "get", "namespace", namespace)
		require.NoError(t, err)
	}
	out, err = b.run("down")
	require.Error(t, err)
	assert.Contains(t, out, "these are left: ")
	b.must("down", "--force")
}
