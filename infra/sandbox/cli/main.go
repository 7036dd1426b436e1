//go:build linux

// Package cli is the sandbox: the real Pulumi engine, the real Kubernetes provider, a real Kubernetes control plane, and
// doubles of Azure, of its registries and of Docker Hub. The parent package builds and starts it, with
//
//	go run -C infra/sandbox . up
package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"example.com/acr-microservices/infra/sandbox/progress"
)

// Main is the sandbox's command, with the subcommands of other packages. It ends the process.
func Main(more ...Extra) {
	// The first Ctrl-C stops gracefully, the second one at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)

	if err := run(ctx, os.Args[1:], more); err != nil {
		console := progress.New(os.Stderr)
		console.Printf("%s", console.Styled(progress.Failed, "error: "+err.Error()))
		os.Exit(exitCode(err))
	}
}

// exit is an error with its own exit code.
type exit struct {
	error
	code int
}

// exitCode is 1, unless the error has its own code.
func exitCode(err error) int {
	var own exit
	if errors.As(err, &own) {
		return own.code
	}
	return 1
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
