package cluster

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestControlGroups(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Clean(dir), "Clean accepts missing control groups")
	roots, _ := hierarchies()
	if os.Geteuid() != 0 || len(roots) == 0 {
		t.Skip("control groups require root")
	}
	name := cgroupName(dir)
	require.NoError(t, makeCgroup(name))
	t.Cleanup(func() { _ = removeCgroup(name) })
	require.NoError(t, makeCgroup(name), "makeCgroup accepts existing control groups")
	for _, root := range roots {
		require.DirExists(t, filepath.Join(root, name))
		require.NoError(t, os.MkdirAll(filepath.Join(root, name, "kubepods", "pod"), 0o755))
	}
	require.NoError(t, Clean(dir))
	for _, root := range roots {
		assert.NoDirExists(t, filepath.Join(root, name))
	}
}

func TestCgroupNames(t *testing.T) {
	assert.NotEqual(t, cgroupName("/a"), cgroupName("/b"))
}
