package addresses_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/addresses"
)

func TestAddressesAreKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ports.json")
	listen := func() (first, second string) {
		t.Helper()
		l, err := addresses.Listen(file, "first", "second")
		require.NoError(t, err)
		defer l.Close()
		return l.Of("first"), l.Of("second")
	}
	first, second := listen()
	assert.NotEqual(t, first, second)
	again, _ := listen()
	assert.Equal(t, first, again)

	taken, err := net.Listen("tcp", second)
	require.NoError(t, err)
	defer taken.Close()
	again, other := listen()
	assert.Equal(t, first, again, "only the port in use changes")
	assert.NotEqual(t, second, other)
	_, kept := listen()
	assert.Equal(t, other, kept)

	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err = addresses.Listen(file, "first")
	assert.ErrorContains(t, err, "ports.json")
}
