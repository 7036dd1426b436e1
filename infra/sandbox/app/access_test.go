//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pullWith lets a stack of two services pull in a mode.
func (b *box) pullWith(registry settings) {
	b.t.Helper()
	b.configure(settings{
		"services": settings{"customerapi": service("1.0.0"), "orderapi": service("1.0.0")},
		"registry": registry,
		"cluster":  settings{"aks": settings{"resourceGroup": "sandbox", "name": "sandbox"}},
	})
}

// TestPullModes brings a stack up in each of the modes in which a cluster may pull, and leads it from one to the other.
func TestPullModes(t *testing.T) {
	b := newBox(t, "access")
	b.pullWith(nil)
	b.must("up")
	p := b.probe(b.images(customer)[0], customer)
	p.until(50)

	// To tokens, by way of both: the pull secrets change in place, and nothing fails for a moment.
	b.pullWith(settings{"pull": settings{"also": []string{"token"}}})
	both := ops(b.must("up"))
	assert.Contains(t, both, "create azure:TokenPassword customerapi-0")
	assert.NotContains(t, strings.Join(both, "\n"), "kubernetes:", "the cluster still pulls as before")
	b.pullWith(settings{"pull": settings{"mode": "token", "also": []string{"servicePrincipal"}}})
	assert.Equal(t, []string{"update kubernetes:Secret customerapi", "update kubernetes:Secret orderapi"}, ops(b.must("up")))
	b.pullWith(settings{"pull": settings{"mode": "token"}})
	gone := ops(b.must("up"))
	assert.Contains(t, gone, "delete azure-native:RoleAssignment pull")
	assert.Empty(t, slices.DeleteFunc(gone, func(op string) bool { return strings.HasPrefix(op, "delete azure") }))
	assert.Empty(t, ops(b.must("up")))
	pulls, _, _ := p.counts()
	p.until(pulls + 50)
	pulls, credentials, failures := p.counts()
	t.Logf("%d pulls with %d credentials, %d failures", pulls, credentials, len(failures))
	assert.Empty(t, failures)
	assert.Equal(t, 2, credentials)

	// A token pulls its own service's repositories, and no others.
	other := b.probe(strings.Replace(b.images(customer)[0], "customerapi", "orderapi", 1), customer)
	other.until(10)
	other.stop()
	tries, _, refused := other.counts()
	assert.Len(t, refused, tries)
	p.stop()

	// To the nodes' own identity: no secret is left.
	b.pullWith(settings{"pull": settings{"mode": "kubeletIdentity"}})
	b.must("up")
	assert.Empty(t, ops(b.must("up")))
	_, err := b.kubectl().run(t.Context(), "get", "secret", "acr-secret", "--namespace", customer)
	require.ErrorContains(t, err, "NotFound")
	kubelet := b.info().Pulls
	b.pullWith(settings{"pull": settings{"mode": "kubeletIdentity"}, "sku": "Basic"})
	b.must("up", "--config", "services.customerapi.image.tag=1.1.0")
	assert.Regexp(t, `:1\.1\.0$`, b.images(customer)[0])
	assert.Greater(t, len(b.info().Pulls), len(kubelet))

	// And back.
	b.pullWith(nil)
	b.must("up")
	assert.Empty(t, ops(b.must("up")))
	assert.Len(t, b.images(customer, order), 2)
	b.must("down")
}

// TestABACRegistry runs a stack in a registry that knows roles for single repositories only.
func TestABACRegistry(t *testing.T) {
	b := newBox(t, "abac")
	b.pullWith(settings{"abac": true})
	b.must("up", "--abac")
	assert.Empty(t, ops(b.must("up", "--abac")))
	p := b.probe(strings.Replace(b.images(customer)[0], "customerapi", "invoiceapi", 1), customer)
	p.until(5)
	p.stop()
	tries, _, refused := p.counts()
	assert.Len(t, refused, tries, "the role is for the services' repositories only")
	b.must("down")
}
