//go:build linux

package cli

import (
	"errors"
	"os"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"example.com/acr-microservices/infra/sandbox/languagegodouble"
)

// The plugins that the engine starts are scripts, which become these commands: see engine.Prepare.
func pluginCommands() []*cobra.Command {
	return []*cobra.Command{
		{
			Use: "provider PROGRAM [ARGUMENT]...", Hidden: true, DisableFlagParsing: true,
			RunE: func(_ *cobra.Command, args []string) error {
				if err := endWithEngine(); err != nil {
					return err
				}
				return syscall.Exec(args[0], args, os.Environ()) // which keeps the parent death signal
			},
		},
		{
			Use: "language-host [ARGUMENT]...", Hidden: true, DisableFlagParsing: true,
			RunE: func(cmd *cobra.Command, args []string) error {
				if err := endWithEngine(); err != nil {
					return err
				}
				return languagegodouble.Serve(cmd.Context(), args)
			},
		},
	}
}

// endWithEngine has this process killed when the engine that has started it ends. An engine that is killed cannot end its plugins
// any more, and a provider that goes on alone would go on changing the cluster.
func endWithEngine() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	if os.Getppid() == 1 { // it has ended already
		return errors.New("the engine has ended")
	}
	return nil
}
