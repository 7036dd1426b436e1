package cridouble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process describes a container's process: a program of the container's file system, run as an ordinary process.
type process struct {
	rootfs  string
	argv    []string
	env     []string
	workdir string // in the container
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// command prepares the process. It leads its own process group and ends with this process.
func (p process) command(ctx context.Context) (*exec.Cmd, error) {
	if len(p.argv) == 0 {
		return nil, errors.New("no command specified")
	}
	program, err := p.lookup(p.argv[0])
	if err != nil {
		return nil, err
	}
	workdir, err := inside(p.rootfs, p.workdir)
	if err != nil {
		return nil, fmt.Errorf("working directory %q: %w", p.workdir, err)
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Args = p.argv
	cmd.Env = p.env
	cmd.Dir = workdir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// A grandchild may hold the output open after the container's own process has ended.
	cmd.WaitDelay = 2 * time.Second
	return cmd, nil
}

// lookup finds a program in the container's file system, as execve and a shell would.
func (p process) lookup(program string) (string, error) {
	var candidates []string
	switch {
	case filepath.IsAbs(program):
		candidates = []string{program}
	case strings.Contains(program, "/"):
		candidates = []string{path.Join("/", p.workdir, program)}
	default:
		for _, dir := range filepath.SplitList(lookupEnv(p.env, "PATH")) {
			candidates = append(candidates, filepath.Join(dir, program))
		}
	}
	for _, c := range candidates {
		file, err := inside(p.rootfs, c)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("exec %q: %w", program, err)
		}
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("exec: %q: executable file not found in the image", program)
}

// inside returns the host's path of a path of the container. A link that leads out of the container is an error.
func inside(rootfs, name string) (string, error) {
	rootfs, err := filepath.EvalSymlinks(rootfs)
	if err != nil {
		return "", err
	}
	resolved, err := filepath.EvalSymlinks(filepath.Join(rootfs, filepath.Clean("/"+name)))
	if err != nil {
		return "", err
	}
	if resolved != rootfs && !strings.HasPrefix(resolved, rootfs+string(filepath.Separator)) {
		return "", errors.New("leads out of the container")
	}
	return resolved, nil
}

func lookupEnv(env []string, key string) string {
	for _, e := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(e, key+"="); ok {
			return value
		}
	}
	return ""
}

// startRequests serves start. The kernel sends a parent death signal when the *thread* that started the process ends, so all
// are started by one thread that never ends.
var startRequests = make(chan func())

func init() {
	go func() {
		runtime.LockOSThread()
		for request := range startRequests {
			request()
		}
	}()
}

func start(cmd *exec.Cmd) error {
	result := make(chan error)
	startRequests <- func() { result <- cmd.Start() }
	return <-result
}

// exitCode is the code that a container runtime reports: 128 plus the signal for a process ended by a signal.
func exitCode(state *os.ProcessState) int32 {
	if state == nil {
		return 255
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int32(ws.Signal())
	}
	return int32(state.ExitCode())
}

// stopSignal reads the STOPSIGNAL of an image: a name or a number; SIGTERM if there is none.
func stopSignal(text string) syscall.Signal {
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return syscall.Signal(n)
	}
	if s := unix.SignalNum(strings.ToUpper(text)); s != 0 {
		return s
	}
	return syscall.SIGTERM
}

// run runs the process to its end with the streams given, any of which may be nil, and returns its exit code.
func (p process) run(ctx context.Context, in io.Reader, out, errOut io.Writer) (int32, error) {
	cmd, err := p.command(ctx)
	if err != nil {
		return 0, err
	}
	cmd.Stdout, cmd.Stderr = out, errOut
	if in != nil {
		// Not cmd.Stdin: Wait would wait for the user's next key after the process has ended.
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return 0, err
		}
		go func() {
			_, _ = io.Copy(stdin, in)
			_ = stdin.Close()
		}()
	}
	if err := start(cmd); err != nil {
		return 0, err
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return 0, err
	}
	return exitCode(cmd.ProcessState), nil
}
