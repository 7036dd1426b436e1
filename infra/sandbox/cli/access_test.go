//go:build linux

package cli

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pullWith configures two services and the registry.
func (b *box) pullWith(registry settings) {
	b.t.Helper()
	b.configure(settings{
		"services": settings{"customerapi": service("1.0.0"), "orderapi": service("1.0.0")},
		"registry": registry,
		"cluster":  settings{"aks": settings{"resourceGroup": "sandbox", "name": "sandbox"}},
	})
}

// TestPullModes brings up a stack in each pull mode, and switches it from one mode to the next.
func TestPullModes(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "access")
	b.pullWith(nil)
	b.must("up")
	p := b.probe(b.images(customer)[0], customer)
	p.until(50)

	// Switch to tokens, with a phase of both: the pull secrets change in place, and no pull fails.
	b.pullWith(settings{"pull": settings{"also": []string{"token"}}})
	both := ops(b.must("up"))
	assert.Contains(t, both, "create azure:TokenPassword pull-customerapi-0")
	assert.NotContains(t, strings.Join(both, "\n"), "kubernetes:", "the cluster still pulls as before")
	b.pullWith(settings{"pull": settings{"mode": "token", "also": []string{"servicePrincipal"}}})
	assert.Equal(t, []string{"update kubernetes:Secret customerapi", "update kubernetes:Secret orderapi"}, ops(b.must("up")))
	b.pullWith(settings{"pull": settings{"mode": "token"}})
	gone := ops(b.must("up"))
	assert.Contains(t, gone, "delete azure-native:RoleAssignment pull")
	assert.Empty(t, slices.DeleteFunc(gone, func(op string) bool { return strings.HasPrefix(op, "delete azure") }))
	b.rests()
	pulls, _, _ := p.counts()
	p.until(pulls + 50)
	pulls, credentials, failures := p.counts()
	t.Logf("%d pulls with %d credentials, %d failures", pulls, credentials, len(failures))
	assert.Empty(t, failures)
	assert.Equal(t, 2, credentials)

	// A token can pull only its own service's repositories.
	other := b.probe(strings.Replace(b.images(customer)[0], "customerapi", "orderapi", 1), customer)
	other.until(10)
	other.stop()
	tries, _, refused := other.counts()
	assert.Len(t, refused, tries)
	p.stop()

	// Use the kubelet identity: no secret remains.
	b.pullWith(settings{"pull": settings{"mode": "kubeletIdentity"}})
	b.must("up")
	b.rests()
	_, err := b.kubectl().run(t.Context(), "get", "secret", "acr-secret", "--namespace", customer)
	require.ErrorContains(t, err, "NotFound")
	kubelet := b.info().Pulls
	b.pullWith(settings{"pull": settings{"mode": "kubeletIdentity"}, "sku": "Basic"})
	b.must("up", "--config", "services.customerapi.image.tag=1.1.0")
	assert.Regexp(t, `:1\.1\.0$`, b.images(customer)[0])
	assert.Greater(t, len(b.info().Pulls), len(kubelet))

	// Switch back. The local administrator's credentials reach the same cluster.
	b.pullWith(nil)
	b.must("up")
	assert.Empty(t, ops(b.must("up", "--config", "cluster.aks.admin=true")))
	b.rests()
	assert.Len(t, b.images(customer, order), 2)
	b.must("down")
}

// TestPullModeSwitches switches a live stack from each mode to each other one, in the three documented updates, while a role takes
// ten minutes to reach the registry. Any pod that starts meanwhile can pull.
func TestPullModeSwitches(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "switches")
	moment := time.Date(2027, time.January, 10, 0, 0, 0, 0, time.UTC) // in the middle of a password's period
	up := func(propagation, mode string, also ...string) []string {
		moment = moment.Add(11 * time.Minute)
		b.pullWith(settings{"pull": settings{"mode": mode, "also": also}})
		return ops(b.must("up", "--at", moment.Format(time.RFC3339), "--pull-propagation", propagation))
	}
	const principal, kubelet, token = "servicePrincipal", "kubeletIdentity", "token"
	up("0s", principal)
	probers := []*prober{
		b.probePods(strings.Split(b.images(customer)[0], "@")[0], customer),
		b.probePods(strings.Split(b.images(order)[0], "@")[0], order),
	}
	mode := principal
	for _, next := range []string{token, kubelet, principal, kubelet, token, principal} {
		assert.NotContains(t, strings.Join(up("10m", mode, next), "\n"), "kubernetes:Release", "the pods still pull as before")
		for _, update := range []func(){
			func() { up("10m", next, mode) },
			func() { up("10m", next) },
		} {
			for _, p := range probers {
				p.more(20)
			}
			update()
		}
		for _, p := range probers {
			p.more(20)
			pulls, credentials, failures := p.counts()
			t.Logf("from %s to %s: %d pulls of %s with %d credentials, %d failures", mode, next, pulls, p.image, credentials, len(failures))
			require.Empty(t, failures)
		}
		mode = next
	}
	assert.Empty(t, up("10m", mode))

	// These pulls fail if the mode changes in a single update: the role has not reached the registry yet.
	up("10m", token, principal)
	up("10m", token)
	up("10m", principal)
	for _, p := range probers {
		p.more(20)
		p.stop()
		_, _, failures := p.counts()
		require.NotEmpty(t, failures)
	}
	b.must("down")
}

// TestABACRegistry switches the registry of a live stack to the mode with roles for single repositories only, through tokens, as
// documented.
func TestABACRegistry(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "abac")
	b.pullWith(settings{"pull": settings{"mode": "token"}})
	b.must("up")
	pods := b.probePods(strings.Split(b.images(customer)[0], "@")[0], customer)
	for _, pull := range []settings{
		{"mode": "token", "also": []string{"servicePrincipal"}},
		{"mode": "servicePrincipal", "also": []string{"token"}},
		{"mode": "servicePrincipal"},
	} {
		pods.more(10)
		b.pullWith(settings{"abac": true, "pull": pull})
		b.must("up", "--abac")
	}
	pods.more(10)
	pods.stop()
	_, credentials, failures := pods.counts()
	assert.Empty(t, failures)
	assert.Equal(t, 2, credentials)
	assert.Empty(t, ops(b.must("up", "--abac")))

	// With the default settings, the role has no effect: the first new image after the change cannot be pulled.
	b.pullWith(nil)
	b.must("up", "--abac")
	out, err := b.run("up", "--abac", "--config", "services.customerapi.image.tag=1.1.0", "--config", "release.timeoutSeconds=8")
	require.Error(t, err)
	assert.Contains(t, out, "set registry.abac to true")
	b.pullWith(settings{"abac": true})
	b.must("up", "--abac")
	p := b.probe(strings.Replace(b.images(customer)[0], "customerapi", "invoiceapi", 1), customer)
	p.until(5)
	p.stop()
	tries, _, refused := p.counts()
	assert.Len(t, refused, tries, "the role is for the services' repositories only")
	b.must("down")
}
