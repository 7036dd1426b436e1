package engine

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/blang/semver"

	"example.com/acr-microservices/infra/sandbox/toolchain"
)

// grace is how long an interrupted engine may take to end its operations and save the state.
const grace = 30 * time.Second

// command runs the CLI like the Automation API's own command does, with two differences: settings for other backends,
// clouds and clusters in the user's environment do not reach it, and it does not outlive this process.
type command struct {
	path    string
	version semver.Version

	mu     sync.Mutex
	stderr string // of the last run
}

func newCommand(path string) *command {
	return &command{path: path, version: semver.MustParse(toolchain.PulumiVersion)}
}

// Version is that of the CLI.
func (c *command) Version() semver.Version { return c.version }

// Run runs the CLI. When ctx ends, the CLI is asked to cancel what it does, and killed if that takes too long.
func (c *command) Run(ctx context.Context, dir string, stdin io.Reader, out, errOut []io.Writer, env []string,
	args ...string,
) (stdout, stderr string, code int, err error) {
	var outBuf, errBuf bytes.Buffer
	cmd := exec.CommandContext(ctx, c.path, append([]string{"--non-interactive"}, args...)...)
	cmd.Dir = dir
	cmd.Stdin = stdin
	cmd.Stdout = io.MultiWriter(append(out, &outBuf)...)
	cmd.Stderr = io.MultiWriter(append(errOut, &errBuf)...)
	cmd.Env = append(CleanEnv(os.Environ()), append(env, "PULUMI_AUTOMATION_API=true", "PWD="+dir)...)
	// A group of its own keeps the terminal's Ctrl-C away from it: Cancel passes that on, once.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = grace

	// The kernel sends the death signal when the thread ends that has started the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Run()

	c.mu.Lock()
	c.stderr = errBuf.String()
	c.mu.Unlock()
	return outBuf.String(), errBuf.String(), cmd.ProcessState.ExitCode(), err
}

// complaint returns what the last run has printed as its error, without the word "error".
func (c *command) complaint() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(c.stderr), "error: "))
}

// CleanEnv drops what would lead Pulumi or a provider to something outside the sandbox.
func CleanEnv(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "KUBECONFIG" || slices.ContainsFunc([]string{"PULUMI_", "AZURE_", "ARM_", "PK8S_", "HELM_"}, func(prefix string) bool {
			return strings.HasPrefix(name, prefix)
		})
	})
}

// symlink makes or replaces a symbolic link.
func symlink(target, path string) error {
	if old, err := os.Readlink(path); err == nil && old == target {
		return nil
	}
	target, err := filepath.Abs(target)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.Symlink(target, path)
}
