//go:build linux

// Package process starts processes that do not outlive their parent, and reads their logs.
package process

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
)

// starter starts all processes. The kernel sends a parent death signal when the thread that started a process ends, so one thread
// that never ends starts them all.
var starter = sync.OnceValue(func() chan<- func() {
	requests := make(chan func())
	go func() {
		runtime.LockOSThread()
		for request := range requests {
			request()
		}
	}()
	return requests
})

// Start starts a process. The kernel sends it the signal when this process ends for any reason.
func Start(cmd *exec.Cmd, signal syscall.Signal) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = signal
	started := make(chan error)
	starter() <- func() { started <- cmd.Start() }
	return <-started
}

// Run starts a process with [Start] and waits for its end.
func Run(cmd *exec.Cmd, signal syscall.Signal) error {
	if err := Start(cmd, signal); err != nil {
		return err
	}
	return cmd.Wait()
}

// Tail returns the last lines of a log, or why it cannot be read.
func Tail(log string, lines int) string {
	content, err := os.ReadFile(log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
