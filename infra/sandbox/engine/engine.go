// Package engine runs the Pulumi program against a sandbox, through Pulumi's Automation API and the real engine.
package engine

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

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
	Env     map[string]string // what the engine and its providers see besides the user's environment
	Config  map[string]string // configuration for this run, by path: "services.customerapi.image.tag"
	Secrets map[string]string // the same, encrypted
	Program pulumi.RunFunc
	Console *progress.Console
	Verbose bool // shows everything that the engine prints

	// Discard removes what interrupted operations may have left behind outside the stack's state.
	Discard func(ctx context.Context, pending []apitype.OperationV2, known []apitype.ResourceV3) error
}

// Stack is a stack that is ready for updates.
type Stack struct {
	Options
	auto        auto.Stack
	command     *command
	interrupted bool // the last update was killed
}

// Env returns the variables with which any Pulumi program finds the stack that Open keeps in dir.
func Env(dir string) map[string]string {
	return map[string]string{
		"PULUMI_BACKEND_URL":            backend(dir),
		"PULUMI_CONFIG_PASSPHRASE_FILE": filepath.Join(dir, "passphrase"),
		"PULUMI_HOME":                   filepath.Join(dir, "home"),
		// The only plugin is in PULUMI_HOME, and the doubles take the place of the others: nothing is to be found
		// elsewhere.
		"PULUMI_IGNORE_AMBIENT_PLUGINS":               "true",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
		"PULUMI_SKIP_UPDATE_CHECK":                    "true",
		// Charts from repositories are cached beside the rest, and the user's own repositories do not matter.
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
	if err := copyProject(o.Project, ProjectDir(o.Dir), o.Stack); err != nil {
		return nil, err
	}
	// The program and its relative paths expect to be at home in the project, as under "pulumi up".
	if err := os.Chdir(ProjectDir(o.Dir)); err != nil {
		return nil, err
	}
	if err := cleanProcess(o.Env); err != nil {
		return nil, err
	}
	env := Env(o.Dir)
	maps.Copy(env, o.Env)
	mark, dir, _ := strings.Cut(daemon.Mark(o.Dir), "=")
	env[mark] = dir // the engine and its plugins are the sandbox's processes, too
	s := &Stack{Options: o, command: newCommand(o.Tools.Pulumi)}
	var err error
	s.auto, err = auto.UpsertStackInlineSource(ctx, o.Stack, "", o.Program,
		auto.WorkDir(ProjectDir(o.Dir)), auto.Pulumi(s.command), auto.EnvVars(env))
	if err != nil {
		return nil, s.fail(ctx, "open the stack", err)
	}
	if err := s.repair(ctx); err != nil {
		return nil, err
	}
	values := auto.ConfigMap{}
	for key, value := range o.Config {
		values[key] = auto.ConfigValue{Value: value}
	}
	for key, value := range o.Secrets {
		values[key] = auto.ConfigValue{Value: value, Secret: true}
	}
	if len(values) > 0 {
		if err := s.auto.SetAllConfigWithOptions(ctx, values, &auto.ConfigOptions{Path: true}); err != nil {
			return nil, s.fail(ctx, "configure the stack", err)
		}
	}
	err = s.showKeys(ctx)
	return s, err
}

// showKeys puts the keys of the stack's settings where an ordinary program finds them: in the variable from which the
// program tells the ones that nobody knows. An inline program is given values for the keys it asks for, and no more.
func (s *Stack) showKeys(ctx context.Context) error {
	settings, err := s.auto.GetAllConfig(ctx)
	if err != nil {
		return s.fail(ctx, "read the settings", err)
	}
	keys := map[string]string{}
	for key := range settings {
		keys[key] = ""
	}
	text, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	return os.Setenv(pulumi.EnvConfig, string(text))
}

// cleanProcess gives this process the environment that a program started by the engine would have: an inline program, and
// the SDK in it, look for the cluster and for settings of the providers there, and must not find the user's own.
func cleanProcess(env map[string]string) error {
	all := os.Environ()
	kept := CleanEnv(all)
	for _, v := range all {
		if !slices.Contains(kept, v) {
			name, _, _ := strings.Cut(v, "=")
			if err := os.Unsetenv(name); err != nil {
				return err
			}
		}
	}
	for name, value := range env {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

// Prepare makes what the engine finds through Env.
func Prepare(dir string, tools toolchain.Tools) error {
	plugin := filepath.Join(dir, "home", "plugins", "resource-kubernetes-v"+toolchain.ProviderVersion)
	for _, dir := range []string{filepath.Join(dir, "pulumi"), plugin} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := symlink(tools.Provider, filepath.Join(plugin, "pulumi-resource-kubernetes")); err != nil {
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

// Result is what an update has done.
type Result struct {
	Changes []Change
	Outputs auto.OutputMap
	Errors  []string // what was said about a failure
}

// Up brings the stack to what the program declares. With refresh, it first looks at what exists.
func (s *Stack) Up(ctx context.Context, refresh bool) (Result, error) {
	w := s.watch()
	options := []optup.Option{
		optup.EventStreams(w.events), optup.ProgressStreams(s.output()...),
		optup.Color(s.color()), optup.SuppressOutputs(), optup.ShowSecrets(false),
	}
	if refresh {
		options = append(options, optup.Refresh())
	}
	up, err := s.auto.Up(ctx, options...)
	changes := w.end()
	if err != nil {
		err = w.explain(ctx, "the update has failed", s.fail(ctx, "update", err))
		return Result{Changes: changes, Errors: append(w.errors, err.Error())}, err
	}
	return Result{Changes: changes, Outputs: up.Outputs}, nil
}

// Preview tells what Up would do.
func (s *Stack) Preview(ctx context.Context) (Result, error) {
	w := s.watch()
	_, err := s.auto.Preview(ctx, optpreview.EventStreams(w.events), optpreview.ProgressStreams(s.output()...),
		optpreview.Color(s.color()), optpreview.SuppressOutputs())
	changes := w.end()
	if err != nil {
		return Result{}, w.explain(ctx, "the preview has failed", s.fail(ctx, "preview", err))
	}
	return Result{Changes: changes}, nil
}

// Destroy deletes all resources of the stack, and then the stack.
func (s *Stack) Destroy(ctx context.Context) (Result, error) {
	w := s.watch()
	options := []optdestroy.Option{
		optdestroy.EventStreams(w.events), optdestroy.ProgressStreams(s.output()...),
		optdestroy.Color(s.color()), optdestroy.SuppressOutputs(), optdestroy.ShowSecrets(false),
	}
	if s.interrupted {
		// Helm refuses to remove a release that it had just removed when the engine died.
		options = append(options, optdestroy.Refresh())
	}
	_, err := s.auto.Destroy(ctx, options...)
	changes := w.end()
	if err != nil {
		return Result{}, w.explain(ctx, "the destruction has failed", s.fail(ctx, "destroy", err))
	}
	if err := s.auto.Workspace().RemoveStack(ctx, s.auto.Name()); err != nil {
		return Result{}, s.fail(ctx, "remove the stack", err)
	}
	return Result{Changes: changes}, nil
}

// Resources returns the resources in the stack's state.
func (s *Stack) Resources(ctx context.Context) ([]apitype.ResourceV3, error) {
	_, deployment, err := s.export(ctx)
	return deployment.Resources, err
}

func (s *Stack) export(ctx context.Context) (raw apitype.UntypedDeployment, d apitype.DeploymentV3, err error) {
	if raw, err = s.auto.Export(ctx); err != nil {
		return raw, d, s.fail(ctx, "export the state", err)
	}
	if err = json.Unmarshal(raw.Deployment, &d); err != nil {
		err = fmt.Errorf("state of the stack: %w", err)
	}
	return raw, d, err
}

// checkpoints returns the files with the states of all stacks in dir.
func checkpoints(dir string) ([]string, error) {
	return filepath.Glob(filepath.Join(dir, "pulumi", ".pulumi", "stacks", "*", "*.json"))
}

// Names returns the names of all stacks in dir.
func Names(dir string) ([]string, error) {
	files, err := checkpoints(dir)
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	return names, err
}

// resourcesOfAll returns the resources in the states of all stacks in dir.
func resourcesOfAll(dir string) ([]apitype.ResourceV3, error) {
	files, err := checkpoints(dir)
	if err != nil {
		return nil, err
	}
	var all []apitype.ResourceV3
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var state struct {
			Checkpoint struct {
				Latest struct {
					Resources []apitype.ResourceV3 `json:"resources"`
				} `json:"latest"`
			} `json:"checkpoint"`
		}
		if err := json.Unmarshal(content, &state); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, state.Checkpoint.Latest.Resources...)
	}
	return all, nil
}

// backend is where the state is. The backend would write a file of attributes beside each checkpoint, and not in one go: a
// kill in between makes the whole state unreadable ("failed to load checkpoint: EOF").
func backend(dir string) string {
	return (&url.URL{Scheme: "file", Path: filepath.Join(dir, "pulumi"), RawQuery: "metadata=skip"}).String()
}

// repair makes the stack usable after an update that was killed: it removes the lock that the update has left, as a person
// would by "pulumi cancel". It discards what the killed one may have made without noting it: whoever runs "pulumi refresh" is
// asked about that, and doing it unasked is safe in a sandbox only. It does not refresh the state before an update: where
// Helm was killed at an upgrade, that would read the revision which never came to be, and leave nothing to update.
func (s *Stack) repair(ctx context.Context) error {
	locks, err := filepath.Glob(filepath.Join(s.Dir, "pulumi", ".pulumi", "locks", "*", "*", "*", "*"))
	if err != nil {
		return err
	}
	if len(locks) > 0 {
		s.interrupted = true
		s.Console.Printf("  the last update was interrupted: removing its lock")
		if err := s.auto.Cancel(ctx); err != nil {
			return s.fail(ctx, "remove the lock", err)
		}
	}
	raw, deployment, err := s.export(ctx)
	if err != nil || len(deployment.PendingOperations) == 0 {
		return err
	}
	s.interrupted = true
	for _, op := range deployment.PendingOperations {
		s.Console.Printf("  the last update was interrupted while %s %s", op.Type, op.Resource.URN.Name())
	}
	known, err := resourcesOfAll(s.Dir)
	if err != nil {
		return fmt.Errorf("repair after an interrupted update: %w", err)
	}
	if err := s.Discard(ctx, deployment.PendingOperations, append(known, deployment.Resources...)); err != nil {
		return fmt.Errorf("repair after an interrupted update: %w", err)
	}
	// Importing a state drops its pending operations.
	if err := s.auto.Import(ctx, raw); err != nil {
		return s.fail(ctx, "repair the state", err)
	}
	return nil
}

// fail turns an error of the Automation API, which contains all that the CLI has printed, into what a person needs.
func (s *Stack) fail(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if text := s.command.complaint(); text != "" {
		return fmt.Errorf("%s: %s", doing, text)
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("%s: %s", doing, first)
}

func (s *Stack) output() []io.Writer {
	if s.Verbose {
		return []io.Writer{s.Console}
	}
	return nil
}

func (s *Stack) color() string {
	if s.Verbose && s.Console.Terminal() {
		return "always"
	}
	return "never"
}

func (s *Stack) watch() *watcher {
	w := &watcher{
		console: s.Console, quiet: s.Verbose,
		events: make(chan events.EngineEvent), stop: make(chan struct{}), done: make(chan struct{}),
		started: map[string]time.Time{},
	}
	go w.run()
	return w
}

// ReadOutputs returns the outputs of the stack kept in dir as JSON values, secrets masked, without opening it. A stack
// that was never updated has none.
func ReadOutputs(ctx context.Context, dir, stack, pulumi string) (map[string]any, error) {
	var env []string
	for name, value := range Env(dir) {
		env = append(env, name+"="+value)
	}
	c := newCommand(pulumi)
	out, _, _, err := c.Run(ctx, ProjectDir(dir), nil, nil, nil, env, "stack", "output", "--json", "--stack", stack)
	if err != nil {
		return nil, fmt.Errorf("outputs of the stack: %s", c.complaint())
	}
	var outputs map[string]any
	if err := json.Unmarshal([]byte(out), &outputs); err != nil {
		return nil, fmt.Errorf("outputs of the stack: %w", err)
	}
	return outputs, nil
}
