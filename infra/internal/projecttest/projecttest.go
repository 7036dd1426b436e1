// Package projecttest reads the project's files for tests: stack files, golden files, the documentation, and, through the go
// command, the source.
package projecttest

import (
	"context"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/encoding"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/stretchr/testify/require"
)

// Update is the flag that makes tests rewrite the files with which they compare.
var Update = flag.Bool("update", false, "rewrite the golden files")

// Names of the project and the stack in tests.
const (
	Project   = "acr-microservices"
	StackName = "dev"
)

// Stack is a stack's configuration as `pulumi up` hands it to the program: scalars bare, objects as JSON, encrypted
// leaves in plain text with their top-level key marked.
type Stack struct {
	Config     map[string]string
	SecretKeys []string
}

// ReadStack reads a file like Pulumi.dev.yaml. A leaf {secure: text} stands for an encrypted one.
func ReadStack(t testing.TB, path string) Stack {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return ParseStack(t, text)
}

// ParseStack does the same with the file's content. It uses the same YAML library as Pulumi, so that YAML changes values in tests
// as it does for the program.
func ParseStack(t testing.TB, text []byte) Stack {
	t.Helper()
	stack, err := LoadStack(text)
	require.NoError(t, err)
	return stack
}

// LoadStack does the same, but returns an error for a text that is not a stack file.
func LoadStack(text []byte) (Stack, error) {
	stack := Stack{Config: map[string]string{}}
	file, err := workspace.LoadProjectStackBytes(nil, &workspace.Project{Name: Project}, text, "Pulumi."+StackName+".yaml", encoding.YAML)
	if err != nil {
		return stack, err
	}
	plain, err := file.Config.Decrypt(openSafe{})
	if err != nil {
		return stack, err
	}
	for key, value := range plain {
		stack.Config[key.String()] = value
		if file.Config[key].Secure() {
			stack.SecretKeys = append(stack.SecretKeys, key.String())
		}
	}
	return stack, nil
}

// openSafe treats the text of a leaf {secure: text} as the secret itself.
type openSafe struct{}

func (openSafe) DecryptValue(_ context.Context, text string) (string, error) { return text, nil }

func (openSafe) BatchDecrypt(_ context.Context, texts []string) ([]string, error) { return texts, nil }

// Settings returns the project's own settings, and which of them are secret.
func (s Stack) Settings() (settings map[string]string, secret map[string]bool) {
	settings, secret = map[string]string{}, map[string]bool{}
	for key, value := range s.Config {
		if name, ours := strings.CutPrefix(key, Project+":"); ours {
			settings[name] = value
			secret[name] = slices.Contains(s.SecretKeys, key)
		}
	}
	return settings, secret
}

// Around returns the settings of other namespaces.
func (s Stack) Around() map[string]string {
	around := maps.Clone(s.Config)
	maps.DeleteFunc(around, func(key, _ string) bool { return strings.HasPrefix(key, Project+":") })
	return around
}

// Golden compares a text with a golden file below testdata.
func Golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *Update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "rewrite with -update")
}

// Generated compares a file of the project with its generated content.
func Generated(t *testing.T, path, want string) {
	t.Helper()
	if *Update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644)) //nolint:gosec // G306: a file of the checkout
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "%s is out of date; rewrite it with -update", path)
}

// GeneratedPart does the same for the part of a document between two comments, "<!-- generated: name -->" and "<!-- end -->".
func GeneratedPart(t *testing.T, path, name, want string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), "<!-- generated: "+name+" -->\n")
	_, after, ended := strings.Cut(rest, "<!-- end -->")
	require.True(t, found && ended, "%s has no place for the generated %s", path, name)
	Generated(t, path, before+"<!-- generated: "+name+" -->\n"+want+"<!-- end -->"+after)
}

// section returns a document's text below a heading, to the next one.
func section(t *testing.T, path, heading string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	_, section, found := strings.Cut("\n"+string(text), "\n"+heading+"\n")
	require.True(t, found, heading)
	return regexp.MustCompile("\n##+ ").Split(section, 2)[0]
}

// FirstColumn returns the first column of a section's table, for rows that begin with code quotes.
func FirstColumn(t *testing.T, path, heading string) []string {
	t.Helper()
	var column []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section(t, path, heading), -1) {
		column = append(column, row[1])
	}
	return column
}

// GoOutput returns the lines that the go command writes, in the folder of the test's package.
func GoOutput(t testing.TB, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", args...).Output()
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
