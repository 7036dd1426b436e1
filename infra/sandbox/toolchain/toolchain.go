// Package toolchain builds the programs that the sandbox runs: the Pulumi CLI, the Kubernetes provider and Kubernetes
// itself. They live in modules of their own, because the provider compiles with an older SDK of Pulumi than the program's, and
// Kubernetes replaces its libraries. All other libraries have one version in all modules, to be compiled once.
package toolchain

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"example.com/acr-microservices/infra/sandbox/progress"
)

// keep is how long a build that no sandbox has used stays in the cache.
const keep = 30 * 24 * time.Hour

// Tools are the paths of the built programs.
type Tools struct {
	Pulumi     string // the Pulumi CLI
	Provider   string // pulumi-resource-kubernetes, the plugin that the CLI starts
	Kubernetes string // one binary for every part of Kubernetes: its first argument tells which
}

// A binary is one program to build.
type binary struct {
	module string // folder below the tools folder
	name   string
	pkg    string
	vars   []string // linked in: "import/path.Name=value"
}

// ProviderVersion is the version that the Kubernetes provider reports; the engine wants the one of the SDK that the
// program uses.
const ProviderVersion = "4.33.0"

// PulumiVersion is the version of the Pulumi CLI in tools/pulumi/go.mod. Built from its module, it would report none.
const PulumiVersion = "3.246.0"

// KubernetesVersion is the version of Kubernetes in tools/kubernetes/go.mod.
const KubernetesVersion = "1.34.4"

var (
	sandbox = binary{name: "the sandbox", pkg: "./cli"}
	pulumi  = binary{
		module: "pulumi", name: "pulumi", pkg: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
		vars: []string{"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v" + PulumiVersion},
	}
	provider = binary{
		module: "pulumi", name: "pulumi-resource-kubernetes", pkg: "./pulumi-resource-kubernetes",
		vars: []string{"main.version=" + ProviderVersion},
	}
	kubernetes = binary{
		module: "kubernetes", name: "kubernetes", pkg: ".",
		vars: []string{
			"k8s.io/component-base/version.gitVersion=v" + KubernetesVersion,
			"k8s.io/client-go/pkg/version.gitVersion=v" + KubernetesVersion,
		},
	}
)

// Build returns the programs built from the modules below dir, building what the cache does not have. It builds one
// after the other, because each takes gigabytes of memory, and waits while another process builds into the same cache.
func Build(ctx context.Context, dir, cache string, con *progress.Console) (Tools, error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return Tools{}, err
	}
	lock := flock.New(filepath.Join(cache, ".lock"))
	defer lock.Close()
	if ok, err := lock.TryLock(); err != nil {
		return Tools{}, fmt.Errorf("lock %s: %w", lock.Path(), err)
	} else if !ok {
		con.Printf("waiting for another sandbox that is building its tools")
		if _, err := lock.TryLockContext(ctx, time.Second); err != nil {
			return Tools{}, fmt.Errorf("lock %s: %w", lock.Path(), err)
		}
	}

	goVersion, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		return Tools{}, fmt.Errorf("go env GOVERSION: %w", err)
	}
	var paths []string
	for _, b := range []binary{pulumi, provider, kubernetes} {
		path, err := b.ensure(ctx, dir, cache, string(goVersion), con)
		if err != nil {
			return Tools{}, fmt.Errorf("build %s: %w", b.name, err)
		}
		paths = append(paths, path)
	}
	con.Status("")
	prune(cache)
	return Tools{Pulumi: paths[0], Provider: paths[1], Kubernetes: paths[2]}, nil
}

// Program returns the path of the sandbox's own program, built from the module in dir. Go itself knows whether there is
// anything to do.
func Program(ctx context.Context, dir, cache string, con *progress.Console) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	checkout := sha256.Sum256([]byte(dir))
	folder := filepath.Join(cache, "sandbox-"+hex.EncodeToString(checkout[:])[:16])
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	lock := flock.New(filepath.Join(folder, ".lock"))
	defer lock.Close()
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return "", fmt.Errorf("lock %s: %w", lock.Path(), err)
	}
	path := filepath.Join(folder, "sandbox")
	start := time.Now()
	_, existed := os.Stat(path)
	if err := sandbox.build(ctx, dir, path, con); err != nil {
		return "", fmt.Errorf("build the sandbox: %w", err)
	}
	con.Status("")
	if existed != nil {
		con.Printf("  built the sandbox in %s", progress.Elapsed(start))
	}
	now := time.Now()
	return path, os.Chtimes(folder, now, now)
}

// Env are the settings with which all is built. A workspace, or a platform to cross-compile for, is not meant for these modules.
// All are built in one way, to share their compiled packages. The compiler collects its garbage less often than by default,
// which saves a fifth of its time.
var Env = []string{"GOWORK=off", "GOOS=", "GOARCH=", "CGO_ENABLED=0", "GOGC=400"}

// Command is how one of the programs is built.
type Command struct {
	Name   string
	Module string   // folder
	Args   []string // of the go command; where the program goes is to be added in front of the last one, the package
}

// Commands are how the sandbox and the programs that it runs are built, in that order, from the module in dir.
func Commands(dir string) []Command {
	var all []Command
	for _, b := range []binary{sandbox, pulumi, provider, kubernetes} {
		module := filepath.Join(dir, "tools", b.module)
		if b.module == "" {
			module = dir
		}
		all = append(all, Command{Name: b.name, Module: module, Args: append(append([]string{"build"}, b.flags()...), b.pkg)})
	}
	return all
}

// ensure returns the path of the binary in the cache. The binary gets its name only when it is complete.
func (b binary) ensure(ctx context.Context, dir, cache, goVersion string, con *progress.Console) (string, error) {
	module := filepath.Join(dir, b.module)
	hash, err := b.hash(module, goVersion)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, hash)
	path := filepath.Join(folder, b.name)
	if _, err := os.Stat(path); err == nil {
		now := time.Now()
		return path, os.Chtimes(folder, now, now)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	temp := path + ".unfinished"
	defer os.Remove(temp)
	start := time.Now()
	if err := b.build(ctx, module, temp, con); err != nil {
		return "", err
	}
	con.Status("")
	con.Printf("  built %s in %s", b.name, progress.Elapsed(start))
	return path, os.Rename(temp, path)
}

// hash names what the binary is made of: the module's Go files and version pins, the Go release, and how it is built.
func (b binary) hash(module, goVersion string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, goVersion, b.flags())
	err := filepath.WalkDir(module, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if ext := filepath.Ext(path); ext != ".go" && ext != ".mod" && ext != ".sum" {
			return nil
		}
		if strings.HasSuffix(path, "_test.go") {
			return nil
		}
		content, err := os.ReadFile(path)
		rel, _ := filepath.Rel(module, path)
		fmt.Fprintln(h, rel, len(content))
		h.Write(content)
		return err
	})
	return b.name + "-" + hex.EncodeToString(h.Sum(nil))[:16], err
}

// flags tell the compiler how to build. Nobody debugs the tools: without that information they take a fifth less to compile.
// The sandbox itself has it, because its tests and editors compile the same packages with it.
func (b binary) flags() []string {
	ldflags := []string{"-s", "-w"}
	for _, v := range b.vars {
		ldflags = append(ldflags, "-X", v)
	}
	flags := []string{"-ldflags=" + strings.Join(ldflags, " ")}
	if b.module != "" {
		flags = append(flags, "-gcflags=all=-dwarf=false")
	}
	return flags
}

// build runs the Go compiler and shows how far it is.
func (b binary) build(ctx context.Context, module, out string, con *progress.Console) error {
	stale, err := b.stale(ctx, module, con)
	if err != nil {
		return err
	}
	start := time.Now()
	done := 0
	status := func() {
		state := fmt.Sprintf("%d/%d packages", done, len(stale))
		if done == len(stale) {
			state = "linking"
		}
		con.Status(fmt.Sprintf("  building %s  %s  %s", b.name, state, progress.Elapsed(start)))
	}
	status()
	var rest strings.Builder // what is no progress: the compiler's errors
	args := append([]string{"build", "-v", "-o", out}, b.flags()...)
	err = goCommand(ctx, module, append(args, b.pkg), io.Discard, func(line string) {
		if stale[line] {
			done++
		} else if !strings.HasPrefix(line, "go: downloading ") {
			rest.WriteString(line + "\n")
		}
		status()
	})
	if err != nil && ctx.Err() == nil && rest.Len() > 0 {
		return fmt.Errorf("%w\n%s", err, progress.Indent("  ", rest.String()))
	}
	return err
}

// stale returns the packages that are not in Go's build cache: the amount of work ahead. Modules that this machine
// does not have yet are downloaded on the way.
func (b binary) stale(ctx context.Context, module string, con *progress.Console) (map[string]bool, error) {
	var list, rest strings.Builder
	modules := 0
	args := append([]string{"list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"}, b.flags()...)
	err := goCommand(ctx, module, append(args, b.pkg), &list, func(line string) {
		if strings.HasPrefix(line, "go: downloading ") {
			modules++
			con.Status(fmt.Sprintf("  building %s  %d modules downloaded", b.name, modules))
		} else {
			rest.WriteString(line + "\n")
		}
	})
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, progress.Indent("  ", rest.String()))
	}
	stale := map[string]bool{}
	for _, pkg := range strings.Fields(list.String()) {
		stale[pkg] = true
	}
	return stale, nil
}

// goCommand runs the go command in the module and hands each line of its error output to line.
func goCommand(ctx context.Context, module string, args []string, stdout io.Writer, line func(string)) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), Env...)
	cmd.Stdout = stdout
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	// The build must not outlive the sandbox that waits for it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line(lines.Text())
	}
	err = errors.Join(lines.Err(), cmd.Wait())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// prune deletes the builds of earlier versions. Programs that run from them keep running.
func prune(cache string) {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return
	}
	old := slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		info, err := e.Info()
		return err != nil || !e.IsDir() || time.Since(info.ModTime()) < keep
	})
	for _, e := range old {
		_ = os.RemoveAll(filepath.Join(cache, e.Name())) // an entry that stays only takes space
	}
}
