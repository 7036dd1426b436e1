package main

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRunUsage(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"bundle": {"out"},
		"setup": {
			"account", "approver", "builder", "check", "cluster", "issuer", "location", "organization", "project", "pull", "pull-requests", "repository", "services",
			"subscription", "vault",
		},
		"push":       {"builder", "dockerfile", "moving", "out", "service", "source", "stacks", "tag"},
		"run":        {"absent", "log", "stack", "wait"},
		"approval":   {"environment", "without"},
		"image":      {"digest", "out", "repository", "service", "tag"},
		"stack-file": {"as-of", "from", "images", "images-of", "running", "stack", "state"},
		"guard":      {"check", "commit", "files", "save", "stack", "state"},
		"comment":    {"out", "preview", "title"},
		"summary":    {"out", "outputs", "title"},
		"deployed":   {"stack"},
	} {
		var out bytes.Buffer
		require.NoError(t, run([]string{name, "-h"}, &out), name)
		var found []string
		for line := range bytes.Lines(out.Bytes()) {
			if flag, ok := bytes.CutPrefix(line, []byte("  -")); ok {
				found = append(found, string(bytes.Fields(flag)[0]))
			}
		}
		assert.True(t, slices.IsSorted(found), name)
		assert.Equal(t, flags, found, name)
	}
	require.Len(t, commands, 11, "each command is above")
}

func TestRunUnknownFlag(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.EqualError(t, run([]string{"summary", "-titel", "x"}, &out), "flag provided but not defined: -titel")
	require.Contains(t, out.String(), "Usage of pipeline summary:")
	for _, help := range []string{"-h", "--help", "help"} {
		out.Reset()
		require.NoError(t, run([]string{help}, &out))
		require.Contains(t, out.String(), "\n  stack-file  writes the images into a stack's settings\n")
	}
}

func TestRequired(t *testing.T) {
	t.Parallel()
	require.NoError(t, required(nil))
	require.NoError(t, required(map[string]string{"a": "1", "b": "2"}))
	require.EqualError(t, required(map[string]string{"b": "", "c": "3", "a": "", "d": ""}), "missing: -a, -b, -d")
}
