//go:build linux

package cli

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
	"example.com/acr-microservices/infra/sandbox/engine"
	"example.com/acr-microservices/infra/sandbox/progress"
)

func TestLock(t *testing.T) {
	sb := &sandbox{name: "x", dir: filepath.Join(t.TempDir(), "state", "x")}
	unlock, err := sb.lock()
	require.NoError(t, err)
	_, err = sb.lock()
	require.EqualError(t, err, `another command is running on sandbox "x"`)
	unlock()
	assert.NoFileExists(t, sb.dir+".lock")
	unlock, err = sb.lock()
	require.NoError(t, err)
	unlock()
}

func TestNames(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	for _, name := range []string{"default", "a", "my-2nd"} {
		_, err := newSandbox(name, "dev", root, t.TempDir(), progress.New(&bytes.Buffer{}))
		require.NoError(t, err, name)
	}
	for _, name := range []string{"", "-a", "a-", "../x", "A", "a.lock", "a23456789012345678901234567890123"} {
		_, err := newSandbox(name, "dev", root, t.TempDir(), progress.New(&bytes.Buffer{}))
		require.ErrorContains(t, err, "--name", name)
	}
	_, err := newSandbox("default", "dev", t.TempDir(), t.TempDir(), progress.New(&bytes.Buffer{}))
	assert.ErrorContains(t, err, "go run -C infra/sandbox .")
}

func TestPropagation(t *testing.T) {
	for text, want := range map[string]time.Duration{"0s": 0, "30s": 30 * time.Second, "never": azuredouble.Never} {
		var p propagation
		require.NoError(t, p.Set(text))
		assert.Equal(t, want, time.Duration(p))
		assert.Equal(t, text, p.String())
	}
	for _, text := range []string{"", "soon", "-1s", "30"} {
		var p propagation
		assert.ErrorContains(t, p.Set(text), "never", text)
	}
}

func TestCounts(t *testing.T) {
	changes := []engine.Change{{Op: "update"}, {Op: "create"}, {Op: "create"}}
	assert.Equal(t, "2 create, 1 update", counts(changes, "none", ""))
	assert.Equal(t, "none", counts(nil, "none", ""))
}
