//go:build linux

package progress

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// terminal opens a new terminal and returns the side that programs write to.
func terminal(t *testing.T) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { master.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	side, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { side.Close() })
	return side
}

func TestStylesAreForTerminals(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	tty := terminal(t)
	assert.Equal(t, "\x1b[1;31merror\x1b[0m", New(tty).Styled(Failed, "error"))
	assert.Empty(t, New(tty).Styled(Failed, ""))
	assert.Equal(t, "error", New(&bytes.Buffer{}).Styled(Failed, "error"), "piped")

	t.Setenv("NO_COLOR", "1")
	assert.Equal(t, "error", New(tty).Styled(Failed, "error"), "https://no-color.org")
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	assert.Equal(t, "error", New(tty).Styled(Failed, "error"))
}

func TestStyleOf(t *testing.T) {
	for operation, want := range map[string]Style{
		"create": Good, "create-replacement": Good, "import": Good, "update": Changed, "delete": Gone, "delete-replaced": Gone,
	} {
		assert.Equal(t, want, StyleOf(operation), operation)
	}
}
