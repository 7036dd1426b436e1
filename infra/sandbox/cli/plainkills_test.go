//go:build linux

package cli

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/engine"
)

// TestPlainKills kills an ordinary "pulumi up" just after the creation of each kind of object, and during Helm's work, before
// the engine has recorded it. Only Pulumi cleans up: the test logs the orphans that a user finds and their removal commands.
func TestPlainKills(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "plainkills")
	b.configure(settings{"services": settings{"orderapi": settings{}}, "registry": settings{"external": "docker.io/wolfgangofner"}})
	b.must("up")
	c := b.plain("real", settings{
		"environment": "test", "services": settings{"customerapi": service("1.0.0")}, "release": settings{"timeoutSeconds": 30},
	})
	assert.Contains(t, c.must("preview"), "the registry is new and empty: while the releases wait for their images, log in with `az acr login --name acrmicroservicesreal")
	k := newKillSwitch(b)
	k.run = func(args ...string) *exec.Cmd {
		cmd := c.command(args...)
		cmd.Env = append(slices.Clip(cmd.Env), "PULUMI_DEBUG_PROVIDERS="+k.attach)
		return cmd
	}
	up := []string{"up", "--yes", "--skip-preview"}
	creations := slices.DeleteFunc(ofEachKind(k.record(up...)), func(at boundary) bool { return at.when == asked })
	require.NotEmpty(t, creations)
	destroy := func() {
		t.Helper()
		c.must("destroy", "--yes", "--skip-preview", "--refresh")
		require.Empty(t, b.orphans(), "after the destruction")
		require.Empty(t, b.info().Inventory)
	}
	destroy()

	var table []string
	for _, at := range creations {
		require.Equal(t, at, k.kill([]boundary{at}, up...))
		c.must("cancel", "--yes")
		out, failed := c.run(up...)
		orphans := b.orphans()
		result := "the next up succeeds"
		var commands []string
		if failed != nil {
			result = "the next up fails"
			if strings.Contains(out, "cannot re-use a name that is still in use") {
				forget := []string{"delete", "secret", "--namespace", customer, "--selector", "owner=helm,name=customerapi"}
				commands = append(commands, "kubectl "+strings.Join(forget, " "))
				_, err := b.kubectl().run(t.Context(), forget...)
				require.NoError(t, err)
			}
			require.NotEmpty(t, append(commands, orphans...), "%s: it fails without a thing that is left over", at)
		}
		for _, id := range orphans {
			commands = append(commands, removal(id))
			b.must("delete", id)
		}
		table = append(table, fmt.Sprintf("%s: %s, %d orphans %v", at, result, len(orphans), commands))
		if failed != nil {
			c.must(up...)
		}
		require.Empty(t, b.orphans(), at)
		require.Len(t, b.images(customer), 1, at)
		destroy()
	}
	t.Logf("%d killed\n%s", len(creations), strings.Join(table, "\n"))
	b.must("down", "--force")
}

// orphans returns the objects in Azure that are in no stack's state.
func (b *box) orphans() []string {
	b.t.Helper()
	known, err := engine.Known(b.dir())
	require.NoError(b.t, err)
	return strays(b.info().Inventory, idsOf(known))
}

// removal returns the command that removes an object from Azure.
func removal(id string) string {
	parts := strings.Split(strings.Trim(id, "/"), "/")
	switch {
	case strings.Contains(id, "/roleAssignments/"):
		return "az role assignment delete --ids " + id
	case strings.HasPrefix(id, "/subscriptions/") && len(parts) == 4:
		return "az group delete --name " + parts[3]
	case strings.HasPrefix(id, "/subscriptions/"):
		return "az resource delete --ids " + id
	case strings.HasPrefix(id, "/applications/"):
		return "az ad app delete --id " + parts[1]
	case strings.Contains(id, "/password/"):
		return "az ad app credential delete --id " + parts[0] + " --key-id " + parts[2]
	default:
		return "az ad sp delete --id " + id
	}
}

func TestRemoval(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"/subscriptions/1/resourceGroups/g": "az group delete --name g",
		"/subscriptions/1/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r": "az resource delete --ids /subscriptions/1/resourceGroups/g/" +
			"providers/Microsoft.ContainerRegistry/registries/r",
		"/applications/a": "az ad app delete --id a", "a/password/k": "az ad app credential delete --id a --key-id k", "s": "az ad sp delete --id s",
	} {
		assert.Equal(t, want, removal(id))
	}
}
