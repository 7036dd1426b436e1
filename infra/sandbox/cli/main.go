//go:build linux

// Package cli is the sandbox: the real Pulumi engine, the real Kubernetes provider, a real Kubernetes control plane, and
// doubles of Azure, of its registries and of Docker Hub. It is built and started by the package above it, with
//
//	go run -C infra/sandbox . up
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Main is the sandbox's command, with the subcommands of other packages. It ends the process.
func Main(more ...Extra) {
	// The first Ctrl-C stops in good order, the second one at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)

	if err := run(ctx, os.Args[1:], more); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, more []Extra) error {
	cmd := commands(more)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return errors.New("interrupted; run the same command again to resume")
	}
	return err
}
