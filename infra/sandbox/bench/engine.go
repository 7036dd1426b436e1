package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// run is one run of the Pulumi CLI.
type run struct {
	usage
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

// pulumi runs the real CLI in a project of the world, as a person or a pipeline would, and measures it.
func (w *World) pulumi(ctx context.Context, project string, args ...string) (run, error) {
	log := filepath.Join(w.Dir, "events.json")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		return run{}, err
	}
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, w.Tools.Pulumi, append(args, "--non-interactive", "--color=never", "--event-log="+log)...)
	cmd.Dir, cmd.Env = project, w.env
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 30 * time.Second

	began := time.Now()
	if err := cmd.Start(); err != nil {
		return run{}, err
	}
	done := make(chan struct{})
	used, steps := make(chan usage, 1), make(chan []step, 1)
	go func() { used <- observe(cmd.Process.Pid, done) }()
	go func() { steps <- follow(log, done) }()
	err := cmd.Wait()
	r := run{wall: time.Since(began)}
	close(done)
	r.usage, r.steps = <-used, <-steps
	if err != nil {
		return r, errors.Join(ctx.Err(), fmt.Errorf("pulumi %s: %w\n%s", strings.Join(args, " "), err, output.String()))
	}
	return r, nil
}

// follow reads the engine's events while they are written, until done is closed. Their own times are in whole seconds only.
func follow(log string, done <-chan struct{}) []step {
	file, err := os.Open(log)
	if err != nil {
		return nil
	}
	defer file.Close()
	var steps []step
	began := map[string]time.Time{}
	var line []byte
	ended := false
	for reader := bufio.NewReader(file); ; {
		part, err := reader.ReadBytes('\n')
		line = append(line, part...)
		if errors.Is(err, io.EOF) && !ended {
			select {
			case <-done:
				ended = true // after what has been written meanwhile
			case <-time.After(2 * time.Millisecond):
			}
			continue
		}
		if err != nil {
			return steps
		}
		var e apitype.EngineEvent
		if json.Unmarshal(line, &e) == nil {
			now := time.Now()
			switch {
			case e.ResourcePreEvent != nil:
				began[e.ResourcePreEvent.Metadata.URN] = now
			case e.ResOutputsEvent != nil:
				m := e.ResOutputsEvent.Metadata
				steps = append(steps, step{urn: m.URN, op: string(m.Op), began: began[m.URN], ended: now})
			}
		}
		line = line[:0]
	}
}
