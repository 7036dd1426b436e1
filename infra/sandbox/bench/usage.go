//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// sample is the sampling interval of processes; their last moments are missed. Sampling itself costs CPU: at a hundred times a
// second, a third of a processor.
const sample = 50 * time.Millisecond

// usage holds the resources used by a run's processes, by program name.
type usage struct {
	cpu  map[string]time.Duration
	peak map[string]int64 // resident memory in bytes, at most
}

// observe watches a process and descendants until done is closed.
func observe(pid int, done <-chan struct{}) usage {
	seen := map[int]process{}
	tick := time.NewTicker(sample)
	defer tick.Stop()
	for running := true; running; {
		for _, pid := range family(pid) {
			if p, ok := look(pid); ok {
				seen[pid] = p
			}
		}
		select {
		case <-tick.C:
		case <-done:
			running = false
		}
	}
	u := usage{cpu: map[string]time.Duration{}, peak: map[string]int64{}}
	for _, p := range seen {
		u.cpu[p.name] += p.cpu
		u.peak[p.name] += p.peak
	}
	return u
}

// family returns a process and its descendants.
func family(pid int) []int {
	pids := []int{pid}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // a process that has ended has none
	for _, list := range lists {
		content, err := os.ReadFile(list)
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(content)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, family(child)...)
			}
		}
	}
	return pids
}

// clockTick is the unit of CPU time in /proc, the same on all Linux architectures of Go.
const clockTick = 10 * time.Millisecond

type process struct {
	name string
	cpu  time.Duration
	peak int64
}

// look reads a process's usage so far: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func look(pid int) (process, bool) {
	folder := fmt.Sprintf("/proc/%d/", pid)
	exe, err := os.Readlink(folder + "exe")
	if err != nil {
		return process{}, false
	}
	stat, err := os.ReadFile(folder + "stat")
	if err != nil {
		return process{}, false
	}
	// The name in parentheses may contain anything; the third field follows it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	status, err3 := os.ReadFile(folder + "status")
	if err1 != nil || err2 != nil || err3 != nil {
		return process{}, false
	}
	var peak int64
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			_, _ = fmt.Sscanf(value, "%d", &peak)
		}
	}
	return process{filepath.Base(exe), time.Duration(user+system) * clockTick, peak << 10}, true
}
