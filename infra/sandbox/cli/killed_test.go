//go:build linux

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestKilledHelm kills an ordinary "pulumi up" while Helm is working, in each unfinished status of a release, and then follows
// the documentation. It does not use the sandbox's own commands, which repair more than plain pulumi does.
func TestKilledHelm(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "killed")
	b.configure(settings{"services": settings{"orderapi": settings{}}, "registry": settings{"external": "docker.io/wolfgangofner"}})
	b.must("up")
	p := &killedCLI{plainCLI: b.plain("real", settings{}), box: b}

	p.tag("1.0.0")
	p.kill("pending-install", "up", "--yes", "--skip-preview")
	out, err := p.run("up", "--yes", "--skip-preview")
	require.Error(t, err)
	assert.Contains(t, out, "the stack is currently locked by 1 lock(s)")
	assert.Contains(t, out, "pulumi cancel")
	p.must("cancel", "--yes")
	out = p.must("up", "--yes", "--skip-preview")
	assert.Contains(t, out, `release "customerapi": revision 1 has been pending-install since `)
	assert.Contains(t, out, "the Helm process that started it is no longer running: the release is installed again")
	assert.Equal(t, map[string]string{"1": "deployed"}, p.history())

	p.tag("1.1.0")
	p.kill("pending-upgrade", "up", "--yes", "--skip-preview")
	p.must("cancel", "--yes")
	out = p.must("up", "--yes", "--skip-preview")
	assert.Contains(t, out, `release "customerapi": revision 2 has been pending-upgrade since `)
	assert.Contains(t, out, "the Helm process that started it is no longer running: the revision is marked as failed")
	assert.Equal(t, map[string]string{"1": "superseded", "2": "failed", "3": "deployed"}, p.history())

	// The image is missing: Helm is killed during its rollback.
	p.tag("9.9.9")
	p.kill("pending-rollback", "up", "--yes", "--skip-preview")
	p.must("cancel", "--yes")
	p.tag("1.0.0")
	p.must("up", "--yes", "--skip-preview")
	assert.Equal(t, map[string]string{
		"1": "superseded", "2": "failed", "3": "superseded", "4": "failed", "5": "failed", "6": "deployed",
	}, p.history())
	require.Equal(t, []string{"docker.io/wolfgangofner/customerapi:1.0.0"}, b.images(customer))
	assert.Contains(t, p.must("up", "--yes", "--skip-preview"), "unchanged")

	// Return to the state's version after an upgrade missing from the state: only a refresh detects it.
	p.tag("1.1.0")
	p.kill("pending-upgrade", "up", "--yes", "--skip-preview")
	p.tag("1.0.0")
	p.must("cancel", "--yes")
	p.must("up", "--yes", "--skip-preview", "--refresh")
	assert.Equal(t, "deployed", p.history()["8"])
	require.Equal(t, []string{"docker.io/wolfgangofner/customerapi:1.0.0"}, b.images(customer))

	p.kill("uninstalling", "destroy", "--yes", "--skip-preview")
	p.must("cancel", "--yes")
	p.must("destroy", "--yes", "--skip-preview", "--refresh")
	assert.Empty(t, p.history())
	_, err = b.kubectl().run(t.Context(), "get", "namespace", customer)
	require.ErrorContains(t, err, "not found")

	// The cluster is gone, and only its kubeconfig is left.
	p.must("up", "--yes", "--skip-preview")
	p.env = append(p.env, "KUBECONFIG="+deadKubeconfig(t))
	out, err = p.run("destroy", "--yes", "--skip-preview")
	require.Error(t, err)
	assert.Contains(t, out, "unreachable")
	p.env = append(p.env, "PULUMI_K8S_DELETE_UNREACHABLE=true")
	p.must("destroy", "--yes", "--skip-preview", "--refresh")
	assert.Contains(t, p.must("stack"), "No resources currently in this stack")
}

// deadKubeconfig returns the path of a kubeconfig whose cluster is unreachable.
func deadKubeconfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(path, []byte(`apiVersion: v1
kind: Config
clusters: [{name: gone, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: gone, user: {token: gone}}]
contexts: [{name: gone, context: {cluster: gone, user: gone}}]
current-context: gone
`), 0o600))
	return path
}

// killedCLI is a stack "real" in the sandbox's cluster. The test kills its updates.
type killedCLI struct {
	*plainCLI
	box *box
}

// tag sets the image's tag in the stack's settings, and keeps pulumi's own entries.
func (p *killedCLI) tag(tag string) {
	p.t.Helper()
	p.configure(settings{
		"environment": "test",
		"registry":    settings{"external": "docker.io/wolfgangofner"},
		"release":     settings{"timeoutSeconds": 20},
		"services":    settings{"customerapi": service(tag)},
	})
}

// kill kills pulumi when the release has a status.
func (p *killedCLI) kill(status string, args ...string) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	defer cancel()
	reached := make(chan error, 1)
	go func() { reached <- p.box.kubectl().awaitHelm(ctx, customer, status) }()
	cmd := p.command(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(p.t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-reached:
		require.NoError(p.t, err)
		require.NoError(p.t, cmd.Process.Kill())
		require.Error(p.t, <-ended)
	case err := <-ended:
		require.FailNow(p.t, "it ended before it could be killed", "%v\n%s", err, out.String())
	}
	p.t.Logf("pulumi %s, killed when the release was %s\n%s", strings.Join(args, " "), status, out.String())
}

// history returns the status of each revision of the release.
func (p *killedCLI) history() map[string]string {
	p.t.Helper()
	out, err := p.box.kubectl().run(p.t.Context(), "get", "secrets", "--namespace", customer, "--selector", "owner=helm", "--output", "json")
	require.NoError(p.t, err)
	var list struct {
		Items []struct {
			Metadata struct{ Labels map[string]string }
		}
	}
	require.NoError(p.t, json.Unmarshal(out, &list))
	history := map[string]string{}
	for _, item := range list.Items {
		history[item.Metadata.Labels["version"]] = item.Metadata.Labels["status"]
	}
	return history
}
