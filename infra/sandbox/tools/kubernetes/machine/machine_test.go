package machine

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// The tests run their own executable as the command, in its own namespaces.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "machine" {
		cmd := NewCommand()
		cmd.SetArgs(os.Args[2:])
		if err := cmd.Execute(); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("namespaces take root")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, append([]string{"machine"}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	return cmd
}

func settings(t *testing.T) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, name := range hostSettings {
		value, err := os.ReadFile("/proc/sys/" + name)
		require.NoError(t, err)
		values[name] = string(value)
	}
	return values
}

func TestNothingShowsOutside(t *testing.T) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	before := settings(t)
	dir := t.TempDir()
	const script = `set -e
echo kept > /run/sandbox/file
echo 42 > /proc/sys/kernel/panic
echo 1 > /proc/sys/net/ipv4/ip_forward
touch /var/lib/machine-test /run/machine-test
echo /proc/[0-9]*
`
	out, err := command(t, "--dir", dir, "--", "/bin/sh", "-c", script).CombinedOutput()
	require.Error(t, err, "a program that ends is reported")
	assert.Contains(t, string(out), "sh has ended: exit status 0")
	assert.True(t, strings.HasPrefix(string(out), "/proc/1 "), "%s", out)

	content, err := os.ReadFile(dir + "/file")
	require.NoError(t, err)
	assert.Equal(t, "kept\n", string(content))
	assert.Equal(t, before, settings(t))
	assert.NoFileExists(t, "/var/lib/machine-test")
	assert.NoFileExists(t, "/run/machine-test")
	after, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	assert.Equal(t, string(mounts), string(after))
}

// A detached process, such as a container's shim, ends with the machine.
func TestNothingOutlivesIt(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"stopped": syscall.SIGTERM, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			const script = `(trap '' TERM; echo started; while :; do sleep 1; done) & sleep 60`
			cmd := command(t, "--dir", dir, "--", "/bin/sh", "-c", script, "--", "/bin/sleep", "60")
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			said := make([]byte, len("started\n"))
			_, err = out.Read(said)
			require.NoError(t, err)
			require.NoError(t, cmd.Process.Signal(signal))
			// The pipe stays open while any process of the machine runs.
			rest := make([]byte, 1)
			_, err = out.Read(rest)
			require.Error(t, err)
			_ = cmd.Wait()
		})
	}
}

func TestItIsTheFirstProcess(t *testing.T) {
	cmd := NewCommand()
	cmd.SetArgs([]string{"--dir", t.TempDir(), "--", "/bin/true"})
	assert.ErrorContains(t, cmd.Execute(), "not the first process")
}

// starting is a container runtime that answers as containerd does when it starts, until it has been asked often enough.
type starting struct {
	cri.UnimplementedRuntimeServiceServer
	asked, errors int
}

func (s *starting) Version(context.Context, *cri.VersionRequest) (*cri.VersionResponse, error) {
	s.asked++
	if s.asked <= s.errors {
		return nil, errors.New("server is not initialized yet")
	}
	return &cri.VersionResponse{}, nil
}

func TestKubeletWaitsUntilTheRuntimeServes(t *testing.T) {
	socket := t.TempDir() + "/runtime.sock"
	require.ErrorContains(t, await(socket, 0), "no such file")

	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	runtime, server := &starting{errors: 2}, grpc.NewServer()
	cri.RegisterRuntimeServiceServer(server, runtime)
	go server.Serve(listener) //nolint:errcheck // ends with Stop
	defer server.Stop()
	require.ErrorContains(t, await(socket, 0), "server is not initialized yet")
	require.NoError(t, await(socket, serves))
	assert.Equal(t, 3, runtime.asked)
}

func TestNames(t *testing.T) {
	assert.Equal(t, "containerd", name([]string{"/usr/bin/containerd", "--config=x"}))
	assert.Equal(t, "kubelet", name([]string{"/proc/self/exe", "kubelet", "--config=x"}))
}

func TestSplit(t *testing.T) {
	assert.Equal(t, [][]string{{"a", "-x"}, {"b"}}, split([]string{"a", "-x", "--", "b"}))
	assert.Equal(t, [][]string{{"a"}}, split([]string{"a"}))
}
