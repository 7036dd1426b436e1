//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	coldShare   = 1. / 3 // of the stock program's, at most
	editShare   = 0.4
	noEditShare = 0.1
	peakLimit   = 1536 // MiB in a single process: the smallest hosted agents can spare that much
	repeats     = 5    // of the builds after each cold one; they take seconds
)

// StockProgram is the folder, in the project, of the program used for comparison.
const StockProgram = "infra/sandbox/tools/stock"

// Compile measures the cost of compiling the program and the stock program: with an empty cache, as on a pipeline agent; after
// one edit of the graph, and one of the configuration's validation, which is the same edit in the stock program; and without an
// edit, when Pulumi still links unless there is a buildTarget. It also measures the saving of each shortcut. It works on copies
// with its own cache.
func Compile(ctx context.Context, o Options) ([]Measure, error) {
	ours, stock := programs(o.Project)
	for _, program := range []*compiled{ours, stock} {
		if err := program.download(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", program.name, err)
		}
	}
	for round := range max(o.Repeat, 1) {
		if err := measureInTurns(ctx, inTurn(round, ours, stock), o.Console.Status); err != nil {
			return nil, err
		}
	}
	o.Console.Status("")

	compare := func(name, unit string, own, other []float64) Measure {
		return Measure{Group: "compile", Name: name, Unit: unit, Ours: median(own), Base: median(other), BaseName: "stock program"}
	}
	row := func(name, unit string, figure func(*compiled) []float64) Measure {
		return compare(name, unit, figure(ours), figure(stock))
	}
	atMost := func(share float64, m Measure) Measure {
		return m.goal(fmt.Sprintf("≤ %.2g", share), m.Ours <= share*m.Base)
	}
	wall := func(costs []cost) []float64 { return each(costs, func(c cost) float64 { return c.wall.Seconds() }) }
	peak := row("largest process of a cold build", "MiB", func(p *compiled) []float64 {
		return each(p.cold, func(c cost) float64 { return c.peak })
	})
	return append([]Measure{
		atMost(coldShare, row("cold build, CPU", "s", func(p *compiled) []float64 { return cpu(p.cold) })),
		row("cold build, wall", "s", func(p *compiled) []float64 { return wall(p.cold) }),
		peak.goal(fmt.Sprintf("≤ %d", peakLimit), peak.Ours <= peakLimit),
		row("executable", "MiB", func(p *compiled) []float64 { return each(p.cold, func(c cost) float64 { return c.size }) }),
		atMost(editShare, row("build after one edit, CPU", "s", func(p *compiled) []float64 { return cpu(p.edits[0].took) })),
		row("build after one edit, wall", "s", func(p *compiled) []float64 { return wall(p.edits[0].took) }),
		compare("build after one edit of the configuration, CPU", "s", cpu(ours.edits[1].took), cpu(stock.edits[0].took)),
		atMost(noEditShare, row("build without an edit, CPU", "s", func(p *compiled) []float64 { return cpu(p.again) })),
	}, ours.worth()...), nil
}

// programs returns the program and the stock program.
func programs(project string) (ours, stock *compiled) {
	ours = &compiled{
		name: "the program", module: project, sources: []string{"*.go", "infra/*.go", "infra/*/*.go", "infra/internal/*/*.go"},
		edits:     []*edit{{file: "infra/deploy.go", text: `"pull"`}, {file: "infra/config/cluster.go", text: `"is neither an existing file`}},
		shortcuts: shortcuts(), keeps: true,
	}
	stock = &compiled{
		name: "the stock program", module: filepath.Join(project, StockProgram), sources: []string{"*.go"},
		edits: []*edit{{file: "main.go", text: `"ServicePrincipal`}},
	}
	return ours, stock
}

// compiled is a program with its build costs.
type compiled struct {
	name    string
	module  string   // folder of its go.mod
	sources []string // patterns of its source files in it
	edits   []*edit  // of the graph, then, if separate, of the configuration's validation

	shortcuts []*shortcut

	keeps bool // the executable, because its Pulumi.yaml has a buildTarget

	dir    string // of the copy and its cache
	builds int    // so far

	cold, again []cost
}

// edit changes a quoted text in a source file; took has the costs of later builds.
type edit struct {
	file, text string
	took       []cost
}

// cost is a build's cost.
type cost struct {
	cpu, wall time.Duration
	peak      float64 // MiB of the largest process: a compiler or the linker
	size      float64 // MiB of the executable, if there is one
}

// cpu returns the CPU seconds of each.
func cpu(costs []cost) []float64 { return each(costs, func(c cost) float64 { return c.cpu.Seconds() }) }

// download fetches the modules, which is not measured.
func (p *compiled) download(ctx context.Context) error {
	_, err := goCommand(ctx, p.module, nil, "list", "-deps", ".")
	return err
}

// measureInTurns builds each program with an empty cache, and then all of them in turn, after edits and without.
func measureInTurns(ctx context.Context, programs []*compiled, status func(string)) (err error) {
	dir, err := os.MkdirTemp("", "compile")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for i, program := range programs {
		status("  compiling " + program.name + " with nothing compiled before")
		program.dir = filepath.Join(dir, fmt.Sprint(i))
		if err := program.buildCold(ctx); err != nil {
			return fmt.Errorf("%s: %w", program.name, err)
		}
	}
	status("  compiling after edits, and without one")
	for i := range repeats {
		for _, program := range inTurn(i, programs...) {
			if err := program.rebuild(ctx); err != nil {
				return fmt.Errorf("%s: %w", program.name, err)
			}
		}
	}
	for _, program := range programs {
		if err := program.undo(ctx, status); err != nil {
			return fmt.Errorf("%s: %w", program.name, err)
		}
	}
	return nil
}

// inTurn returns the programs in another order each time.
func inTurn(time int, programs ...*compiled) []*compiled {
	first := time % len(programs)
	return slices.Concat(programs[first:], programs[:first])
}

// buildCold builds the program with an empty cache.
func (p *compiled) buildCold(ctx context.Context) error {
	if err := p.copyTo(filepath.Join(p.dir, "source")); err != nil {
		return err
	}
	took, err := p.build(ctx)
	p.cold = append(p.cold, took)
	return err
}

// rebuild builds the program after each of its edits, and once more without.
func (p *compiled) rebuild(ctx context.Context) error {
	for _, change := range p.edits {
		took, err := p.buildEdited(ctx, change)
		if err != nil {
			return err
		}
		change.took = append(change.took, took)
	}
	again, err := p.build(ctx)
	p.again = append(p.again, again)
	return err
}

// buildEdited builds the program after an edit.
func (p *compiled) buildEdited(ctx context.Context, change *edit) (cost, error) {
	if err := change.apply(p.module, filepath.Join(p.dir, "source"), p.builds); err != nil {
		return cost{}, err
	}
	return p.build(ctx)
}

// build builds the program like Pulumi; without a buildTarget, into a new file each time.
func (p *compiled) build(ctx context.Context) (cost, error) {
	p.builds++
	executable := filepath.Join(p.dir, "executable")
	took, err := goCommand(ctx, filepath.Join(p.dir, "source"), []string{"GOCACHE=" + filepath.Join(p.dir, "cache")},
		"build", "-o", executable, ".")
	if err != nil {
		return took, err
	}
	built, err := os.Stat(executable)
	if err != nil {
		return took, err
	}
	took.size = float64(built.Size()) / (1 << 20)
	if p.keeps {
		return took, nil
	}
	return took, os.Remove(executable)
}

// copyTo copies the module without its tests.
func (p *compiled) copyTo(dir string) error {
	for _, pattern := range append([]string{"go.mod", "go.sum"}, p.sources...) {
		files, err := filepath.Glob(filepath.Join(p.module, pattern))
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("%s: no such file in %s", pattern, p.module)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			path, err := filepath.Rel(p.module, file)
			if err != nil {
				return err
			}
			to := filepath.Join(dir, path)
			if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, content, 0o600)); err != nil {
				return err
			}
		}
	}
	return nil
}

// apply edits the module's file in its copy in dir, differently each time.
func (e *edit) apply(module, dir string, time int) error {
	content, err := os.ReadFile(filepath.Join(module, e.file))
	if err != nil {
		return err
	}
	if !strings.Contains(string(content), e.text) {
		return fmt.Errorf("%s: does not contain %s, which the edit replaces", e.file, e.text)
	}
	edited := strings.Replace(string(content), e.text, strings.Replace(e.text, `"`, fmt.Sprintf(`"edit %d `, time), 1), 1)
	return os.WriteFile(filepath.Join(dir, e.file), []byte(edited), 0o600)
}

// goCommand runs the go command and returns its cost, including its child processes.
func goCommand(ctx context.Context, dir string, env []string, args ...string) (cost, error) {
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, io.Discard, &stderr
	cmd.Env = append(append(os.Environ(), "GOFLAGS=", "GOWORK=off"), env...)
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return cost{}, fmt.Errorf("go %s: %w\n%s", args[0], err, stderr.String())
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return cost{
		cpu:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		wall: time.Since(start),
		peak: float64(usage.Maxrss) / 1024, // Linux reports KiB, of the largest process waited for
	}, nil
}
