package cluster

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFirst(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(a, "program"), nil, 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(a, "other"), 0o700))
	assert.Empty(t, first("program", a, b), "the file is not executable")
	assert.Empty(t, first("other", a, b), "the path is a folder")
	require.NoError(t, os.WriteFile(filepath.Join(b, "program"), nil, 0o700))
	assert.Equal(t, filepath.Join(b, "program"), first("program", a, b))
}

func TestPodNetwork(t *testing.T) {
	assert.Equal(t, "198.18.0.0/24", ports{Apiserver: 0x8000}.podNetwork())
	assert.Equal(t, "198.19.255.0/24", ports{Apiserver: 0x81ff}.podNetwork())
}
