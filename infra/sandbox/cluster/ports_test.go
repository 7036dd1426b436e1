package cluster

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChoosePorts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ports.json")
	first, err := choosePorts(file)
	require.NoError(t, err)
	assert.Len(t, map[int]bool{first.Etcd: true, first.EtcdPeer: true, first.Apiserver: true, first.Kubelet: true}, 4, "the ports differ")

	again, err := choosePorts(file)
	require.NoError(t, err)
	assert.Equal(t, first, again)

	taken, err := net.Listen("tcp", loopback(first.Kubelet))
	require.NoError(t, err)
	defer taken.Close()
	other, err := choosePorts(file)
	require.NoError(t, err)
	assert.NotEqual(t, first.Kubelet, other.Kubelet)
	assert.Equal(t, first.Apiserver, other.Apiserver, "only the port in use changes")
	kept, err := choosePorts(file)
	require.NoError(t, err)
	assert.Equal(t, other, kept)

	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err = choosePorts(file)
	assert.ErrorContains(t, err, "ports.json")
}

func TestPodLoopback(t *testing.T) {
	assert.Equal(t, "127.155.57.0/24", ports{Apiserver: 39737}.podLoopback())
}
