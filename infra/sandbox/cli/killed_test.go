//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// TestKilledHelm kills an ordinary "pulumi up" while Helm is at work, in each way in which it can be, and does what the
// documentation says. The sandbox's own commands, which repair more than a person's pulumi does, have no part in it.
func TestKilledHelm(t *testing.T) {
	b := newBox(t, "killed")
	b.configure(settings{"services": settings{"orderapi": settings{}}, "registry": settings{"external": "docker.io/wolfgangofner"}})
	b.must("up")
	p := newProject(b)
	p.mustRun("stack", "init")

	p.tag("1.0.0")
	p.kill("pending-install", "up", "--yes", "--skip-preview")
	out, err := p.run("up", "--yes", "--skip-preview")
	require.Error(t, err)
	assert.Contains(t, out, "the stack is currently locked by 1 lock(s)")
	assert.Contains(t, out, "pulumi cancel")
	p.mustRun("cancel", "--yes")
	out = p.mustRun("up", "--yes", "--skip-preview")
	assert.Contains(t, out, `release "customerapi": revision 1 is pending-install since `)
	assert.Contains(t, out, "no Helm is at work on it any more: it is installed anew")
	assert.Equal(t, map[string]string{"1": "deployed"}, p.history())

	p.tag("1.1.0")
	p.kill("pending-upgrade", "up", "--yes", "--skip-preview")
	p.mustRun("cancel", "--yes")
	out = p.mustRun("up", "--yes", "--skip-preview")
	assert.Contains(t, out, `release "customerapi": revision 2 is pending-upgrade since `)
	assert.Contains(t, out, "no Helm is at work on it any more: it counts as failed")
	assert.Equal(t, map[string]string{"1": "superseded", "2": "failed", "3": "deployed"}, p.history())

	// An image that is not there: Helm rolls back, and is killed at that.
	p.tag("9.9.9")
	p.kill("pending-rollback", "up", "--yes", "--skip-preview")
	p.mustRun("cancel", "--yes")
	p.tag("1.0.0")
	p.mustRun("up", "--yes", "--skip-preview")
	assert.Equal(t, map[string]string{
		"1": "superseded", "2": "failed", "3": "superseded", "4": "failed", "5": "failed", "6": "deployed",
	}, p.history())
	require.Equal(t, []string{"docker.io/wolfgangofner/customerapi:1.0.0"}, b.images(customer))
	assert.Contains(t, p.mustRun("up", "--yes", "--skip-preview"), "unchanged")

	// Back to what the state holds, after an upgrade that the state does not know: only a refresh finds out.
	p.tag("1.1.0")
	p.kill("pending-upgrade", "up", "--yes", "--skip-preview")
	p.tag("1.0.0")
	p.mustRun("cancel", "--yes")
	p.mustRun("up", "--yes", "--skip-preview", "--refresh")
	assert.Equal(t, "deployed", p.history()["8"])
	require.Equal(t, []string{"docker.io/wolfgangofner/customerapi:1.0.0"}, b.images(customer))

	p.kill("uninstalling", "destroy", "--yes", "--skip-preview")
	p.mustRun("cancel", "--yes")
	p.mustRun("destroy", "--yes", "--skip-preview", "--refresh")
	assert.Empty(t, p.history())
	_, err = b.kubectl().run(t.Context(), "get", "namespace", customer)
	require.ErrorContains(t, err, "not found")
}

// project is a checkout in which the user's own pulumi runs, with a stack "real" in the sandbox's cluster.
type project struct {
	*box
	folder string
	env    []string
}

func newProject(b *box) *project {
	b.t.Helper()
	p := &project{box: b, folder: b.t.TempDir()}
	bin := b.t.TempDir()
	build := func(out, from, pkg string) {
		cmd := exec.Command("go", "build", "-o", out, pkg)
		cmd.Dir = from
		printed, err := cmd.CombinedOutput()
		require.NoError(b.t, err, "%s", printed)
	}
	root := filepath.Join("..", "..", "..")
	build(filepath.Join(p.folder, "program"), root, ".")
	build(filepath.Join(bin, "pulumi-language-go"), ".", "../languagegodouble")

	infra, err := filepath.Abs(filepath.Join(root, "infra"))
	require.NoError(b.t, err)
	require.NoError(b.t, os.Symlink(infra, filepath.Join(p.folder, "infra")))
	content, err := os.ReadFile(filepath.Join(root, "Pulumi.yaml"))
	require.NoError(b.t, err)
	var file map[string]any
	require.NoError(b.t, yaml.Unmarshal(content, &file))
	file["runtime"] = settings{"name": "go", "options": settings{"binary": "./program"}}
	p.write("Pulumi.yaml", file)

	p.env = append(os.Environ(), "PATH="+strings.Join([]string{bin, filepath.Join(b.dir(), "bin"), os.Getenv("PATH")}, ":"))
	for line := range strings.Lines(b.must("env")) {
		if assignment, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok && !strings.HasPrefix(assignment, "PATH=") {
			name, value, _ := strings.Cut(assignment, "=")
			p.env = append(p.env, name+"="+strings.Trim(value, "'"))
		}
	}
	return p
}

func (p *project) write(name string, content any) {
	p.t.Helper()
	text, err := yaml.Marshal(content)
	require.NoError(p.t, err)
	require.NoError(p.t, os.WriteFile(filepath.Join(p.folder, name), text, 0o600))
}

// tag sets the image's tag in the stack's settings, and leaves what pulumi has written there.
func (p *project) tag(tag string) {
	p.t.Helper()
	content, err := os.ReadFile(filepath.Join(p.folder, "Pulumi.real.yaml"))
	require.NoError(p.t, err)
	var file settings
	require.NoError(p.t, yaml.Unmarshal(content, &file))
	file["config"] = settings{
		"acr-microservices:environment": "test",
		"acr-microservices:registry":    settings{"external": "docker.io/wolfgangofner"},
		"acr-microservices:release":     settings{"timeoutSeconds": 20},
		"acr-microservices:services":    settings{"customerapi": service(tag)},
	}
	p.write("Pulumi.real.yaml", file)
}

func (p *project) pulumi(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.dir(), "bin", "pulumi"), append([]string{"--non-interactive", "--color", "never", "--stack", "real"}, args...)...)
	cmd.Dir, cmd.Env = p.folder, p.env
	return cmd
}

func (p *project) run(args ...string) (string, error) {
	out, err := p.pulumi(args...).CombinedOutput()
	p.t.Logf("pulumi %s\n%s", strings.Join(args, " "), out)
	return string(out), err
}

func (p *project) mustRun(args ...string) string {
	p.t.Helper()
	out, err := p.run(args...)
	require.NoError(p.t, err)
	return out
}

// kill kills pulumi when the release has a status.
func (p *project) kill(status string, args ...string) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	defer cancel()
	kube := p.kubectl()
	watch := exec.CommandContext(ctx, kube.path, "--kubeconfig", kube.kubeconfig, "get", "secrets", "--namespace", customer,
		"--watch", "--output", "name", "--selector", "owner=helm,status="+status)
	seen, err := watch.StdoutPipe()
	require.NoError(p.t, err)
	require.NoError(p.t, watch.Start())
	cmd := p.pulumi(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(p.t, cmd.Start())
	reached := make(chan bool, 1)
	go func() { reached <- bufio.NewScanner(seen).Scan() }()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-reached:
		require.NoError(p.t, cmd.Process.Kill())
		require.Error(p.t, <-ended)
	case err := <-ended:
		require.FailNow(p.t, "it ended before it could be killed", "%v\n%s", err, out.String())
	}
	p.t.Logf("pulumi %s, killed when the release was %s\n%s", strings.Join(args, " "), status, out.String())
	cancel()
	_ = watch.Wait()
}

// history returns the status of each revision of the release.
func (p *project) history() map[string]string {
	p.t.Helper()
	out, err := p.kubectl().run(p.t.Context(), "get", "secrets", "--namespace", customer, "--selector", "owner=helm", "--output", "json")
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
