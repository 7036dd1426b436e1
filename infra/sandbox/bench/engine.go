//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"example.com/acr-microservices/infra/sandbox/engine"
)

// run is one run of the Pulumi CLI.
type run struct {
	usage // of observed stacks
	began time.Time
	wall  time.Duration // from the start of the process to its end
	steps []step        // on resources, in the order of their ends
}

// step is one operation of the engine on a resource.
type step struct {
	urn, op      string
	began, ended time.Time
}

// changes returns the steps that change something outside the engine.
func (r run) changes() []step {
	var changes []step
	for _, s := range r.steps {
		switch apitype.OpType(s.op) {
		case apitype.OpCreate, apitype.OpUpdate, apitype.OpDelete, apitype.OpReplace, apitype.OpCreateReplacement, apitype.OpDeleteReplaced:
			changes = append(changes, s)
		}
	}
	return changes
}

// patience is the time limit of an operation. None takes half of it, even on a busy machine.
const patience = 5 * time.Minute

// operate runs an operation of the real CLI on a stack, as a user or a pipeline would, and measures it.
func (s *benchStack) operate(ctx context.Context, operation string, flags ...string) (run, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	log := filepath.Join(s.world.Dir, "events.json")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		return run{}, err
	}
	cmd, output := s.pulumi(ctx, append([]string{operation, "--suppress-outputs", "--event-log=" + log}, flags...)...)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return run{}, err
	}
	done := make(chan struct{})
	used, steps := make(chan usage, 1), make(chan []step, 1)
	if s.observed {
		go func() { used <- observe(cmd.Process.Pid, done) }()
	} else {
		used <- usage{}
	}
	go func() { steps <- follow(log, done) }()
	err := cmd.Wait()
	r := run{began: began, wall: time.Since(began)}
	close(done)
	r.usage, r.steps = <-used, <-steps
	if err != nil {
		return r, errors.Join(ctx.Err(), fmt.Errorf("pulumi %s: %w\n%s", operation, err, output.String()))
	}
	return r, nil
}

// pulumi returns a CLI command on a stack, and the buffer of its output.
func (s *benchStack) pulumi(ctx context.Context, args ...string) (*exec.Cmd, *bytes.Buffer) {
	output := &bytes.Buffer{}
	cmd := exec.CommandContext(ctx, s.world.Tools.Pulumi, append(args, "--stack="+s.name, "--non-interactive", "--color=never")...)
	cmd.Dir, cmd.Env = s.project, slices.Concat(s.world.env, s.env)
	cmd.Stdout, cmd.Stderr = output, output
	// Its own process group shields it from the terminal's Ctrl-C; Cancel sends one signal.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 30 * time.Second
	return cmd, output
}

// follow reads the engine's events as they are written, until done is closed. Their timestamps are in whole seconds only.
func follow(log string, done <-chan struct{}) []step {
	var steps []step
	began := map[string]time.Time{}
	engine.FollowEvents(log, done, func(e apitype.EngineEvent) {
		now := time.Now()
		switch {
		case e.ResourcePreEvent != nil:
			began[e.ResourcePreEvent.Metadata.URN] = now
		case e.ResOutputsEvent != nil:
			m := e.ResOutputsEvent.Metadata
			steps = append(steps, step{urn: m.URN, op: string(m.Op), began: began[m.URN], ended: now})
		}
	}, func() {})
	return steps
}
