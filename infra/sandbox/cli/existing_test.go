//go:build linux

package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPullRequestEnvironments runs the environments of two pull requests in the registry of a third stack. One finds it in Azure,
// the other through the owner's outputs.
func TestPullRequestEnvironments(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "existing")
	services := settings{"customerapi": service("1.0.0")}
	b.configure(settings{"services": services, "registry": settings{"name": "contoso12", "resourceGroup": settings{"name": "platform"}}})
	b.configureStack("pr-1", settings{"environment": "pr-1", "services": settings{"customerapi": service("1.1.0")}, "registry": settings{
		"existing": settings{"name": "contoso12", "resourceGroup": "platform"}, "pull": settings{"mode": "token"},
	}})
	out, err := b.run("up", "--stack", "pr-1", "--keep")
	require.Error(t, err)
	assert.Contains(t, out, "Resource group 'platform' could not be found", "before its owner has made it")
	b.must("up")
	owners := b.info().Inventory

	created := ops(b.must("up", "--stack", "pr-1"))
	assert.Contains(t, created, "create azure-native:Token pull-customerapi-0")
	assert.NotContains(t, strings.Join(created, "\n"), "azure-native:Registry ")
	assert.Empty(t, ops(b.must("up", "--stack", "pr-1")))
	b.configureStack("pr-2", settings{"environment": "pr-2", "services": services, "registry": settings{
		"existing": settings{"stack": "organization/acr-microservices/dev"},
	}})
	assert.Contains(t, ops(b.must("up", "--stack", "pr-2")), "create azure-native:RoleAssignment pull")
	assert.Empty(t, ops(b.must("up", "--stack", "pr-2")))
	assert.Len(t, b.images(customer, "customerapi-pr-1", "customerapi-pr-2"), 3)
	assert.Regexp(t, `^contoso12\.azurecr\.io/customerapi:1\.1\.0$`, b.images("customerapi-pr-1")[0])
	assert.Contains(t, b.must("status", "--stack", "pr-1"), "customerapi-pr-1")

	// A stack that is too large is split: this one has other services of the same environment and registry.
	b.configureStack("orders", settings{"environment": "test", "services": settings{"orderapi": service("1.0.0")}, "registry": settings{
		"existing": settings{"stack": "organization/acr-microservices/dev"},
	}})
	created = ops(b.must("up", "--stack", "orders"))
	assert.Contains(t, created, "create kubernetes:Release orderapi")
	assert.NotContains(t, strings.Join(created, "\n"), "customerapi")
	assert.Empty(t, ops(b.must("up", "--stack", "orders")))
	assert.Empty(t, ops(b.must("up")), "the one stack does not see the other's services")
	assert.Regexp(t, `^contoso12\.azurecr\.io/orderapi:1\.0\.0$`, b.images(order)[0])
	b.must("down", "--stack", "orders")
	assert.Len(t, b.images(customer, order), 1)

	// A stack without a registry is rejected.
	b.configureStack("pr-3", settings{"environment": "pr-3", "services": services, "registry": settings{
		"existing": settings{"stack": "organization/acr-microservices/nobody"},
	}})
	out, err = b.run("up", "--stack", "pr-3")
	require.Error(t, err)
	assert.Contains(t, out, "nobody")

	// Only the pull request's own resources are deleted.
	assert.Contains(t, b.must("down", "--stack", "pr-1"), `stack "pr-1" is gone`)
	assert.Len(t, b.images(customer, "customerapi-pr-1", "customerapi-pr-2"), 2)
	for _, id := range owners {
		assert.Contains(t, b.info().Inventory, id)
	}
	assert.False(t, slices.ContainsFunc(b.info().Inventory, func(id string) bool { return strings.Contains(id, "pr-1") }))
	assert.Empty(t, ops(b.must("up")))
	b.must("down")
}
