package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Mark is the environment variable, as "NAME=value", of all processes of the sandbox in dir. It identifies them even when they are
// orphans.
func Mark(dir string) string { return "ACR_MICROSERVICES_SANDBOX=" + dir }

// Processes returns the ids of the processes that belong to the sandbox in dir.
func Processes(dir string) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && pid != os.Getpid() && belongs("/proc/"+e.Name(), dir) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// belongs reports whether a process is the sandbox's: it has the mark, or its home in dir (the cluster's processes), or runs a
// program from an unpacked image. A process that has ended, or is another user's, cannot be read.
func belongs(process, dir string) bool {
	if exe, err := os.Readlink(filepath.Join(process, "exe")); err == nil && strings.HasPrefix(exe, dir+"/") {
		return true
	}
	env, err := os.ReadFile(filepath.Join(process, "environ"))
	return err == nil && slices.ContainsFunc(strings.Split(string(env), "\x00"), func(v string) bool {
		return v == Mark(dir) || strings.HasPrefix(v, "HOME="+dir+"/")
	})
}

// Reap kills the orphaned processes of a killed daemon, and returns their number.
func Reap(dir string) (int, error) {
	found := map[int]bool{}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		pids, err := Processes(dir)
		if err != nil || len(pids) == 0 {
			return len(found), err
		}
		if time.Now().After(deadline) {
			return len(found), errors.New("processes of an earlier run have not exited")
		}
		for _, pid := range pids {
			found[pid] = true
			_ = syscall.Kill(pid, syscall.SIGKILL) // may already be gone
		}
	}
}
