//go:build linux

package cli

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/progress"
	"example.com/acr-microservices/infra/sandbox/toolchain"
)

// TestInstalledTools makes a sandbox use tools where an installation of Pulumi puts them, and kills their engine.
func TestInstalledTools(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "installed")
	source, err := toolchain.NewSource("..", progress.New(io.Discard))
	require.NoError(t, err)
	tools, err := source.Tools(t.Context(), toolchain.Installed{})
	require.NoError(t, err)
	bin, home := t.TempDir(), t.TempDir()
	plugin := filepath.Join(home, "plugins", "resource-kubernetes-v"+toolchain.PluginVersion, "pulumi-resource-kubernetes")
	require.NoError(t, os.MkdirAll(filepath.Dir(plugin), 0o750))
	for installed, built := range map[string]string{filepath.Join(bin, "pulumi"): tools.Pulumi, plugin: tools.Provider} {
		require.NoError(t, os.Symlink(built, installed))
	}
	b.env = []string{"PULUMI_HOME=" + home, "PATH=" + bin + ":" + os.Getenv("PATH")}
	deploy := func(tag string) {
		t.Helper()
		b.configure(settings{"services": settings{"customerapi": service(tag)}, "registry": settings{"external": "docker.io/wolfgangofner"}})
	}

	deploy("1.0.0")
	out := b.must("up")
	assert.Contains(t, out, "using what is installed: pulumi "+toolchain.PulumiVersion+" ("+filepath.Join(bin, "pulumi")+"), Kubernetes provider "+
		toolchain.PluginVersion+" ("+plugin+")")
	assert.NotContains(t, b.must("up", "--use-installed=false"), "using what is installed")

	// The provider itself does not detect its engine's end.
	deploy("1.1.0")
	b.killEngine("Release customerapi updating", "--verbose")
	assert.Eventually(t, func() bool {
		pids, err := daemon.Processes(b.dir())
		require.NoError(t, err)
		for _, pid := range pids {
			if programOf(pid) == filepath.Base(plugin) {
				return false
			}
		}
		return true
	}, 30*time.Second, 20*time.Millisecond, "the provider has outlived its engine")
	b.must("up")
	assert.Regexp(t, `:1\.1\.0$`, b.images(customer)[0])
	b.must("down")
}
