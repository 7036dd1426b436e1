package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// runCommand runs pulumi, or another program, as the run's identity. It hides secrets in the output, shows errors on the run's
// page, and waits for a lock that another run holds.
func runCommand(flags *flag.FlagSet) func(io.Writer) error {
	stack := flags.String("stack", "", "stack whose secrets are hidden; leave it out if the stack does not exist yet")
	log := flags.String("log", "", "file for the output, without secrets")
	absent := flags.String("absent", "", "file for a note that the stack does not exist, which is then no error")
	wait := flags.Duration("wait", 10*time.Minute, "how long to wait for another run's lock on the stack")
	return func(out io.Writer) error {
		if flags.NArg() == 0 {
			return errors.New("the program to run is missing: -- pulumi up …")
		}
		stop, err := hostOf(os.Getenv).signIn()
		if err != nil {
			return err
		}
		defer stop()
		var secrets []string
		var plain string
		if *stack != "" {
			if secrets, plain, err = stackSecrets(*stack); err != nil {
				return err
			}
		}
		if *log != "" {
			file, err := os.Create(*log)
			if err != nil {
				return err
			}
			defer file.Close()
			out = io.MultiWriter(out, file)
		}
		const pause = 20 * time.Second
		for until := time.Now().Add(*wait); ; time.Sleep(pause) {
			said, err := runMasked(out, newMasker(secrets, plain), flags.Args())
			if err == nil {
				return nil
			}
			if *absent != "" && said.absent {
				fmt.Fprintln(out, notDeployed)
				return errors.Join(os.MkdirAll(filepath.Dir(*absent), 0o750), os.WriteFile(*absent, []byte(notDeployed+"\n"), 0o600))
			}
			if !said.locked || time.Now().Add(pause).After(until) {
				return said.explain(*stack, err)
			}
			fmt.Fprintln(out, "another run holds the lock on the stack: waiting for it")
		}
	}
}

// stackSecrets returns the secrets of a stack's state. They do not leave this process.
func stackSecrets(stack string) (secrets []string, plain string, err error) {
	var problem bytes.Buffer
	export := exec.Command("pulumi", "stack", "export", "--show-secrets", "--stack", stack)
	export.Stderr = &problem
	state, err := export.Output()
	if err != nil {
		return nil, "", fmt.Errorf("pulumi stack export: %w: %s", err, strings.TrimSpace(problem.String()))
	}
	return secretsOf(state)
}

// runMasked runs a program and returns what its output said.
func runMasked(out io.Writer, hide *masker, args []string) (said, error) {
	command := exec.Command(args[0], args[1:]...)
	// The program gets its own process group: to the engine, a second interrupt means "stop at once", so it must get the host's
	// interrupt only once.
	ownGroup(command)
	var text said
	output := &lineWriter{line: func(line string) {
		if shown, ok := hide.line(line); ok {
			fmt.Fprintln(out, disarmed(shown))
			text.add(escapes.ReplaceAllString(shown, ""))
		}
	}}
	command.Stdout, command.Stderr = output, output
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupts)
	if err := command.Start(); err != nil {
		return said{}, err
	}
	go func() {
		if _, ok := <-interrupts; ok {
			_ = command.Process.Signal(os.Interrupt)
		}
	}()
	err := command.Wait()
	output.end()
	return text, err
}

// notDeployed takes the place of a preview. The identity of pull requests cannot create a stack.
const notDeployed = "not deployed yet, nothing to preview"

// said is what the output of a program said.
type said struct {
	errors   []string // one for each problem
	absent   bool     // there is no such stack
	locked   bool
	violated bool
	listing  bool // the lines of a list of problems follow
}

var (
	// Pulumi's own words, of a state without the stack, and of an empty state to which the identity cannot write:
	// https://github.com/pulumi/pulumi/blob/master/pkg/backend/backenderr/backenderr.go, .../pkg/backend/diy/meta.go
	absentWords = regexp.MustCompile(`no stack named '[^']*' found|write "\.pulumi/meta\.yaml"`)
	// Pulumi's own words, of a backend in a storage account and of Pulumi Cloud:
	// https://github.com/pulumi/pulumi/blob/master/pkg/backend/diy/lock.go, .../backenderr
	lockWords    = regexp.MustCompile(`the stack is currently locked by|Another update is currently in progress`)
	errorLine    = regexp.MustCompile(`^\s*(?:\S+ \([^)]*\): )?error: (.+)$`)
	problemsLine = regexp.MustCompile(`configuration has \d+ problems:$`)
	emptyError   = regexp.MustCompile(`^(update|preview|destroy) failed$|^an unhandled error occurred|^failed to (load|run) the`)
)

func (s *said) add(line string) {
	s.absent = s.absent || absentWords.MatchString(line)
	s.locked = s.locked || lockWords.MatchString(line)
	s.violated = s.violated || strings.Contains(line, "violates plan")
	match := errorLine.FindStringSubmatch(line)
	switch {
	case problemsLine.MatchString(line):
		s.listing = true
		return
	case match != nil:
		s.listing = false
		s.note(match[1])
	case s.listing && strings.HasPrefix(line, " ") && strings.Contains(line, ": "):
		s.note(strings.TrimSpace(line))
	default:
		s.listing = false
	}
}

func (s *said) note(problem string) {
	if !slices.Contains(s.errors, problem) && !emptyError.MatchString(problem) {
		s.errors = append(s.errors, problem)
	}
}

// explain returns the error of a program that has failed, with what to do about it.
func (s said) explain(stack string, err error) error {
	found := problems(slices.Clone(s.errors))
	switch {
	case s.locked:
		found = append(found, "the stack is locked: wait for the other run to end and start a new one; if no other run uses it, a run was killed: remove its lock with "+
			"`pulumi cancel --stack "+stack+"`")
	case s.violated:
		found = append(found, "the resources have changed since the preview: start a new run of the pipeline, which previews them again")
	case len(found) == 0:
		// https://github.com/pulumi/pulumi/issues/16670
		found = append(found, "pulumi failed without an error message. With a plan, this means that an output of the stack differs from the plan's, "+
			"and the resources are updated: start a new run of the pipeline, which previews what is left")
	}
	if !s.locked && !s.violated && len(s.errors) > 0 {
		return found
	}
	return append(found, err.Error())
}
