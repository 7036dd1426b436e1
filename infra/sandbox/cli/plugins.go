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

// The plugins that the engine starts are scripts that run these commands: see engine.Prepare.
func pluginCommands() []*cobra.Command {
	return []*cobra.Command{
		{
			Use: "provider PROGRAM [ARGUMENT]...", Hidden: true, DisableFlagParsing: true,
			RunE: func(_ *cobra.Command, args []string) error {
				if err := endWithEngine(); err != nil {
					return err
				}
				return syscall.Exec(args[0], args, os.Environ()) // keeps the parent death signal
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

// endWithEngine makes the kernel kill this process when its parent, the engine, ends. A killed engine cannot stop its plugins,
// and a provider that keeps running would keep changing the cluster.
func endWithEngine() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	if os.Getppid() == 1 { // it has already ended
		return errors.New("the engine has ended")
	}
	return nil
}
