package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"example.com/acr-microservices/infra/sandbox/process"
)

// child is one of the cluster's processes.
type child struct {
	name   string
	log    string
	cmd    *exec.Cmd
	adjust []func(*exec.Cmd) // changes that spawn makes to cmd
	done   chan struct{}     // closed when the process has ended

	halted bool // by Halt; guarded by the cluster's mutex
}

// spawn starts a process, after the adjustments to it, and watches it. Its log is <dir>/logs/<name>.log; the previous log is
// kept beside it.
func (c *Cluster) spawn(binary string, args []string, adjust ...func(*exec.Cmd)) error {
	name := args[0]
	ch := &child{name: name, log: filepath.Join(c.dir, "logs", name+".log"), adjust: adjust, done: make(chan struct{})}
	if err := os.Rename(ch.log, strings.TrimSuffix(ch.log, ".log")+".previous.log"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", name, err)
	}
	log, err := os.OpenFile(ch.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer log.Close() // the child has its own

	ch.cmd = exec.Command(binary, args...)
	ch.cmd.Dir = c.dir
	ch.cmd.Stdout, ch.cmd.Stderr = log, log
	// Nothing of the user's environment: kubelet would send registries the passwords of ~/.docker; proxies and credentials must
	// not apply here.
	ch.cmd.Env = []string{"HOME=" + c.dir, "PATH=/usr/local/bin:/usr/bin:/bin", "TMPDIR=" + os.TempDir()}
	// Its own process group shields it from Ctrl-C: Stop defines the stop order.
	ch.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for _, change := range adjust {
		change(ch.cmd)
	}

	if err := process.Start(ch.cmd, syscall.SIGKILL); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.mu.Lock()
	c.children = append(c.children, ch)
	c.mu.Unlock()
	go func() {
		err := ch.cmd.Wait()
		close(ch.done)
		c.ended(ch, err)
	}()
	return nil
}

// ended records the end of a process that neither Stop nor Halt caused.
func (c *Cluster) ended(ch *child, err error) {
	c.mu.Lock()
	halted := ch.halted
	c.mu.Unlock()
	select {
	case <-c.stopping:
		return
	default:
	}
	if halted {
		return
	}
	if err == nil {
		err = errors.New("ended by itself")
	}
	c.doneOnce.Do(func() {
		c.mu.Lock()
		c.err = fmt.Errorf("%s: %w; the end of %s:\n%s", ch.name, err, ch.log, process.Tail(ch.log, 15))
		c.mu.Unlock()
		close(c.done)
	})
}

// stop asks the process to end, and kills it after the grace period.
func (ch *child) stop(grace time.Duration) error {
	_ = ch.cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-ch.done:
		return nil
	case <-timer.C:
	}
	if err := ch.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: %w", ch.name, err)
	}
	<-ch.done
	return nil
}
