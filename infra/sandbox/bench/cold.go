//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"example.com/acr-microservices/infra/sandbox/toolchain"
)

// Cold measures the compilation of the first "up" on a machine, program by program in its order, with one cache that is empty
// at the start. It takes as long as that first "up".
func Cold(ctx context.Context, o Options) (_ []Measure, err error) {
	dir, err := os.MkdirTemp("", "bench-cold-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return cold(ctx, o, dir, toolchain.Commands(filepath.Join(o.Project, "infra", "sandbox")))
}

func cold(ctx context.Context, o Options, dir string, commands []toolchain.Command) ([]Measure, error) {
	var measures []Measure
	var all cost
	for _, c := range commands {
		o.Console.Status("  compiling " + c.Name)
		last := len(c.Args) - 1
		args := slices.Insert(slices.Clone(c.Args), last, "-o", filepath.Join(dir, "program"))
		took, err := goCommand(ctx, c.Module, append(slices.Clone(c.Env), "GOCACHE="+filepath.Join(dir, "cache")), args...)
		if err != nil {
			return measures, fmt.Errorf("%s: %w", c.Name, err)
		}
		all.cpu, all.wall, all.peak = all.cpu+took.cpu, all.wall+took.wall, max(all.peak, took.peak)
		measures = append(measures, Measure{Group: "cold", Name: c.Name + ", CPU", Unit: "s", Ours: took.cpu.Seconds()})
	}
	return append(measures,
		Measure{Group: "cold", Name: "all of the sandbox, CPU", Unit: "s", Ours: all.cpu.Seconds()},
		Measure{Group: "cold", Name: "all of the sandbox, wall", Unit: "s", Ours: all.wall.Seconds()},
		Measure{Group: "cold", Name: "largest process", Unit: "MiB", Ours: all.peak},
	), nil
}
