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

// status shows what runs where.
func (sb *sandbox) status(ctx context.Context) error {
	services, err := daemon.Connect(ctx, sb.dir)
	if err != nil {
		return fmt.Errorf("sandbox %q does not run; start it with: %s", sb.name, sb.hint("up"))
	}
	defer services.Close()
	info, err := services.Info(ctx)
	if err != nil {
		return err
	}
	processes, err := daemon.Processes(sb.dir)
	if err != nil {
		return err
	}
	sb.Printf("sandbox %q runs: process %d and %d more", sb.name, info.PID, len(processes)-1)
	sb.Printf("  azure double     azure-native %s, azuread %s, azure %s", info.AzureNative, info.AzureAD, info.Azure)
	sb.Printf("  registry double  %s, for every registry by its own name", info.Registry)
	sb.Printf("  cluster          %s", info.Kubeconfig)
	sb.Printf("  node             %s", info.Node)
	sb.Printf("  files and logs   %s", sb.dir)

	outputs, err := engine.Outputs(sb.dir, sb.stack)
	if err != nil {
		return err
	}
	if len(outputs) > 0 {
		sb.Printf("\n  outputs of the stack")
	}
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		value, err := json.Marshal(outputs[name])
		if err != nil {
			return fmt.Errorf("output %q: %w", name, err)
		}
		sb.Printf("    %-26s %s", name, value)
	}

	served := map[string]bool{}
	if names, ok := outputs["namespaces"].(map[string]any); ok {
		for _, name := range names {
			served[fmt.Sprint(name)] = true
		}
	}
	pods, err := sb.kubectl(info).pods(ctx, served)
	if err != nil {
		return err
	}
	if len(pods) > 0 {
		sb.Printf("\n  pods")
	}
	for _, p := range pods {
		sb.Printf("    %-24s %-40s %-18s %s", p.Namespace, p.Name, p.Status, p.Image)
	}
	warnings, err := sb.kubectl(info).warnings(ctx, served, time.Now().Add(-15*time.Minute))
	if err != nil {
		return err
	}
	if len(warnings) > 0 {
		sb.Printf("\n  warnings of the last 15 minutes")
	}
	for _, w := range warnings {
		sb.Printf("%s", progress.Indent("    ", w))
	}
	return nil
}

// env prints what a shell needs to reach the sandbox.
func (sb *sandbox) env(ctx context.Context) error {
	services, err := daemon.Connect(ctx, sb.dir)
	if err != nil {
		return fmt.Errorf("sandbox %q does not run; start it with: %s", sb.name, sb.hint("up"))
	}
	defer services.Close()
	info, err := services.Info(ctx)
	if err != nil {
		return err
	}
	env := engine.Env(sb.dir)
	maps.Copy(env, sb.environment(info))
	sb.Printf(`# To use: eval "$(%s)"`, sb.hint("env"))
	sb.Printf("# Run pulumi from %s", engine.ShellQuote(engine.ProjectDir(sb.dir)))
	sb.Printf("# It runs the program as the last up or preview of the sandbox has compiled it.")
	for _, name := range slices.Sorted(maps.Keys(env)) {
		sb.Printf("export %s=%s", name, engine.ShellQuote(env[name]))
	}
	sb.Printf(`export PATH=%s:"$PATH"`, engine.ShellQuote(sb.path("bin")))
	return nil
}
