//go:build linux

// Command sandbox runs the whole stack on one machine, without an Azure subscription:
//
//	go run -C infra/sandbox . up
//
// This is only a launcher. The sandbox itself (package cli) takes minutes to compile the first time, and "go run" shows no
// progress. This small program builds it, shows the progress, and executes it.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"example.com/acr-microservices/infra/sandbox/progress"
	"example.com/acr-microservices/infra/sandbox/toolchain"
)

func main() {
	if err := run(); err != nil {
		console := progress.New(os.Stderr)
		console.Printf("%s", console.Styled(progress.Failed, "error: "+err.Error()))
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// Progress goes to stderr: the shell reads "env" from stdout.
	source, err := toolchain.NewSource(".", progress.New(os.Stderr))
	if err != nil {
		return err
	}
	args := os.Args[1:]
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	if slices.Contains([]string{"up", "preview", "faults", "bench"}, command) {
		var installed toolchain.Installed
		if !slices.Contains(args, "--"+toolchain.UseInstalled+"=false") {
			installed = toolchain.FindInstalled(ctx)
		}
		if err := source.Prepare(ctx, installed); err != nil {
			return err
		}
	}
	build := source.Sandbox
	if command == "bench" { // has more dependencies, in its own module
		build = source.Benchmark
	}
	program, err := build(ctx)
	if err != nil {
		return err
	}
	return syscall.Exec(program, append([]string{filepath.Base(program)}, args...), os.Environ())
}
