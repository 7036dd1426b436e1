//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"time"
)

// ownCPU runs the program with that many services against the SDK's mock of an engine, and returns the CPU time of that
// process, the executable of package mocked. It has no other memory that costs garbage collection time.
func ownCPU(ctx context.Context, project, mocked string, services int) (time.Duration, error) {
	text, err := json.Marshal(sameServices(services, settings{"image": settings{"tag": "1.0.0"}}))
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, mocked)
	cmd.Dir = project // the base of the program's relative paths
	cmd.Stdin = bytes.NewReader(text)
	if err := finish(ctx, cmd, "the program with mocks"); err != nil {
		return 0, err
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// ownCPUOfEach is the growth of [ownCPU] per service, from one to the given number, in milliseconds, without the process's
// start. It uses the medians of both, measured in turns.
func ownCPUOfEach(ctx context.Context, o Options, services int) (float64, error) {
	mocked := filepath.Join(o.World.Dir, "bench", "mocked")
	if err := build(ctx, module(o.Project), "./mocked", mocked); err != nil {
		return 0, err
	}
	seen := map[int][]float64{}
	for range o.repeat(5) {
		for _, n := range []int{1, services} {
			used, err := ownCPU(ctx, o.Project, mocked, n)
			if err != nil {
				return 0, err
			}
			seen[n] = append(seen[n], milliseconds(used))
		}
	}
	return (median(seen[services]) - median(seen[1])) / float64(services-1), nil
}
