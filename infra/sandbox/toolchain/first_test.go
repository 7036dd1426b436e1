//go:build linux

package toolchain

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/progress"
)

func TestPrepare(t *testing.T) {
	var out bytes.Buffer
	source := Source{Dir: t.TempDir(), Cache: t.TempDir(), Console: progress.New(&out)}
	had := func(name string) {
		t.Helper()
		folder := filepath.Join(source.Cache, name+"-0123")
		require.NoError(t, os.Mkdir(folder, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
	}
	had("sandbox")
	had("program")
	require.NoError(t, source.Prepare(t.Context(), Installed{Provider: "/p"}))
	assert.Regexp(t, `^the first run builds kubernetes, pulumi: \d+ to \d+ minutes with \d+ processors, 2\.9 GB of disk, 3 GB of memory; `, out.String())
	out.Reset()
	had("kubernetes")
	had("pulumi")
	require.NoError(t, source.Prepare(t.Context(), Installed{Provider: "/p"}))
	assert.Empty(t, out.String(), "an edit is nothing to tell of")
}

func TestCheckRoom(t *testing.T) {
	meminfo := filepath.Join(t.TempDir(), "meminfo")
	write := func(kilobytes string) {
		t.Helper()
		require.NoError(t, os.WriteFile(meminfo, []byte("MemTotal: 99 kB\nMemAvailable:   "+kilobytes+" kB\n"), 0o600))
	}
	write("9000000")
	folder := filepath.Join(t.TempDir(), "not", "there")
	require.NoError(t, checkRoom([]string{folder}, 1, meminfo))
	require.ErrorContains(t, checkRoom([]string{folder}, 1<<40, meminfo), "the first run takes 1099511627776 MB: make room there")
	write("1024000")
	require.EqualError(t, checkRoom(nil, 1, meminfo),
		"1000 MB of memory are available, and the first run takes 3072 MB: end other programs, or use a larger machine")
	require.NoError(t, checkRoom(nil, 1, filepath.Join(folder, "meminfo")), "unknown")
}

func TestFindInstalled(t *testing.T) {
	home, bin := t.TempDir(), t.TempDir()
	t.Setenv("PULUMI_HOME", home)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	script := "#!/bin/sh\necho v" + PulumiVersion + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "pulumi"), []byte(script), 0o700))
	assert.Empty(t, FindInstalled(t.Context()).Pulumi, "that may be the sandbox's own")
	assert.Empty(t, FindInstalled(t.Context()).String())

	// A program that is not that pulumi version.
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(bin, "pulumi")))
	truth, err := filepath.EvalSymlinks("/bin/true")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(truth, filepath.Join(bin, "pulumi")))
	assert.Empty(t, FindInstalled(t.Context()).Pulumi)

	plugin := filepath.Join(home, "plugins", "resource-kubernetes-v"+PluginVersion, "pulumi-resource-kubernetes")
	require.NoError(t, os.MkdirAll(filepath.Dir(plugin), 0o700))
	require.NoError(t, os.Symlink(self, plugin))
	assert.Equal(t, Installed{Provider: plugin}, FindInstalled(t.Context()))
	assert.Equal(t, "Kubernetes provider "+PluginVersion+" ("+plugin+")", FindInstalled(t.Context()).String())
}
