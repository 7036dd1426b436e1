//go:build linux

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// called runs a command as the command line does, in its own state folder.
func called(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	cmd := commands(nil)
	var stdout, stderr bytes.Buffer
	cmd.SetOut(&stdout)
	cmd.SetErr(&stderr)
	cmd.SetArgs(append([]string{"--project", filepath.Join("..", "..", ".."), "--state", filepath.Join(t.TempDir(), "state")}, args...))
	err = cmd.ExecuteContext(t.Context())
	return stdout.String(), err
}

func TestMistakesAreToldInPlainWords(t *testing.T) {
	for want, args := range map[string][]string{
		`unknown fault "throtled"; use one of azure-throttled-once, `:                             {"faults", "--only", "throtled"},
		`sandbox "default" is not running; start it with: go run -C infra/sandbox . up`:           {"status"},
		`sandbox "two" is not running; start it with: go run -C infra/sandbox . up --name two`:    {"logs", "customerapi", "--name", "two"},
		`sandbox "default" is not running; start it with: go run -C infra/sandbox . up --stack x`: {"down", "--stack", "x"},
		`bench is a program of its own; run it with: go run -C infra/sandbox . bench`:             {"bench"},
		`unknown command "pu" for "sandbox"`:                                                      {"pu"},
		`unknown fault "gone"; use one of throttled, `:                                            {"up", "--fault", "create Registry gone"},
	} {
		_, err := called(t, args...)
		require.ErrorContains(t, err, want)
		assert.Equal(t, 1, exitCode(err))
	}
	assert.Equal(t, exitChanges, exitCode(fmt.Errorf("preview: %w", exit{errors.New("changes"), exitChanges})))
}

func TestWhatThereIsCanBeListed(t *testing.T) {
	out, err := called(t, "faults", "--list")
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^node-gone +Kubernetes: the node is gone$`, out)
	out, err = called(t, "faults", "--list", "--json")
	require.NoError(t, err)
	var faults []struct{ Name, Fault string }
	require.NoError(t, json.Unmarshal([]byte(out), &faults))
	assert.Len(t, faults, len(faultNames()))

	out, err = called(t, "list")
	require.NoError(t, err)
	assert.Contains(t, out, "there are no sandboxes; start one with: go run -C infra/sandbox . up")
	out, err = called(t, "list", "--json")
	require.NoError(t, err)
	assert.JSONEq(t, "[]", out)

	out, err = called(t, "--version")
	require.NoError(t, err)
	assert.Regexp(t, `^sandbox version with Pulumi 3\.\d+\.\d+\n$`, out)
}

// "go run -C" changes the folder before the sandbox starts.
func TestPathsAreThePersons(t *testing.T) {
	from := t.TempDir()
	t.Setenv("PWD", from)
	require.NoError(t, os.WriteFile(filepath.Join(from, "faults.yaml"), []byte("- {on: create, type: Registry, fault: throttled}\n"), 0o600))
	var rules faultRules
	require.NoError(t, (&faultFile{rules: &rules}).Set("faults.yaml"))
	assert.Len(t, rules, 1)
	assert.Equal(t, "/etc/faults.yaml", userPath("/etc/faults.yaml"))
}

// Completion works for the script in the sandbox's bin folder, which sets project and state.
func TestCompletion(t *testing.T) {
	for want, args := range map[string][]string{
		"preview\t":   {"__complete", "pre"},
		"--json\t":    {"__complete", "status", "--j"},
		"node-gone\n": {"__complete", "faults", "--only", ""},
	} {
		out, err := called(t, args...)
		require.NoError(t, err)
		assert.Contains(t, out, want)
	}
	out, err := called(t, "completion", "bash")
	require.NoError(t, err)
	assert.Contains(t, out, "complete -o default -F __start_sandbox sandbox", "as the script is called")
}

// The table of faults is generated from the scenarios, which the fault tests run.
func TestFaultsAreDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("| fault | seen | recovered |\n| --- | --- | --- |\n")
	for _, s := range faultScenarios() {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(outcome{scenario: s}.row()[:3], " | "))
	}
	page := filepath.Join("..", "..", "docs", "faults.md")
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), "<!-- generated: faults -->\n")
	_, after, ended := strings.Cut(rest, "<!-- end -->")
	require.True(t, found && ended)
	want := before + "<!-- generated: faults -->\n" + b.String() + "<!-- end -->" + after
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o644))
		return
	}
	assert.Equal(t, want, string(text), "rewrite it with -update")
}

var documentedCall = regexp.MustCompile("go run -C infra/sandbox \\. ([^\n#;`)]*)")

// The sandbox accepts each of its commands in the documentation.
func TestDocumentedCommandsExist(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	pages, err := filepath.Glob(filepath.Join(root, "infra", "docs", "*.md"))
	require.NoError(t, err)
	calls := 0
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, found := range documentedCall.FindAllStringSubmatch(string(text), -1) {
			args := words(found[1])
			if len(args) == 0 || args[0] == "bench" { // a separate program
				continue
			}
			cmd := commands(nil)
			target, rest, err := cmd.Find(args)
			require.NoError(t, err, "%s: %s", page, found[0])
			require.NotEqual(t, cmd, target, "%s: %s", page, found[0])
			require.NoError(t, target.ParseFlags(rest), "%s: %s", page, found[0])
			require.NoError(t, valid(target), "%s: %s", page, found[0])
			calls++
		}
	}
	assert.Greater(t, calls, 8)
}

func valid(cmd *cobra.Command) error {
	if cmd.Args == nil {
		return nil
	}
	return cmd.Args(cmd, cmd.Flags().Args())
}

// words splits a command line as a shell would, as far as the documentation needs.
func words(line string) []string {
	var args []string
	for _, found := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|(\S+)`).FindAllStringSubmatch(strings.TrimSpace(line), -1) {
		args = append(args, found[1]+found[2]+found[3])
	}
	return args
}
