//go:build linux

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/engine"
	"example.com/acr-microservices/infra/sandbox/progress"
)

// statusReport is what runs where.
type statusReport struct {
	Sandbox    string         `json:"sandbox"`
	Stack      string         `json:"stack"`
	Process    int            `json:"process"`
	Others     int            `json:"otherProcesses"`
	Azure      string         `json:"azureNative"`
	Entra      string         `json:"azureAd"`
	Classic    string         `json:"azure"`
	Registry   string         `json:"registry"`
	Kubeconfig string         `json:"kubeconfig"`
	Node       string         `json:"node"`
	Files      string         `json:"files"`
	Outputs    map[string]any `json:"outputs"`
	Pods       []pod          `json:"pods"`
	Warnings   []string       `json:"warnings"` // of the last 15 minutes
}

// status shows what runs where.
func (sb *sandbox) status(ctx context.Context) error {
	info, err := sb.info(ctx)
	if err != nil {
		return err
	}
	processes, err := daemon.Processes(sb.dir)
	if err != nil {
		return err
	}
	report := statusReport{
		Sandbox: sb.name, Stack: sb.stack, Process: info.PID, Others: len(processes) - 1,
		Azure: info.AzureNative, Entra: info.AzureAD, Classic: info.Azure, Registry: info.Registry,
		Kubeconfig: info.Kubeconfig, Node: info.Node, Files: sb.dir,
	}
	if report.Outputs, err = engine.Outputs(sb.dir, sb.stack); err != nil {
		return err
	}
	served := map[string]bool{}
	for _, name := range namespacesOf(report.Outputs) {
		served[name] = true
	}
	if report.Pods, err = sb.kubectl(info).pods(ctx, served); err != nil {
		return err
	}
	if report.Warnings, err = sb.kubectl(info).warnings(ctx, served, time.Now().Add(-15*time.Minute)); err != nil {
		return err
	}
	if sb.json != nil {
		return sb.writeJSON(report)
	}
	return sb.show(report)
}

// show prints a report as text.
func (sb *sandbox) show(r statusReport) error {
	sb.Printf("%s", sb.Styled(progress.Good, fmt.Sprintf("sandbox %q is running: process %d and %d more", r.Sandbox, r.Process, r.Others)))
	sb.Printf("  simulated Azure  azure-native %s, azuread %s, azure %s", r.Azure, r.Entra, r.Classic)
	sb.Printf("  registries       %s, for every registry by its own name", r.Registry)
	sb.Printf("  cluster          %s", r.Kubeconfig)
	sb.Printf("  node             %s", r.Node)
	sb.Printf("  files and logs   %s", r.Files)
	if len(r.Outputs) > 0 {
		sb.Printf("\n  %s", sb.Styled(progress.Strong, "outputs of the stack"))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Outputs)) {
		value, err := json.Marshal(r.Outputs[name])
		if err != nil {
			return fmt.Errorf("output %q: %w", name, err)
		}
		sb.Printf("    %-26s %s", name, value)
	}
	if len(r.Pods) > 0 {
		sb.Printf("\n  %s", sb.Styled(progress.Strong, "pods"))
	}
	for _, p := range r.Pods {
		sb.Printf("    %-24s %-40s %-18s %s", p.Namespace, p.Name, p.Status, p.Image)
	}
	if len(r.Warnings) > 0 {
		sb.section("warnings of the last 15 minutes", r.Warnings)
	}
	return nil
}

// namespacesOf returns each service's namespace from a stack's outputs.
func namespacesOf(outputs map[string]any) map[string]string {
	names := map[string]string{}
	if found, ok := outputs["namespaces"].(map[string]any); ok {
		for service, name := range found {
			names[service] = fmt.Sprint(name)
		}
	}
	return names
}

// env prints the shell variables of the sandbox.
func (sb *sandbox) env(ctx context.Context) error {
	info, err := sb.info(ctx)
	if err != nil {
		return err
	}
	env := engine.Env(sb.dir)
	maps.Copy(env, sb.environment(info))
	sb.Printf(`# To use: eval "$(%s)"`, sb.hint("env"))
	sb.Printf("# Run pulumi from %s", engine.ShellQuote(engine.ProjectDir(sb.dir)))
	sb.Printf("# It runs the program that the last up or preview of the sandbox compiled.")
	sb.Printf("# The sandbox's own commands are available as \"sandbox\", with completion: source <(sandbox completion bash)")
	for _, name := range slices.Sorted(maps.Keys(env)) {
		sb.Printf("export %s=%s", name, engine.ShellQuote(env[name]))
	}
	sb.Printf(`export PATH=%s:"$PATH"`, engine.ShellQuote(sb.path("bin")))
	return nil
}
