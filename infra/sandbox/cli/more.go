//go:build linux

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/engine"
	"example.com/acr-microservices/infra/sandbox/progress"
)

// exitChanges is the exit code of a preview that found changes where none were expected.
const exitChanges = 2

// previewReport is a preview's JSON report.
type previewReport struct {
	Changes []engine.Change `json:"changes"`
}

// writeJSON writes a report if JSON output is requested; otherwise it does nothing.
func (sb *sandbox) writeJSON(report any) error {
	if sb.json == nil {
		return nil
	}
	encoder := json.NewEncoder(sb.json)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

// connect finds the sandbox's services, which another process started.
func (sb *sandbox) connect(ctx context.Context) (*daemon.Client, error) {
	services, err := daemon.Connect(ctx, sb.dir)
	if err != nil {
		return nil, fmt.Errorf("sandbox %q is not running; start it with: %s", sb.name, sb.hint("up"))
	}
	return services, nil
}

// info describes the running sandbox.
func (sb *sandbox) info(ctx context.Context) (daemon.Info, error) {
	services, err := sb.connect(ctx)
	if err != nil {
		return daemon.Info{}, err
	}
	defer services.Close()
	return services.Info(ctx)
}

// listed is a sandbox that exists on disk.
type listed struct {
	Name    string   `json:"name"`
	Running bool     `json:"running"`
	Stacks  []string `json:"stacks"`
}

// list shows the sandboxes.
func (sb *sandbox) list(ctx context.Context) error {
	found, err := sb.sandboxes(ctx)
	if err != nil {
		return err
	}
	if sb.json != nil {
		return sb.writeJSON(found)
	}
	if len(found) == 0 {
		sb.Printf("there are no sandboxes; start one with: %s", sb.hint("up"))
	}
	for _, one := range found {
		state := "stopped"
		if one.Running {
			state = sb.Styled(progress.Good, "running")
		}
		sb.Printf("%-16s %s  stacks: %s", one.Name, state, strings.Join(one.Stacks, ", "))
	}
	return nil
}

func (sb *sandbox) sandboxes(ctx context.Context) ([]listed, error) {
	folders, err := os.ReadDir(filepath.Dir(sb.dir))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	found := []listed{}
	for _, folder := range folders {
		if !folder.IsDir() || !validName.MatchString(folder.Name()) {
			continue
		}
		other := sb.named(folder.Name())
		states, err := engine.States(other.dir)
		if err != nil {
			return nil, err
		}
		one := listed{Name: other.name, Stacks: []string{}}
		for _, state := range states {
			one.Stacks = append(one.Stacks, state.Stack)
		}
		if services, err := daemon.Connect(ctx, other.dir); err == nil {
			one.Running = true
			services.Close()
		}
		found = append(found, one)
	}
	return found, nil
}

// logs shows the logs of a service's pods.
func (sb *sandbox) logs(ctx context.Context, service string, flags []string) error {
	info, err := sb.info(ctx)
	if err != nil {
		return err
	}
	outputs, err := engine.Outputs(sb.dir, sb.stack)
	if err != nil {
		return err
	}
	namespaces := namespacesOf(outputs)
	namespace, known := namespaces[service]
	if !known {
		return unknown("service", service, slices.Sorted(maps.Keys(namespaces)))
	}
	kube := sb.kubectl(info)
	pods, err := kube.pods(ctx, map[string]bool{namespace: true})
	if err != nil {
		return err
	}
	if len(pods) == 0 {
		return fmt.Errorf("service %q has no pods in namespace %q", service, namespace)
	}
	for _, p := range pods {
		sb.Printf("%s", sb.Styled(progress.Strong, p.Name))
		args := append([]string{"--kubeconfig", kube.kubeconfig, "logs", p.Name, "--namespace", namespace, "--all-containers"}, flags...)
		cmd := exec.CommandContext(ctx, kube.path, args...)
		cmd.Stdout, cmd.Stderr = sb.Console, sb.Console
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("kubectl logs: %w", err)
		}
	}
	return nil
}

// unknown reports an unknown name, and lists the known ones.
func unknown(thing, name string, known []string) error {
	if len(known) == 0 {
		return fmt.Errorf("unknown %s %q; none exists", thing, name)
	}
	return fmt.Errorf("unknown %s %q; use one of %s", thing, name, strings.Join(known, ", "))
}

// userPath resolves a path against the user's working directory: "go run -C" changes the folder, but not $PWD.
func userPath(path string) string {
	if from := os.Getenv("PWD"); !filepath.IsAbs(path) && filepath.IsAbs(from) {
		return filepath.Join(from, path)
	}
	return path
}
