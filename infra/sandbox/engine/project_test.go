//go:build linux

package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCopyProject(t *testing.T) {
	project, dir := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	write := func(folder, name, content string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	read := func(name string) string {
		t.Helper()
		content, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(content)
	}
	require.NoError(t, os.Mkdir(filepath.Join(project, "charts"), 0o700))
	write(project, "charts/Chart.yaml", "name: x\n")
	write(project, "Pulumi.yaml", "# kept\nname: project\nruntime: go\n")
	program := filepath.Join(project, "charts", "Chart.yaml")
	write(project, "Pulumi.dev.yaml", "# why\nconfig:\n  a: b\n")
	write(project, ".hidden", "")
	write(project, "old", "")

	require.NoError(t, copyProject(project, dir, "dev", program))
	assert.Equal(t, "name: x\n", read("charts/Chart.yaml"))
	assert.Contains(t, read("Pulumi.yaml"), "# kept\n")
	assert.YAMLEq(t, "{name: project, runtime: {name: go, options: {binary: ./program}}}", read("Pulumi.yaml"))
	assert.Equal(t, "name: x\n", read("program"))
	assert.NoFileExists(t, filepath.Join(dir, ".hidden"))
	assert.FileExists(t, filepath.Join(dir, "old"))

	// The engine writes into the copy. The project does not change, and only the salt survives.
	write(dir, "Pulumi.dev.yaml", "encryptionsalt: v1:abc\nconfig:\n  a: changed\n")
	require.NoError(t, os.Remove(filepath.Join(project, "old")))
	require.NoError(t, copyProject(project, dir, "dev", program))
	assert.YAMLEq(t, "{config: {a: b}, encryptionsalt: v1:abc}", read("Pulumi.dev.yaml"))
	content, err := os.ReadFile(filepath.Join(project, "Pulumi.dev.yaml"))
	require.NoError(t, err)
	assert.Equal(t, "# why\nconfig:\n  a: b\n", string(content))
	assert.NoFileExists(t, filepath.Join(dir, "old"))

	// Without a new program, the last compiled one stays.
	require.NoError(t, copyProject(project, dir, "dev", ""))
	assert.Contains(t, read("Pulumi.yaml"), "./program")
	assert.FileExists(t, filepath.Join(dir, "program"))
	content, err = os.ReadFile(filepath.Join(project, "Pulumi.yaml"))
	require.NoError(t, err)
	assert.NotContains(t, string(content), "program")

	// Without a program, the project file is the project's own.
	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, Mirror(project, other, ""))
	target, err := os.Readlink(filepath.Join(other, "Pulumi.yaml"))
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(project, "Pulumi.yaml"), target)

	require.ErrorContains(t, copyProject(project, dir, "prod", program), `settings of the stack "prod"`)
}

func TestKeepSalt(t *testing.T) {
	for name, test := range map[string]struct{ settings, old, want string }{
		"first run":         {"config: {a: 1}", "", "config: {a: 1}"},
		"later run":         {"config: {a: 2}", "{config: {a: 1}, encryptionsalt: x}", "{config: {a: 2}, encryptionsalt: x}"},
		"empty settings":    {"", "encryptionsalt: x", "encryptionsalt: x"},
		"others' passwords": {"{encryptionsalt: y, secretsprovider: azurekeyvault, encryptedkey: k, config: {}}", "encryptionsalt: x", "{config: {}, encryptionsalt: x}"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := keepSalt([]byte(test.settings), []byte(test.old))
			require.NoError(t, err)
			assert.YAMLEq(t, test.want, string(got))
		})
	}
	_, err := keepSalt([]byte("a: [unclosed"), nil)
	require.Error(t, err)
}

func TestCleanEnv(t *testing.T) {
	assert.Equal(t, []string{"PATH=/bin", "HOME=/home/me", "HTTPS_PROXY=proxy"}, CleanEnv([]string{
		"PATH=/bin", "PULUMI_ACCESS_TOKEN=t", "HOME=/home/me", "KUBECONFIG=k", "ARM_CLIENT_SECRET=s", "AZURE_TENANT_ID=t", "HTTPS_PROXY=proxy",
	}))
}

func TestShortType(t *testing.T) {
	assert.Equal(t, "azuread:Application", ShortType("azuread:index/application:Application"))
	assert.Equal(t, "kubernetes:Secret", ShortType("kubernetes:core/v1:Secret"))
}
