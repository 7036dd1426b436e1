package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/engine"
	"example.com/acr-microservices/infra/sandbox/progress"
	"example.com/acr-microservices/infra/sandbox/toolchain"
)

// Sandbox is a running sandbox.
type Sandbox struct {
	Dir      string            // of its files
	Tools    toolchain.Tools   // what it is made of
	Env      map[string]string // with which the engine finds its services
	Services *daemon.Client
	Info     daemon.Info
	Console  *progress.Console
}

// World is a sandbox in which the real CLI runs the compiled program, as a process of its own, in stacks of any size.
type World struct {
	Sandbox
	program string                   // project folder of the program
	empty   string                   // project folder of the empty program
	env     []string                 // of the CLI
	stacks  map[string]bool          // that exist, by the path of their settings
	podless map[int]*benchStack      // by number of services
	grown   map[string]map[int][]run // the runs of Growth
}

// NewWorld compiles the programs and prepares a project for each.
func NewWorld(ctx context.Context, project string, s Sandbox) (*World, error) {
	w := &World{
		Sandbox: s, program: filepath.Join(s.Dir, "bench", "program"), empty: filepath.Join(s.Dir, "bench", "empty"),
		stacks: map[string]bool{}, podless: map[int]*benchStack{},
	}
	module := filepath.Join(project, "infra", "sandbox")
	plugin := filepath.Join(engine.Env(s.Dir)["PULUMI_HOME"], "plugins", "language-go-v"+toolchain.PulumiVersion, "pulumi-language-go")
	for _, err := range []error{
		engine.Prepare(s.Dir, s.Tools),
		mirror(project, w.program),
		writeProject(w.empty, "name: empty\n"),
		build(ctx, project, ".", filepath.Join(w.program, binary)),
		build(ctx, module, "./bench/empty", filepath.Join(w.empty, binary)),
		build(ctx, module, "./languagegodouble", plugin),
	} {
		if err != nil {
			return nil, err
		}
	}
	env := engine.Env(s.Dir)
	maps.Copy(env, s.Env)
	// Most steps wait for others, and not for the machine. The engine would take four of them at a time for each processor.
	w.env = append(engine.CleanEnv(os.Environ()), daemon.Mark(s.Dir), "PULUMI_PARALLEL=64", "PULUMI_DEBUG_COMMANDS=true")
	for name, value := range env {
		w.env = append(w.env, name+"="+value)
	}
	return w, nil
}

// binary is the name of the compiled program in its project's folder.
const binary = "compiled-program"

// build compiles a package as the pipeline does.
func build(ctx context.Context, module, pkg, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", out, pkg)
	cmd.Dir = module
	return finish(ctx, cmd, "build "+pkg)
}

// finish runs a command to its end. An error begins with what, and tells what the command has said.
func finish(ctx context.Context, cmd *exec.Cmd, what string) error {
	if output, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("%s: %w\n%s", what, err, output))
	}
	return nil
}

// mirror makes a project folder whose program is compiled, with links to everything else.
func mirror(project, dir string) error {
	content, err := os.ReadFile(filepath.Join(project, "Pulumi.yaml"))
	if err != nil {
		return err
	}
	if err := writeProject(dir, strings.Replace(string(content), "runtime: go\n", "", 1)); err != nil {
		return err
	}
	for _, name := range []string{"infra", "go.mod", "go.sum", "main.go"} {
		if err := os.Symlink(filepath.Join(project, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func writeProject(dir, settings string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	settings += "runtime: {name: go, options: {binary: " + binary + "}}\n"
	return os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte(settings), 0o600)
}
