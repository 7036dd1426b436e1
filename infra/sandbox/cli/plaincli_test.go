//go:build linux

package cli

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/engine"
	"example.com/acr-microservices/infra/sandbox/progress"
	"example.com/acr-microservices/infra/sandbox/toolchain"
)

// plainCLI is Pulumi's command as a user runs it, on its own stack in the sandbox. It does not use the sandbox's own commands,
// which repair more than plain pulumi does.
type plainCLI struct {
	t       *testing.T
	project string // folder
	stack   string
	env     []string
}

// plain makes a stack with settings.
func (b *box) plain(stack string, s settings) *plainCLI {
	b.t.Helper()
	c := b.unborn(stack)
	c.configure(s)
	c.must("stack", "init")
	return c
}

// unborn returns the command line for a stack that does not exist yet.
func (b *box) unborn(stack string) *plainCLI {
	b.t.Helper()
	c := &plainCLI{t: b.t, project: b.t.TempDir(), stack: stack, env: append(os.Environ(), daemon.Mark(b.dir()), "PULUMI_DEBUG_COMMANDS=true")}
	for name, value := range b.environment() {
		if name == "PATH" {
			value = filepath.Join(b.dir(), "bin") + ":" + os.Getenv("PATH")
		}
		c.env = append(c.env, name+"="+value)
	}
	require.NoError(b.t, engine.Mirror(b.project, c.project, compiledProgram(b.t)))
	return c
}

// compiledProgram returns the path of the compiled program.
func compiledProgram(t *testing.T) string {
	t.Helper()
	source, err := toolchain.NewSource("..", progress.New(io.Discard))
	require.NoError(t, err)
	program, err := source.Program(t.Context())
	require.NoError(t, err)
	return program
}

// configure writes the stack's settings, and keeps pulumi's own entries.
func (c *plainCLI) configure(s settings) {
	c.t.Helper()
	path := filepath.Join(c.project, "Pulumi."+c.stack+".yaml")
	file := settings{}
	if content, err := os.ReadFile(path); err == nil {
		require.NoError(c.t, yaml.Unmarshal(content, &file))
	}
	file["config"] = stackConfig(s)
	content, err := yaml.Marshal(file)
	require.NoError(c.t, err)
	require.NoError(c.t, os.WriteFile(path, content, 0o600))
}

// command returns a pulumi command for the stack.
func (c *plainCLI) command(args ...string) *exec.Cmd {
	args = append(slices.Clone(args), "--non-interactive", "--color", "never", "--stack", c.stack)
	cmd := exec.Command("/bin/sh", append([]string{"-c", `exec pulumi "$@"`, "pulumi"}, args...)...) // finds it in the PATH
	cmd.Dir, cmd.Env = c.project, c.env
	return cmd
}

func (c *plainCLI) run(args ...string) (string, error) {
	out, err := c.command(args...).CombinedOutput()
	if len(out) < 100<<10 { // an engine log does not help
		c.t.Logf("pulumi %s\n%s", strings.Join(args, " "), out)
	}
	return string(out), err
}

func (c *plainCLI) must(args ...string) string {
	c.t.Helper()
	out, err := c.run(args...)
	require.NoError(c.t, err)
	return out
}

// read returns a file of the project folder.
func (c *plainCLI) read(name string) []byte {
	c.t.Helper()
	content, err := os.ReadFile(filepath.Join(c.project, name))
	require.NoError(c.t, err)
	return content
}
