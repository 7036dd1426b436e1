//go:build linux

package cli

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/cluster"
)

func TestChooseNode(t *testing.T) {
	sb := &sandbox{dir: filepath.Join(t.TempDir(), "x")}
	require.NoError(t, sb.chooseNode(""))
	assert.NoDirExists(t, sb.dir)
	assert.Equal(t, cluster.Double, sb.node())

	require.EqualError(t, sb.chooseNode("docker"), `--node "docker" is not one of double, containerd`)
	chosen := cluster.Containerd
	if err := sb.chooseNode(chosen); err != nil { // not installed, or not running as root
		require.ErrorContains(t, err, "--node containerd: a node with containerd lacks ")
		require.ErrorContains(t, err, "apt-get install")
		chosen = cluster.Double
	}
	assert.Equal(t, chosen, sb.node())
	require.NoError(t, sb.chooseNode(""))
	assert.Equal(t, chosen, sb.node(), "it stays as it is")
	require.NoError(t, sb.chooseNode(cluster.Double))
	assert.Equal(t, cluster.Double, sb.node())
}
