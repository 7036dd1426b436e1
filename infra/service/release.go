package service

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"sigs.k8s.io/yaml"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/azure"
	"example.com/acr-microservices/infra/sdk"
)

// Release says how a service is installed.
type Release struct {
	// Name of the Helm release, at most 53 characters. It is given, and not made by the provider, so that resource names,
	// selectors and the release's history stay when the stack or the component is renamed.
	Name string
	// Chart to install.
	Chart config.ResolvedChart
	// PlannedRegistry stands for the registry's host when the chart is looked at, in the first preview as well.
	PlannedRegistry string
	// Values of the chart as the user gives them; image and pull secret are laid on top.
	Values map[string]any
	// PrivateValues says that Values hold a secret.
	PrivateValues bool
	// Settings of the release; every field is set.
	Settings config.Release
	// After lists the resources that must exist before a pod can pull the image.
	After []pulumi.Resource
	// Recovery gives up what a killed update has left of the release, before the release is installed or upgraded; nil for
	// nothing.
	Recovery *pulumi.ResourceHook
}

// release installs the release, and returns its image and status.
func (s *site) release(pullSecret pulumi.StringInput, rules []pulumi.Resource) (image, status pulumi.StringInput, err error) {
	wanted := s.args.Release
	// The reference of a foreign image begins with its own host.
	prefix := s.args.Registry.ToStringOutput().ApplyT(func(host string) string {
		if s.args.Image.Foreign() {
			return ""
		}
		return host + "/"
	}).(pulumi.StringOutput)
	opts := []pulumi.ResourceOption{s.parent, pulumi.DependsOn(slices.Concat(wanted.After, rules))}
	if hook := wanted.Recovery; hook != nil {
		opts = append(opts, pulumi.ResourceHooks(&pulumi.ResourceHookBinding{
			BeforeCreate: []*pulumi.ResourceHook{hook}, BeforeUpdate: []*pulumi.ResourceHook{hook},
		}))
	}
	release, err := sdk.NewRelease(s.ctx, s.name, &sdk.ReleaseArgs{
		Name:            pulumi.String(wanted.Name),
		Namespace:       s.namespace,
		Chart:           pulumi.String(wanted.Chart.Name),
		Version:         azure.Optional(wanted.Chart.Version),
		RepositoryOpts:  repositoryOpts(wanted.Chart),
		Description:     azure.Optional(wanted.Chart.Description()),
		Values:          s.values(pullSecret),
		ValueYAMLFiles:  s.nullsFile(),
		AllowNullValues: ifTrue(config.HoldsEmptyList(wanted.Values)),
		Timeout:         pulumi.Int(*wanted.Settings.TimeoutSeconds),
		SkipAwait:       ifTrue(!*wanted.Settings.Wait),
		WaitForJobs:     ifTrue(*wanted.Settings.WaitForJobs),
		// The provider has one name for no hooks when it installs, and another when it upgrades.
		DisableWebhooks: ifTrue(!*wanted.Settings.Hooks),
		DisableCRDHooks: ifTrue(!*wanted.Settings.Hooks),
		SkipCrds:        ifTrue(*wanted.Settings.SkipCRDs),
		Atomic:          pulumi.Bool(*wanted.Settings.Atomic),
		CleanupOnFail:   pulumi.Bool(*wanted.Settings.CleanupOnFail),
		MaxHistory:      pulumi.Int(*wanted.Settings.MaxHistory),
	}, opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("release: %w", err)
	}
	return prefix.ApplyT(s.args.Image.Reference).(pulumi.StringOutput), release.Status, nil
}

// ifTrue leaves out what the provider does not do by itself.
func ifTrue(flag bool) pulumi.BoolPtrInput {
	if !flag {
		return nil
	}
	return pulumi.Bool(true)
}

// repositoryOpts returns the provider's options for the chart repository, the password as a secret; nil if there are none.
func repositoryOpts(chart config.ResolvedChart) pulumi.StringMapInput {
	opts := pulumi.StringMap{}
	if chart.Repository != "" {
		opts["repo"] = pulumi.String(chart.Repository)
	}
	if chart.Username != "" {
		opts["username"] = pulumi.String(chart.Username)
		opts["password"] = pulumi.ToSecret(pulumi.String(chart.Password)).(pulumi.StringOutput)
	}
	if len(opts) == 0 {
		return nil
	}
	return opts
}

// values returns the values of the release, secret as a whole if the user's hold a secret, because the engine does not tell which of
// them it is. In a preview they are known all at once or not at all, because the Kubernetes provider drops values of which it
// knows only a part, and a plan made of such a preview could not be carried out.
func (s *site) values(pullSecret pulumi.StringInput) pulumi.MapInput {
	chart, image := s.args.Release.Chart, s.args.Image
	host := s.args.Registry
	if image.Foreign() {
		host = pulumi.String("")
	}
	user, _ := config.SplitNulls(s.args.Release.Values)
	values := pulumi.All(host, pullSecret, s.checkRendered()).ApplyT(func(known []any) map[string]any {
		return chart.Keys.WithImage(user, known[0].(string), image, known[1].(string))
	}).(pulumi.MapOutput)
	if s.args.Release.PrivateValues {
		return pulumi.ToSecret(values).(pulumi.MapOutput)
	}
	return values
}

// nullsFile returns the nulls among the user's values, which no map in the Go SDK can hold, as a file over which the provider lays
// the other values; nil if there are none.
func (s *site) nullsFile() pulumi.AssetOrArchiveArrayInput {
	_, nulls := config.SplitNulls(s.args.Release.Values)
	if len(nulls) == 0 {
		return nil
	}
	text, err := yaml.Marshal(nulls)
	if err != nil {
		panic(err) // They are of JSON.
	}
	files := pulumi.AssetOrArchiveArray{pulumi.NewStringAsset(string(text))}
	if s.args.Release.PrivateValues {
		return pulumi.ToSecret(files).(pulumi.AssetOrArchiveArrayOutput)
	}
	return files
}
