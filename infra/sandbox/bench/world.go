//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"

	"example.com/acr-microservices/infra/sandbox/cli"
	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/engine"
	"example.com/acr-microservices/infra/sandbox/progress"
)

// World is a sandbox in which the real CLI runs the compiled program, as a separate process, in stacks of any size.
type World struct {
	cli.World
	Console *progress.Console
	program string                   // project folder of the program
	empty   string                   // project folder of the empty program
	env     []string                 // of the CLI
	stacks  map[string]bool          // that exist, by the path of their settings
	podless map[int]*benchStack      // by number of services
	grown   map[string]map[int][]run // the runs of Growth
}

// NewWorld compiles the programs and prepares a project for each.
func NewWorld(ctx context.Context, project string, s cli.World, con *progress.Console) (*World, error) {
	w := &World{
		World: s, Console: con, program: filepath.Join(s.Dir, "bench", "program"), empty: filepath.Join(s.Dir, "bench", "empty"),
		stacks: map[string]bool{}, podless: map[int]*benchStack{},
	}
	if err := engine.Prepare(s.Dir, s.Tools); err != nil {
		return nil, err
	}
	compiled := filepath.Join(s.Dir, "bench", "compiled")
	for _, of := range []struct{ project, folder, module, pkg string }{
		{project, w.program, project, "."},
		{filepath.Join(module(project), "empty"), w.empty, module(project), "./empty"},
	} {
		program := filepath.Join(compiled, filepath.Base(of.folder))
		if err := build(ctx, of.module, of.pkg, program); err != nil {
			return nil, err
		}
		if err := engine.Mirror(of.project, of.folder, program); err != nil {
			return nil, err
		}
	}
	env := engine.Env(s.Dir)
	maps.Copy(env, s.Env)
	// Most steps wait for others, not for the CPU. By default, the engine runs four at a time for each processor.
	w.env = append(engine.CleanEnv(os.Environ()), daemon.Mark(s.Dir), "PULUMI_PARALLEL=64", "PULUMI_DEBUG_COMMANDS=true")
	for name, value := range env {
		w.env = append(w.env, name+"="+value)
	}
	return w, nil
}

// module is the benchmarks' folder in the project.
func module(project string) string { return filepath.Join(project, "infra", "sandbox", "bench") }

// build compiles a package as the pipeline does.
func build(ctx context.Context, module, pkg, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", out, pkg)
	cmd.Dir = module
	return finish(ctx, cmd, "build "+pkg)
}

// finish runs a command to its end. An error begins with what and has the command's output.
func finish(ctx context.Context, cmd *exec.Cmd, what string) error {
	if output, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("%s: %w\n%s", what, err, output))
	}
	return nil
}
