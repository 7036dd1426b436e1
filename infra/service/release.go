package service

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

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
		Name:           pulumi.String(wanted.Name),
		Namespace:      s.namespace,
		Chart:          pulumi.String(wanted.Chart.Name),
		Version:        azure.Optional(wanted.Chart.Version),
		RepositoryOpts: repositoryOpts(wanted.Chart),
		Description:    azure.Optional(wanted.Chart.Description()),
		Values:         s.values(prefix, pullSecret),
		Timeout:        pulumi.Int(*wanted.Settings.TimeoutSeconds),
		Atomic:         pulumi.Bool(*wanted.Settings.Atomic),
		CleanupOnFail:  pulumi.Bool(*wanted.Settings.CleanupOnFail),
		MaxHistory:     pulumi.Int(*wanted.Settings.MaxHistory),
	}, opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("release: %w", err)
	}
	return prefix.ApplyT(s.args.Image.Reference).(pulumi.StringOutput), release.Status, nil
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
func (s *site) values(prefix pulumi.StringOutput, pullSecret pulumi.StringInput) pulumi.MapInput {
	repository, tag := s.args.Image.ForChart()
	user, private := s.args.Release.Values, s.args.Release.PrivateValues
	values := pulumi.All(prefix, pullSecret).ApplyT(func(known []any) map[string]any {
		return config.WithImage(user, known[0].(string)+repository, tag, known[1].(string))
	}).(pulumi.MapOutput)
	if private {
		return pulumi.ToSecret(values).(pulumi.MapOutput)
	}
	return values
}
