//go:build linux

package filelock

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := Try(path)
	require.NoError(t, err)
	_, err = Try(path)
	require.ErrorIs(t, err, ErrLocked)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = Wait(ctx, path, cancel)
	require.ErrorIs(t, err, context.Canceled)
	again, err := Wait(t.Context(), path, unlock)
	require.NoError(t, err)
	again()
	assert.NoFileExists(t, path)
	_, err = Try(filepath.Join(t.TempDir(), "no", "lock"))
	assert.Error(t, err)
}
