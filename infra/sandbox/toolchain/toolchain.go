//go:build linux

// Package toolchain builds the sandbox, the Pulumi program, and the sandbox's tools: the Pulumi CLI, the Kubernetes provider
// and Kubernetes itself, unless they are installed. The tools have their own modules, because the provider compiles with an
// older Pulumi SDK than the program's, and Kubernetes replaces its libraries. All other libraries have one version in all
// modules, to be compiled once.
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
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"example.com/acr-microservices/infra/sandbox/filelock"
	"example.com/acr-microservices/infra/sandbox/process"
	"example.com/acr-microservices/infra/sandbox/progress"
)

// keep is how long an unused build stays in the cache.
const keep = 30 * 24 * time.Hour

// Tools are the paths of the programs that a sandbox runs.
type Tools struct {
	Pulumi     string // the Pulumi CLI
	Provider   string // pulumi-resource-kubernetes, the plugin that the CLI starts
	Kubernetes string // one binary for every part of Kubernetes: its first argument selects one
}

// A binary is one program to build.
type binary struct {
	module string // folder of its module, from that of the sandbox
	name   string
	pkg    string
	vars   []string // linked in: "import/path.Name=value"
	skip   []string // folders of the module that are not part of it
	tool   bool     // one of [Tools], third-party code
}

// PluginVersion is the version of the Kubernetes provider that the engine requests: that of the program's SDK.
const PluginVersion = "4.33.0"

// ProviderVersion is the version of the Kubernetes provider that is built here. The newest Go module has no tag: it is a
// development version of January 15th, 2026, between 4.24 and 4.25.
const ProviderVersion = "4.25.0-dev.20260115"

// PulumiVersion is the version of the Pulumi CLI in tools/pulumi/go.mod. Built from its module, it would report none.
const PulumiVersion = "3.246.0"

// KubernetesVersion is the version of Kubernetes in tools/kubernetes/go.mod.
const KubernetesVersion = "1.34.4"

var (
	sandbox   = binary{name: "sandbox", pkg: "./cli/sandbox", skip: []string{"tools", "bench"}}
	benchmark = binary{name: "bench", module: "bench", pkg: "."}
	program   = binary{module: "../..", name: "program", pkg: ".", skip: []string{"infra/sandbox"}}
	pulumi    = binary{
		module: "tools/pulumi", name: "pulumi", pkg: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", tool: true,
		vars: []string{"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v" + PulumiVersion},
	}
	provider = binary{
		module: "tools/pulumi", name: "pulumi-resource-kubernetes", pkg: "./pulumi-resource-kubernetes", tool: true,
		vars: []string{"main.version=" + ProviderVersion},
	}
	kubernetes = binary{
		module: "tools/kubernetes", name: "kubernetes", pkg: ".", tool: true,
		vars: []string{
			"k8s.io/component-base/version.gitVersion=v" + KubernetesVersion,
			"k8s.io/client-go/pkg/version.gitVersion=v" + KubernetesVersion,
		},
	}
)

// Source holds the module's folder, the cache and the console.
type Source struct {
	Dir     string // the module of the sandbox
	Cache   string // for all sandboxes of this user
	Console *progress.Console
}

// NewSource is the source of the sandbox whose module is in dir, with the user's cache.
func NewSource(dir string, con *progress.Console) (Source, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Source{}, err
	}
	cache, err := os.UserCacheDir()
	return Source{Dir: dir, Cache: filepath.Join(cache, "acr-microservices-sandbox", "tools"), Console: con}, err
}

// Tools returns the programs that a sandbox runs. It builds those that are not installed, one after the other, because each
// takes gigabytes of memory. It waits while another process builds into the same cache.
func (s Source) Tools(ctx context.Context, installed Installed) (Tools, error) {
	tools := Tools{Pulumi: installed.Pulumi, Provider: installed.Provider}
	missing := []*string{&tools.Kubernetes}
	build := []binary{kubernetes}
	if tools.Provider == "" {
		missing, build = append(missing, &tools.Provider), append(build, provider)
	}
	if tools.Pulumi == "" {
		missing, build = append(missing, &tools.Pulumi), append(build, pulumi)
	}
	paths, err := s.ensure(ctx, build...)
	if err != nil {
		return Tools{}, err
	}
	for i, path := range paths {
		*missing[i] = path
	}
	s.prune()
	return tools, nil
}

// Kubernetes returns the path of the binary for every part of Kubernetes.
func (s Source) Kubernetes(ctx context.Context) (string, error) { return s.one(ctx, kubernetes) }

// Sandbox returns the path of the sandbox's own program.
func (s Source) Sandbox(ctx context.Context) (string, error) { return s.one(ctx, sandbox) }

// Benchmark returns the path of the sandbox's program with the benchmarks in it.
func (s Source) Benchmark(ctx context.Context) (string, error) { return s.one(ctx, benchmark) }

// Program returns the path of the compiled Pulumi program.
func (s Source) Program(ctx context.Context) (string, error) { return s.one(ctx, program) }

func (s Source) one(ctx context.Context, b binary) (string, error) {
	paths, err := s.ensure(ctx, b)
	if err != nil {
		return "", err
	}
	return paths[0], nil
}

// ensure returns the paths of binaries in the cache, and builds the missing ones.
func (s Source) ensure(ctx context.Context, all ...binary) (paths []string, err error) {
	var missing []binary
	for _, b := range all {
		path, err := b.path(s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.name, err)
		}
		if now := time.Now(); os.Chtimes(filepath.Dir(path), now, now) != nil || !exists(path) {
			missing = append(missing, b)
		}
		paths = append(paths, path)
	}
	if len(missing) == 0 {
		return paths, nil
	}
	if err := os.MkdirAll(s.Cache, 0o755); err != nil {
		return nil, err
	}
	unlock, err := filelock.Wait(ctx, filepath.Join(s.Cache, ".lock"), func() {
		s.Console.Printf("waiting for another sandbox that is building")
	})
	if err != nil {
		return nil, err
	}
	defer unlock()
	for _, b := range missing {
		if err := b.ensure(ctx, s); err != nil {
			return nil, fmt.Errorf("build %s: %w", b.name, err)
		}
	}
	s.Console.Status("")
	return paths, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// env returns the build environment of a binary. The user's workspace and cross-compilation settings do not apply to these
// modules. All are built the same way, to share compiled packages. The compiler collects garbage less often than by default,
// which saves a fifth of its time, except where that needs too much memory: for the program's largest package, core/v1 of the
// Kubernetes SDK, it would take 3.9 GB instead of 2.8.
func (b binary) env() []string {
	env := []string{"GOWORK=off", "GOOS=", "GOARCH=", "CGO_ENABLED=0"}
	if b.name == program.name {
		return env
	}
	return append(env, "GOGC=400")
}

// Command describes the build of a program.
type Command struct {
	Name   string
	Module string   // folder
	Env    []string // besides the process's own
	Args   []string // of the go command; add the output path before the last one, the package
}

// Commands returns the builds of the sandbox and all it runs, in that order, from the module in dir.
func Commands(dir string) []Command {
	var all []Command
	for _, b := range []binary{sandbox, kubernetes, provider, pulumi, program} {
		all = append(all, Command{Name: b.name, Module: filepath.Join(dir, b.module), Env: b.env(), Args: append(append([]string{"build"}, b.flags()...), b.pkg)})
	}
	return all
}

// path is the binary's path in the cache; it contains the hash of its source.
func (b binary) path(s Source) (string, error) {
	hash, err := b.hash(filepath.Join(s.Dir, b.module))
	return filepath.Join(s.Cache, hash, b.name), err
}

// ensure builds the binary if it is still missing. The file gets its final name only when complete.
func (b binary) ensure(ctx context.Context, s Source) error {
	path, err := b.path(s)
	if err != nil || exists(path) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temp := path + ".unfinished"
	defer os.Remove(temp)
	start := time.Now()
	if err := b.build(ctx, filepath.Join(s.Dir, b.module), temp, s.Console); err != nil {
		return err
	}
	s.Console.Status("")
	if took := time.Since(start); took > worthALine {
		s.Console.Printf("  built %s in %s", b.name, progress.Elapsed(start))
	}
	return os.Rename(temp, path)
}

// worthALine is the minimum duration of a reported build. After an edit, the program takes a few seconds.
const worthALine = 10 * time.Second

// hash returns a name derived from the module's Go files and version pins, the Go release and the build flags. It is a hundred
// times as fast as asking the go command for changes.
func (b binary) hash(module string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), os.Getenv("GOFLAGS"), b.flags())
	err := filepath.WalkDir(module, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(module, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || slices.Contains(b.skip, rel)) {
				return fs.SkipDir
			}
			return nil
		}
		if ext := filepath.Ext(path); ext != ".go" && ext != ".mod" && ext != ".sum" {
			return nil
		}
		if strings.HasSuffix(path, "_test.go") {
			return nil
		}
		content, err := os.ReadFile(path)
		fmt.Fprintln(h, rel, len(content))
		h.Write(content)
		return err
	})
	return b.name + "-" + hex.EncodeToString(h.Sum(nil))[:16], err
}

// flags returns the build flags. The tools have no debug information, which saves a fifth of their compile time. The sandbox
// itself has it, because its tests and editors compile the same packages with it.
func (b binary) flags() []string {
	ldflags := []string{"-s", "-w"}
	for _, v := range b.vars {
		ldflags = append(ldflags, "-X", v)
	}
	flags := []string{"-ldflags=" + strings.Join(ldflags, " ")}
	if b.tool {
		flags = append(flags, "-gcflags=all=-dwarf=false")
	}
	return flags
}

// build runs the Go compiler and shows its progress.
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
	var rest strings.Builder // the compiler's errors
	args := append([]string{"build", "-v", "-o", out}, b.flags()...)
	err = goCommand(ctx, module, b.env(), append(args, b.pkg), io.Discard, func(line string) {
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

// stale returns the packages missing in Go's build cache: the remaining work. It also downloads missing modules.
func (b binary) stale(ctx context.Context, module string, con *progress.Console) (map[string]bool, error) {
	var list, rest strings.Builder
	modules := 0
	args := append([]string{"list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"}, b.flags()...)
	err := goCommand(ctx, module, b.env(), append(args, b.pkg), &list, func(line string) {
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
func goCommand(ctx context.Context, module string, env, args []string, stdout io.Writer, line func(string)) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout = stdout
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	// The build must not outlive the sandbox that waits for it.
	if err := process.Start(cmd, syscall.SIGINT); err != nil {
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
func (s Source) prune() {
	entries, err := os.ReadDir(s.Cache)
	if err != nil {
		return
	}
	old := slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		info, err := e.Info()
		return err != nil || !e.IsDir() || time.Since(info.ModTime()) < keep
	})
	for _, e := range old {
		_ = os.RemoveAll(filepath.Join(s.Cache, e.Name())) // a remaining entry only takes space
	}
}
