package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// problems is an error of several lines, each of which is shown by itself on the run's page.
type problems []string

func (p problems) Error() string { return strings.Join(p, "\n  ") }

// listed returns an error that lists names, or nil if there are none.
func listed(what string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return fmt.Errorf("%s: %s", what, strings.Join(names, ", "))
}

// problemOf returns the error output of a program that failed.
func problemOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return strings.TrimSpace(string(exit.Stderr))
	}
	return err.Error()
}

// hostCommand matches what a host would execute as a command: ##vso[ and ##[ anywhere in a line, and :: at the beginning of one,
// after white space. To the hosts, a carriage return ends a line, too:
// https://github.com/microsoft/azure-pipelines-agent/blob/master/src/Microsoft.VisualStudio.Services.Agent/Command.cs and
// https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
var hostCommand = regexp.MustCompile(`(?m)((?:^|\r)[\pZ\t-\r\x{85}]*)(::)|(#)(#(?:vso)?\[)`)

// disarmed returns a text in which the host finds no command: the output of a pod, a chart or a Dockerfile must not become one.
func disarmed(text string) string { return hostCommand.ReplaceAllString(text, "$1$3.$2$4") }

// lineWriter hands on the lines that are written to it.
type lineWriter struct {
	line func(string)
	rest []byte
}

func (w *lineWriter) Write(text []byte) (int, error) {
	w.rest = append(w.rest, text...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			return len(text), nil
		}
		w.line(strings.TrimRight(string(line), "\r"))
		w.rest = rest
	}
}

// end hands on the last line, if nothing has ended it.
func (w *lineWriter) end() {
	if len(w.rest) > 0 {
		w.line(string(w.rest))
	}
}

// escapes are those of a terminal's colors.
var escapes = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
