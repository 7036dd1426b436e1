//go:build linux

// Command sandbox runs the whole stack on one machine, without an Azure subscription:
//
//	go run -C infra/sandbox . up
//
// This is only the door. The sandbox itself (package cli) takes minutes to compile the first time, and "go run" would be
// silent about it; so this small program builds it, shows how far it is, and becomes it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"example.com/acr-microservices/infra/sandbox/progress"
	"example.com/acr-microservices/infra/sandbox/toolchain"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	// Progress goes to stderr: what "env" prints is for the shell.
	program, err := toolchain.Program(ctx, ".", filepath.Join(cache, "acr-microservices-sandbox", "tools"), progress.New(os.Stderr))
	if err != nil {
		return err
	}
	return syscall.Exec(program, append([]string{"sandbox"}, os.Args[1:]...), os.Environ())
}
