//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// created matches the line that reports a created resource.
var created = regexp.MustCompile(`^  create +\S`)

// Start measures the time from "go run -C infra/sandbox . up" to the first created resource, on a machine that has built
// everything before.
func Start(ctx context.Context, o Options) ([]Measure, error) {
	var seen []float64
	for i := range o.repeat(3) {
		o.Console.Status(fmt.Sprintf("  round %d: starting a sandbox", i+1))
		took, err := firstResource(ctx, o.Project)
		if err != nil {
			return nil, err
		}
		seen = append(seen, took.Seconds())
	}
	m := Measure{Group: "start", Name: "sandbox, from go run to the first resource", Unit: "s", Ours: median(seen)}
	return []Measure{m.goal("≤ 15 s", m.Ours <= 15)}, nil
}

func firstResource(ctx context.Context, project string) (time.Duration, error) {
	state, err := os.MkdirTemp("", "bench-start-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(state)
	sandbox := func(args ...string) *exec.Cmd {
		module := filepath.Join(project, "infra", "sandbox")
		cmd := exec.CommandContext(ctx, "go", append([]string{"run", "-C", module, "."}, append(args, "--state", state, "--name", "start")...)...)
		cmd.Stderr = os.Stderr
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = time.Minute
		return cmd
	}
	up := sandbox("up")
	output, err := up.StdoutPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	var took time.Duration
	if err := up.Start(); err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if took == 0 && created.MatchString(lines.Text()) {
			took = time.Since(began)
		}
	}
	err = up.Wait()
	if err == nil && took == 0 {
		err = errors.New("the sandbox reported no resource")
	}
	return took, errors.Join(err, sandbox("down", "--force").Run())
}
