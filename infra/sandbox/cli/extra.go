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

// Extra is a subcommand of another package, which runs in its own sandbox.
type Extra struct {
	Command *cobra.Command
	Name    string // of its sandbox, unless --name is set
	Run     func(context.Context, *Place, []string) error
}

// Place is where an [Extra] runs.
type Place struct {
	*progress.Console
	Project string // folder of Pulumi.yaml
	sandbox *sandbox
}

// World is a running sandbox, empty at first.
type World struct {
	Dir      string            // of its files
	Tools    toolchain.Tools   // its programs
	Env      map[string]string // for the engine to find its services
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

// NewWorld starts an empty sandbox that ends with this process and leaves nothing behind. After an error, end can be non-nil, too.
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
