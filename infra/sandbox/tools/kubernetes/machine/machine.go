// Package machine makes a node with a real container runtime, like a separate machine: it is the first process in its own
// process and mount namespaces. When it ends, even by a kill, the kernel removes all processes and mounts of kubelet, the
// runtime, its shims and the containers. It requires root.
package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// NewCommand returns the command "machine", which runs until SIGTERM or until one of its programs ends.
func NewCommand() *cobra.Command {
	var dir, runtime string
	cmd := &cobra.Command{
		Use:   "machine --dir DIR -- PROGRAM [ARG...] [-- PROGRAM [ARG...]]...",
		Short: "Run programs as on a machine of their own; it must be the first process of its namespaces",
		Long: `Run programs as on a machine of their own. It must be the first process of a process and a mount namespace.

DIR is at ` + Dir + ` there, whatever else is below /run is new, and what is written below /var is kept in memory.`,
		Args:          cobra.MinimumNArgs(1),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if os.Getpid() != 1 {
				return errors.New("this is not the first process of its namespace")
			}
			if err := prepare(dir); err != nil {
				return err
			}
			return run(split(args), runtime)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder of the cluster's data")
	cmd.Flags().StringVar(&runtime, "runtime", "", "socket of the first program, a container runtime, for which the others wait; without it, they start at once")
	cobra.CheckErr(cmd.MarkFlagRequired("dir"))
	return cmd
}

// split returns the commands that are separated by "--".
func split(args []string) [][]string {
	var commands [][]string
	for {
		i := slices.Index(args, "--")
		if i < 0 {
			return append(commands, args)
		}
		commands, args = append(commands, args[:i]), args[i+1:]
	}
}

// serves is the time for the container runtime to serve.
const serves = 30 * time.Second

// stopGrace is the time for all processes to end by themselves after SIGTERM. Like a machine that is switched off, the node
// does not notify the cluster: its pods restart with it.
const stopGrace = 4 * time.Second

// run starts the commands and acts as the first process: it waits for orphans.
func run(commands [][]string, runtime string) error {
	var stopping atomic.Bool
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		stopping.Store(true)
		_ = syscall.Kill(-1, syscall.SIGTERM) // all but this one
		time.Sleep(stopGrace)
		os.Exit(0) // and the kernel kills the others
	}()
	programs := map[int]string{}
	for i, args := range commands {
		if i > 0 && runtime != "" {
			if err := await(runtime, serves); err != nil {
				return fmt.Errorf("%s: %w", name(commands[0]), err)
			}
		}
		pid, err := syscall.ForkExec(args[0], args, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		programs[pid] = name(args)
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return nil //nolint:nilerr // there is none left
		case programs[pid] != "" && !stopping.Load():
			return fmt.Errorf("%s has ended: %s", programs[pid], describe(status))
		}
	}
}

// await waits until the container runtime at a socket serves. containerd answers before that, with an error at which kubelet
// would end: "server is not initialized yet". With containers to find again, this lasts.
func await(socket string, limit time.Duration) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		err := version(socket)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// version asks a container runtime for its version, which is what kubelet does first. Each call has a connection of its own,
// because one that has failed waits a second before it tries again.
func version(socket string) error {
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err = cri.NewRuntimeServiceClient(conn).Version(ctx, &cri.VersionRequest{})
	return err
}

// name returns the name of a command's program. Programs in this executable have their name as first argument.
func name(args []string) string {
	if args[0] == "/proc/self/exe" && len(args) > 1 {
		return args[1]
	}
	return filepath.Base(args[0])
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return status.Signal().String()
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}
