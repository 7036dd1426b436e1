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

// Mark is the environment variable, as "NAME=value", that all processes of the sandbox in dir carry: by it they are
// found when nobody else knows them any more.
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

// belongs tells whether a process is the sandbox's: it carries the mark, or has its home there as the cluster's
// processes do, or runs a program from an unpacked image. A process that has ended, or is someone else's, cannot be read.
func belongs(process, dir string) bool {
	if exe, err := os.Readlink(filepath.Join(process, "exe")); err == nil && strings.HasPrefix(exe, dir+"/") {
		return true
	}
	env, err := os.ReadFile(filepath.Join(process, "environ"))
	return err == nil && slices.ContainsFunc(strings.Split(string(env), "\x00"), func(v string) bool {
		return v == Mark(dir) || strings.HasPrefix(v, "HOME="+dir+"/")
	})
}

// Reap kills what is left of a daemon that was killed itself, and returns how many processes that were.
func Reap(dir string) (int, error) {
	found := map[int]bool{}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		pids, err := Processes(dir)
		if err != nil || len(pids) == 0 {
			return len(found), err
		}
		if time.Now().After(deadline) {
			return len(found), errors.New("processes of an earlier run do not end")
		}
		for _, pid := range pids {
			found[pid] = true
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone already is fine
		}
	}
}
