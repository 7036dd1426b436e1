//go:build linux

package process

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain is also the parent that a child must not outlive.
func TestMain(m *testing.M) {
	if os.Getenv("PROCESS_TEST_PARENT") == "" {
		os.Exit(m.Run())
	}
	child := exec.Command("sleep", "600")
	if err := Start(child, syscall.SIGKILL); err != nil {
		os.Exit(1)
	}
	os.Stdout.WriteString(strconv.Itoa(child.Process.Pid) + "\n")
	_ = child.Wait()
}

func TestStart(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "PROCESS_TEST_PARENT=yes")
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(child, 0))
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()
	// An ended process stays a zombie until another process waits for it.
	assert.Eventually(t, func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(child) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	}, time.Minute, 10*time.Millisecond)
}

func TestRun(t *testing.T) {
	require.NoError(t, Run(exec.Command("true"), syscall.SIGKILL))
	require.Error(t, Run(exec.Command("false"), syscall.SIGKILL))
	require.Error(t, Run(exec.Command("/nowhere"), syscall.SIGKILL))
}

func TestTail(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.log")
	assert.Contains(t, Tail(log, 2), "no such file")
	require.NoError(t, os.WriteFile(log, []byte("one\ntwo\nthree\n"), 0o600))
	assert.Equal(t, "two\nthree", Tail(log, 2))
	assert.Equal(t, "one\ntwo\nthree", Tail(log, 9))
}
