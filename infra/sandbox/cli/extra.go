//go:build linux

package cli

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/progress"
	"example.com/acr-microservices/infra/sandbox/toolchain"
)

// Extra is a subcommand of another package, which works in a sandbox of its own.
type Extra struct {
	Command *cobra.Command
	Name    string // of its sandbox, where --name names none
	Run     func(context.Context, *Place, []string) error
}

// Place is where an [Extra] works.
type Place struct {
	*progress.Console
	Project string // folder of Pulumi.yaml
	sandbox *sandbox
}

// World is a sandbox that runs, empty at first.
type World struct {
	Dir      string            // of its files
	Tools    toolchain.Tools   // what it is made of
	Env      map[string]string // with which the engine finds its services
	Services *daemon.Client
	Info     daemon.Info
}

func (e Extra) command(with func(func(*cobra.Command, *sandbox) error) func(*cobra.Command, []string) error) *cobra.Command {
	e.Command.RunE = func(cmd *cobra.Command, args []string) error {
		return with(func(cmd *cobra.Command, sb *sandbox) error {
			if !cmd.Flags().Changed("name") {
				sb = sb.named(e.Name)
			}
			unlock, err := sb.lock()
			if err != nil {
				return err
			}
			defer unlock()
			return e.Run(cmd.Context(), &Place{Console: sb.Console, Project: sb.project, sandbox: sb}, args)
		})(cmd, args)
	}
	return e.Command
}

// NewWorld starts an empty sandbox that ends with this process, and of which nothing stays. There may be something to end after an
// error, too.
func (p *Place) NewWorld(ctx context.Context) (w World, end func() error, err error) {
	sb := p.sandbox
	if err := os.RemoveAll(sb.dir); err != nil {
		return w, nil, err
	}
	tools, err := sb.buildTools(ctx)
	if err != nil {
		return w, nil, err
	}
	services, _, err := sb.start(ctx, tools, azuredouble.Conditions{})
	if err != nil {
		return w, nil, err
	}
	end = func() error { return errors.Join(sb.release(services), os.RemoveAll(sb.dir)) }
	info, err := services.Info(ctx)
	return World{Dir: sb.dir, Tools: tools, Env: sb.environment(info), Services: services, Info: info}, end, err
}
