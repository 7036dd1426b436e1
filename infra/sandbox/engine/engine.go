//go:build linux

// Package engine runs the Pulumi program against a sandbox as a user or a pipeline would: with the Pulumi CLI, which starts the
// compiled program through a language host.
package engine

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/progress"
	"example.com/acr-microservices/infra/sandbox/toolchain"
)

// Options say which stack is run and with what.
type Options struct {
	Project string            // the folder of Pulumi.yaml
	Dir     string            // where the stack's state, its copy of the project and Pulumi's own files are kept
	Stack   string            // the stack's name: its settings are in Pulumi.<Stack>.yaml
	Tools   toolchain.Tools   // the engine and the Kubernetes provider
	Program string            // the compiled program; empty where it is not run
	Env     map[string]string // additional environment of the engine and its providers
	Config  map[string]string // configuration for this run, by path: "services.customerapi.image.tag"
	Secrets map[string]string // the same, encrypted
	Console *progress.Console
	Verbose bool // shows everything that the engine prints

	// Discard removes what interrupted operations may have left behind outside the stack's state.
	Discard func(ctx context.Context, pending []apitype.OperationV2, known []apitype.ResourceV3) error
}

// Stack is a stack that is ready for updates.
type Stack struct {
	Options
	env         []string // of the CLI
	interrupted bool     // the last update was killed
}

// Env returns the variables with which any Pulumi program finds the stack that Open keeps in dir.
func Env(dir string) map[string]string {
	return map[string]string{
		"PULUMI_BACKEND_URL":            backend(dir),
		"PULUMI_CONFIG_PASSPHRASE_FILE": filepath.Join(dir, "passphrase"),
		"PULUMI_HOME":                   filepath.Join(dir, "home"),
		// The plugins are in PULUMI_HOME, and doubles replace the others: nothing must be found elsewhere.
		"PULUMI_IGNORE_AMBIENT_PLUGINS":               "true",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
		"PULUMI_SKIP_UPDATE_CHECK":                    "true",
		// Charts from repositories are cached here, and the user's own repositories are ignored.
		"HELM_CACHE_HOME":  filepath.Join(dir, "helm"),
		"HELM_CONFIG_HOME": filepath.Join(dir, "helm"),
		"HELM_DATA_HOME":   filepath.Join(dir, "helm"),
	}
}

// ProjectDir is the folder below dir from which Pulumi runs.
func ProjectDir(dir string) string { return filepath.Join(dir, "project") }

// Open creates the stack or finds it, and repairs it if its last update was killed.
func Open(ctx context.Context, o Options) (*Stack, error) {
	if err := Prepare(o.Dir, o.Tools); err != nil {
		return nil, err
	}
	if err := copyProject(o.Project, ProjectDir(o.Dir), o.Stack, o.Program); err != nil {
		return nil, err
	}
	s := &Stack{Options: o, env: append(CleanEnv(os.Environ()), daemon.Mark(o.Dir), "PULUMI_DEBUG_COMMANDS=true")} // for --event-log
	for _, env := range []map[string]string{Env(o.Dir), o.Env} {
		for name, value := range env {
			s.env = append(s.env, name+"="+value)
		}
	}
	state, err := s.state()
	switch {
	case err != nil:
		return nil, err
	case state == nil:
		if err := s.pulumi(ctx, "create the stack", "stack", "init", "--no-select"); err != nil {
			return nil, err
		}
	default:
		if err := s.repair(ctx, state.Deployment); err != nil {
			return nil, err
		}
	}
	err = s.configure(ctx)
	return s, err
}

// configure adds the settings for this run to those of the project.
func (s *Stack) configure(ctx context.Context) error {
	if len(s.Config)+len(s.Secrets) == 0 {
		return nil
	}
	args := []string{"config", "set-all", "--path"}
	for _, key := range slices.Sorted(maps.Keys(s.Config)) {
		args = append(args, "--plaintext", key+"="+s.Config[key])
	}
	for _, key := range slices.Sorted(maps.Keys(s.Secrets)) {
		args = append(args, "--secret", key+"="+s.Secrets[key])
	}
	return s.pulumi(ctx, "configure the stack", args...)
}

// Prepare creates the files that Env refers to.
func Prepare(dir string, tools toolchain.Tools) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// Both end with their engine, even if it is killed: see plugins.go of the command.
	for plugin, command := range map[string]string{
		"resource-kubernetes-v" + toolchain.PluginVersion + "/pulumi-resource-kubernetes": "provider " + ShellQuote(tools.Provider),
		"language-go-v" + toolchain.PulumiVersion + "/pulumi-language-go":                 "language-host",
	} {
		if err := WriteScript(filepath.Join(dir, "home", "plugins", plugin), ShellQuote(self)+" "+command); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "pulumi"), 0o700); err != nil {
		return err
	}
	passphrase, err := os.OpenFile(filepath.Join(dir, "passphrase"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	_, err = passphrase.WriteString(rand.Text())
	return errors.Join(err, passphrase.Close())
}

// WriteScript writes a script that executes the command, with the script's arguments appended.
func WriteScript(path, command string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	script := "#!/bin/sh\nexec " + command + " \"$@\"\n"
	// Not in place: a running shell would continue in the new text.
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte(script), 0o700); err != nil { //nolint:gosec // a program, and its owner's alone
		return err
	}
	return os.Rename(temp, path)
}

// Result is what an update has done.
type Result struct {
	Changes []Change
	Errors  []string // messages about a failure
}

// Up applies the program to the stack. With refresh, it first reads the existing resources.
func (s *Stack) Up(ctx context.Context, refresh bool) (Result, error) {
	args := []string{"up", "--yes", "--skip-preview"}
	if refresh {
		args = append(args, "--refresh")
	}
	return s.operate(ctx, "the update has failed", args...)
}

// Preview shows what Up would do.
func (s *Stack) Preview(ctx context.Context) (Result, error) {
	return s.operate(ctx, "the preview has failed", "preview")
}

// Destroy deletes all resources of the stack, and then the stack.
func (s *Stack) Destroy(ctx context.Context) (Result, error) {
	args := []string{"destroy", "--yes", "--skip-preview", "--remove"}
	if s.interrupted {
		// Helm refuses to remove a release that it had just removed when the engine died.
		args = append(args, "--refresh")
	}
	return s.operate(ctx, "destroy failed", args...)
}

// Unprotect lets Destroy delete protected resources.
func (s *Stack) Unprotect(ctx context.Context) error {
	resources, err := s.Resources()
	if err != nil || !slices.ContainsFunc(resources, func(r apitype.ResourceV3) bool { return r.Protect }) {
		return err
	}
	s.Console.Printf("  the registry of stack %q is protected: unprotecting it, because the whole sandbox is deleted", s.Stack)
	return s.pulumi(ctx, "unprotect", "state", "unprotect", "--all", "--yes")
}

// Resources returns the resources in the stack's state.
func (s *Stack) Resources() ([]apitype.ResourceV3, error) {
	state, err := s.state()
	if err != nil || state == nil {
		return nil, err
	}
	return state.Deployment.Resources, nil
}

// state returns the stack's state, nil if there is no such stack.
func (s *Stack) state() (*State, error) {
	states, err := States(s.Dir)
	i := slices.IndexFunc(states, func(state State) bool { return state.Stack == s.Stack })
	if err != nil || i < 0 {
		return nil, err
	}
	return &states[i], nil
}

// backend is the state's URL. By default, the backend writes an attribute file beside each checkpoint, not atomically: a kill
// in between makes the whole state unreadable ("failed to load checkpoint: EOF").
func backend(dir string) string {
	return (&url.URL{Scheme: "file", Path: filepath.Join(dir, "pulumi"), RawQuery: "metadata=skip"}).String()
}

// repair makes the stack usable after a killed update: it removes the update's lock, like "pulumi cancel". It discards
// resources that the update may have created without recording them: "pulumi refresh" asks the user about these, and only in a
// sandbox is it safe not to ask. It does not refresh the whole state before an update: if Helm was killed at an upgrade, that would
// read the revision that was never deployed, and leave nothing to update. It refreshes only what was being deleted in Entra.
func (s *Stack) repair(ctx context.Context, deployment apitype.DeploymentV3) error {
	locks, err := filepath.Glob(filepath.Join(s.Dir, "pulumi", ".pulumi", "locks", "*", "*", "*", "*"))
	if err != nil {
		return err
	}
	if len(locks) > 0 {
		s.interrupted = true
		s.Console.Printf("  the last update was interrupted: removing its lock")
		if err := s.pulumi(ctx, "remove the lock", "cancel", "--yes"); err != nil {
			return err
		}
	}
	if len(deployment.PendingOperations) == 0 {
		return nil
	}
	s.interrupted = true
	for _, op := range deployment.PendingOperations {
		s.Console.Printf("  the last update was interrupted while %s %s", op.Type, op.Resource.URN.Name())
	}
	known, err := Known(s.Dir)
	if err != nil {
		return fmt.Errorf("repair after an interrupted update: %w", err)
	}
	if err := s.Discard(ctx, deployment.PendingOperations, known); err != nil {
		return fmt.Errorf("repair after an interrupted update: %w", err)
	}
	// Importing a state drops its pending operations.
	exported := filepath.Join(s.Dir, "exported.json")
	defer os.Remove(exported)
	for _, step := range []string{"export", "import"} {
		if err := s.pulumi(ctx, "repair the state", "stack", step, "--file", exported); err != nil {
			return err
		}
	}
	// The provider azuread fails to delete what no longer exists.
	for _, op := range deployment.PendingOperations {
		if op.Type == apitype.OperationTypeDeleting && strings.HasPrefix(string(op.Resource.Type), "azuread:") {
			if err := s.pulumi(ctx, "refresh "+op.Resource.URN.Name(), "refresh", "--yes", "--skip-preview", "--target", string(op.Resource.URN)); err != nil {
				return err
			}
		}
	}
	return nil
}

// State is the state of a stack.
type State struct {
	Stack      string
	Deployment apitype.DeploymentV3
	Size       int // in bytes
}

// States returns the states of all stacks in dir.
func States(dir string) ([]State, error) {
	files, err := filepath.Glob(filepath.Join(dir, "pulumi", ".pulumi", "stacks", "*", "*.json"))
	if err != nil {
		return nil, err
	}
	var states []State
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var checkpoint struct {
			Checkpoint struct{ Latest apitype.DeploymentV3 }
		}
		if err := json.Unmarshal(content, &checkpoint); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		name := filepath.Base(file)
		states = append(states, State{Stack: name[:len(name)-len(".json")], Deployment: checkpoint.Checkpoint.Latest, Size: len(content)})
	}
	return states, nil
}

// Known returns the resources in the states of all stacks in dir.
func Known(dir string) ([]apitype.ResourceV3, error) {
	states, err := States(dir)
	var all []apitype.ResourceV3
	for _, state := range states {
		all = append(all, state.Deployment.Resources...)
	}
	return all, err
}

// Outputs returns the outputs of a stack in dir, secrets masked. A stack that was never updated has none.
func Outputs(dir, stack string) (map[string]any, error) {
	states, err := States(dir)
	for _, state := range states {
		for _, r := range state.Deployment.Resources {
			if state.Stack == stack && r.Type == "pulumi:pulumi:Stack" {
				outputs, _ := mask(r.Outputs).(map[string]any)
				return outputs, err
			}
		}
	}
	return nil, err
}

// signature is the key that marks a secret in a state.
const signature = "4dabf18193072939515e22adb298388d"

func mask(value any) any {
	switch value := value.(type) {
	case map[string]any:
		if value[signature] != nil {
			return "[secret]"
		}
		masked := map[string]any{}
		for key, item := range value {
			masked[key] = mask(item)
		}
		return masked
	case []any:
		masked := make([]any, len(value))
		for i, item := range value {
			masked[i] = mask(item)
		}
		return masked
	}
	return value
}
