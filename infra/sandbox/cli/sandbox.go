//go:build linux

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/engine"
	"example.com/acr-microservices/infra/sandbox/filelock"
	"example.com/acr-microservices/infra/sandbox/progress"
	"example.com/acr-microservices/infra/sandbox/toolchain"
)

// sandbox is one named sandbox: its files, and its processes while it runs.
type sandbox struct {
	*progress.Console
	name    string
	stack   string
	project string    // folder of Pulumi.yaml
	json    io.Writer // where a command writes its JSON report; nil for text output
	dir     string    // folder of all the sandbox's files
	cache   string    // folder shared by all sandboxes
	attach  string    // providers that the engine attaches to, as "name:port,…"; empty: the doubles

	useInstalled bool // tools
}

func newSandbox(name, stack, project, state string, con *progress.Console) (*sandbox, error) {
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("--name %q: up to 32 lower-case letters, digits and inner dashes are allowed", name)
	}
	if !validName.MatchString(stack) {
		return nil, fmt.Errorf("--stack %q: up to 32 lower-case letters, digits and inner dashes are allowed", stack)
	}
	project, err := filepath.Abs(project)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(project, "Pulumi.yaml")); err != nil {
		return nil, errors.New(`run the sandbox with "go run -C infra/sandbox ." from the top of the checkout`)
	}
	state, err = filepath.Abs(state)
	if err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	return &sandbox{
		Console: con, name: name, stack: stack, project: project, dir: filepath.Join(state, name),
		cache: filepath.Join(cache, "acr-microservices-sandbox"),
	}, nil
}

// path returns the path of one of the sandbox's files.
func (sb *sandbox) path(elem ...string) string {
	return filepath.Join(append([]string{sb.dir}, elem...)...)
}

// lock excludes other commands that change the sandbox until unlock is called.
func (sb *sandbox) lock() (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(sb.dir), 0o700); err != nil {
		return nil, err
	}
	unlock, err = filelock.Try(sb.dir + ".lock")
	if errors.Is(err, filelock.ErrLocked) {
		return nil, fmt.Errorf("another command is running on sandbox %q", sb.name)
	}
	return unlock, err
}

// source returns the sandbox's source. The program is compiled in the real folder of its go.mod; a mirror only has a link.
func (sb *sandbox) source() (toolchain.Source, error) {
	module, err := filepath.EvalSymlinks(filepath.Join(sb.project, "go.mod"))
	if err != nil {
		return toolchain.Source{}, err
	}
	return toolchain.NewSource(filepath.Join(filepath.Dir(module), "infra", "sandbox"), sb.Console)
}

// buildTools builds the programs that the sandbox runs, unless they are in the user's cache or installed, and links those that
// a user can call.
func (sb *sandbox) buildTools(ctx context.Context) (toolchain.Tools, error) {
	source, err := sb.source()
	if err != nil {
		return toolchain.Tools{}, err
	}
	var installed toolchain.Installed
	if sb.useInstalled {
		installed = toolchain.FindInstalled(ctx)
	}
	if found := installed.String(); found != "" {
		sb.Printf("  using what is installed: %s; --%s=false builds it", found, toolchain.UseInstalled)
	}
	tools, err := source.Tools(ctx, installed)
	if err != nil {
		return toolchain.Tools{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return toolchain.Tools{}, err
	}
	for name, command := range map[string]string{
		"pulumi": engine.ShellQuote(tools.Pulumi), "kubectl": engine.ShellQuote(tools.Kubernetes) + " kubectl",
		"sandbox": fmt.Sprintf("%s --project=%s --state=%s", engine.ShellQuote(self), engine.ShellQuote(sb.project), engine.ShellQuote(filepath.Dir(sb.dir))),
	} {
		if err := engine.WriteScript(sb.path("bin", name), command); err != nil {
			return toolchain.Tools{}, err
		}
	}
	return tools, nil
}

// start starts the sandbox's services unless they run, and holds them: they stop when this process ends, unless it
// hands them over.
func (sb *sandbox) start(ctx context.Context, tools toolchain.Tools, conditions azuredouble.Conditions) (d *daemon.Client, running bool, err error) {
	if d, err = daemon.Connect(ctx, sb.dir); err == nil {
		if running, err = sb.current(ctx, d, tools); err != nil {
			return nil, false, err
		}
	}
	if !running {
		if killed, err := daemon.Reap(sb.dir); err != nil {
			return nil, false, err
		} else if killed > 0 {
			sb.Printf("  stopped %d processes of a sandbox that was killed", killed)
		}
		d, err = daemon.Start(ctx, sb.dir, "serve", "--dir", sb.dir,
			"--cache", filepath.Join(sb.cache, "images"), "--kubernetes", tools.Kubernetes, "--node", sb.node())
		if err != nil {
			return nil, false, err
		}
	}
	err = d.Hold(ctx, func(step string) {
		if !running { // the steps of a completed start are irrelevant
			sb.Status("  " + step)
		}
	})
	sb.Status("")
	if err == nil {
		err = d.SetConditions(ctx, conditions)
	}
	if err != nil {
		return nil, running, errors.Join(err, sb.release(d))
	}
	return d, running, nil
}

// visit calls do with the sandbox's services and restores their state: if it has to start them, it stops them afterwards.
func (sb *sandbox) visit(ctx context.Context, conditions azuredouble.Conditions, do func(*daemon.Client, toolchain.Tools) error) (err error) {
	unlock, err := sb.lock()
	if err != nil {
		return err
	}
	defer unlock()
	tools, err := sb.buildTools(ctx)
	if err != nil {
		return err
	}
	services, running, err := sb.start(ctx, tools, conditions)
	if err != nil {
		return err
	}
	defer func() {
		if running && ctx.Err() == nil {
			err = errors.Join(err, services.Keep(ctx))
		}
		err = errors.Join(err, sb.release(services))
	}()
	return do(services, tools)
}

// current reports whether a running sandbox uses the current build of its tools and the chosen node. If not, it is stopped.
func (sb *sandbox) current(ctx context.Context, d *daemon.Client, tools toolchain.Tools) (bool, error) {
	info, err := d.Info(ctx)
	switch {
	case err == nil && info.Kubernetes == tools.Kubernetes && info.Node == sb.node():
		return true, nil
	case err == nil && info.Kubernetes == tools.Kubernetes:
		sb.Printf("  restarting the sandbox with another node")
	default:
		sb.Printf("  restarting the sandbox with the current build of its tools")
	}
	defer d.Close()
	if err := d.Stop(ctx); err != nil {
		return false, err
	}
	return false, sb.awaitEnd()
}

// release disconnects from the services and waits for their end unless handed over.
func (sb *sandbox) release(d *daemon.Client) error {
	d.Close()
	if d.Kept() {
		return nil
	}
	return sb.awaitEnd()
}

// awaitEnd waits until no process of the sandbox is left, and kills those that do not end.
func (sb *sandbox) awaitEnd() error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if pids, err := daemon.Processes(sb.dir); err != nil || len(pids) == 0 {
			return err
		}
	}
	_, err := daemon.Reap(sb.dir)
	return err
}

// environment returns the services' addresses for the engine.
func (sb *sandbox) environment(info daemon.Info) map[string]string {
	doubles := fmt.Sprintf("azure-native:%s,azuread:%s,azure:%s", port(info.AzureNative), port(info.AzureAD), port(info.Azure))
	return map[string]string{"KUBECONFIG": info.Kubeconfig, "PULUMI_DEBUG_PROVIDERS": cmp.Or(sb.attach, doubles)}
}

// named is another sandbox beside this one.
func (sb *sandbox) named(name string) *sandbox {
	other := *sb
	other.name, other.dir = name, filepath.Join(filepath.Dir(sb.dir), name)
	return &other
}
