//go:build linux

// Command cli is the sandbox: the real Pulumi engine, the real Kubernetes provider, a real Kubernetes control plane, and
// doubles of Azure, of its registries and of Docker Hub. It is built and started by the package above it, with
//
//	go run -C infra/sandbox . up
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// The first Ctrl-C stops in good order, the second one at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)

	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	cmd := commands()
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return errors.New("interrupted; the same command goes on from here")
	}
	return err
}
