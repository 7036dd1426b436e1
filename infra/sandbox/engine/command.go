//go:build linux

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"example.com/acr-microservices/infra/sandbox/process"
)

// grace is the time for an interrupted engine to end its operations and save the state.
const grace = 30 * time.Second

// pulumi runs a CLI command on the stack. When ctx ends, the CLI is asked to cancel, and killed if that takes too long. It does
// not outlive this process. An error names the operation and has the CLI's own error text.
func (s *Stack) pulumi(ctx context.Context, doing string, args ...string) error {
	var complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, s.Tools.Pulumi, append(args, "--stack", s.Stack, "--non-interactive")...)
	cmd.Dir = ProjectDir(s.Dir)
	cmd.Env = append(slices.Clip(s.env), "PWD="+cmd.Dir)
	cmd.Stderr = &complaint
	if s.Verbose {
		cmd.Stdout, cmd.Stderr = s.Console, io.MultiWriter(&complaint, s.Console)
	}
	// Its own process group shields it from the terminal's Ctrl-C; Cancel sends one signal.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = grace
	err := process.Run(cmd, syscall.SIGKILL)
	switch text := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(complaint.String()), "error: ")); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case text != "":
		return fmt.Errorf("%s: %s", doing, text)
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}

// operate runs an operation of the engine on the stack, and shows its progress. Its error is short if the engine reported the
// reasons.
func (s *Stack) operate(ctx context.Context, short string, args ...string) (Result, error) {
	log := filepath.Join(s.Dir, "events.json")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		return Result{}, err
	}
	defer os.Remove(log)
	w := s.watch(log)
	color := "never"
	if s.Verbose && s.Console.Terminal() {
		color = "always"
	}
	err := s.pulumi(ctx, args[0], append(args, "--suppress-outputs", "--color="+color, "--event-log="+log)...)
	w.end()
	result := Result{Changes: w.changes}
	if err != nil {
		if ctx.Err() == nil && (s.Verbose || len(w.errors) > 0) {
			err = errors.New(short)
		}
		result.Errors = append(slices.Clone(w.errors), err.Error())
	}
	return result, err
}

// CleanEnv drops variables that point Pulumi or a provider outside the sandbox.
func CleanEnv(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "KUBECONFIG" || slices.ContainsFunc([]string{"PULUMI_", "AZURE_", "ARM_", "PK8S_", "HELM_"}, func(prefix string) bool {
			return strings.HasPrefix(name, prefix)
		})
	})
}

// ShellQuote quotes s as one word of a POSIX shell.
func ShellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
