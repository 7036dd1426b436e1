//go:build linux

package cli

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/daemon"
)

// killEngine kills only the engine of an up, as soon as the up has printed a match.
func (b *box) killEngine(when string, args ...string) {
	b.t.Helper()
	b.upCutShort(when, func(*os.Process) { b.signalEngine(syscall.SIGKILL) }, args...)
	b.info() // the sandbox itself still runs
}

func (b *box) signalEngine(signal syscall.Signal) {
	b.t.Helper()
	pids, err := daemon.Processes(b.dir())
	require.NoError(b.t, err)
	found := false
	for _, pid := range pids {
		if name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm"); err == nil && strings.TrimSpace(string(name)) == "pulumi" {
			found = true
			require.NoError(b.t, syscall.Kill(pid, signal))
		}
	}
	require.True(b.t, found, "there is no engine")
}

// TestRotation moves a stack through the periods, with killed updates and a period without one, while pods of two namespaces
// pull continuously. Entra accepts a new password after a delay.
func TestRotation(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "rotation")
	hours := 0
	// at returns the flags for an update in the n-th period of 90 days since 2020, after the previous one.
	at := func(n int, more ...string) []string {
		hours++
		moment := time.Date(2020, time.January, 1, hours, 0, 0, 0, time.UTC).AddDate(0, 0, 90*n)
		return append([]string{"--at", moment.Format(time.RFC3339), "--entra-replication", "3s"}, more...)
	}
	up := func(n int, more ...string) []string {
		return slices.DeleteFunc(ops(b.must(append([]string{"up"}, at(n, more...)...)...)), func(op string) bool {
			return strings.Contains(op, "azure-native:")
		})
	}
	rotated := func(created, deleted string) []string {
		return []string{
			"create azuread:ApplicationPassword " + created,
			"delete azuread:ApplicationPassword " + deleted,
			"update kubernetes:Secret customerapi", "update kubernetes:Secret orderapi",
		}
	}
	up(30)
	assert.Empty(t, up(30))
	p := b.probe(strings.Split(b.images(customer)[0], "@")[0], customer, order)
	p.until(100)

	assert.Equal(t, rotated("pull-32", "pull-30"), up(31))
	assert.Empty(t, up(31))

	// The engine dies after it created the next password, and again at the first pull secret.
	b.killEngine(`ApplicationPassword +pull-33`, at(32)...)
	b.killEngine(`Secret +(customer|order)api`, at(32)...)
	up(32)
	assert.Empty(t, up(32))
	assert.Equal(t, rotated("pull-34", "pull-32"), up(33))
	p.until(2000)
	pulls, credentials, failures := p.counts()
	t.Logf("%d pulls with %d passwords, %d failures", pulls, credentials, len(failures))
	assert.Empty(t, failures)
	assert.Equal(t, 4, credentials)

	// No update runs for a whole period, and the next one dies. The password in the pull secrets is accepted until a new one
	// replaces it, which Entra does not accept at once.
	b.killEngine(`ApplicationPassword +pull-`, at(35)...)
	up(35)
	assert.Empty(t, up(35))

	// A new generation replaces both passwords, and the old ones are rejected when the update ends.
	assert.Subset(t, up(35, "--config", "rotation.generation=1"), []string{
		"create azuread:ApplicationPassword pull-35-1", "create azuread:ApplicationPassword pull-36-1",
		"delete azuread:ApplicationPassword pull-35", "delete azuread:ApplicationPassword pull-36",
	})
	assert.Empty(t, up(35, "--config", "rotation.generation=1"))
	p.until(pulls + 100)
	p.stop()
	b.must("down")
}
