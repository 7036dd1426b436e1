package infra

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/sdk"
)

const microserviceType = "acr-microservices:index:Microservice"

// MicroserviceArgs are the inputs of a Microservice.
type MicroserviceArgs struct {
	// ReleaseName is the Helm release's name, at most 53 characters. It is pinned, so that resource names, selectors and
	// the release's history stay when the stack or the component is renamed.
	ReleaseName string
	// Namespace of the release.
	Namespace pulumi.StringInput
	// Registry that stands before the image's repository, as in "example.azurecr.io"; unused for a foreign image.
	Registry pulumi.StringInput
	// Image to run; it has a tag or a digest.
	Image config.Image
	// PullSecret is the name of the image pull secret, nil for none.
	PullSecret pulumi.StringInput
	// WaitFor is what lets the nodes pull, besides PullSecret.
	WaitFor []pulumi.Resource
	// Chart to install.
	Chart config.ResolvedChart
	// Values of the chart as the user gives them; image and pull secret are laid on top.
	Values map[string]any
	// PrivateValues says that Values hold something secret.
	PrivateValues bool
	// Settings of the release; every field is set.
	Settings config.Release
	// Abandoned looks after a release whose last update was killed, before the release is made or changed.
	Abandoned *pulumi.ResourceHook
}

// Microservice is a service's Helm release, created only when all its pods are ready.
type Microservice struct {
	pulumi.ResourceState

	// Image that the release runs, as in "example.azurecr.io/customerapi:1.0.0".
	Image pulumi.StringOutput
	// Status of the release, as in "deployed".
	Status pulumi.StringOutput
}

// NewMicroservice installs the release.
func NewMicroservice(ctx *pulumi.Context, name string, args *MicroserviceArgs, opts ...pulumi.ResourceOption) (*Microservice, error) {
	service := &Microservice{}
	if err := ctx.RegisterComponentResource(microserviceType, name, service, opts...); err != nil {
		return nil, fmt.Errorf("service %q: %w", name, err)
	}
	// A foreign image brings its host along.
	prefix := pulumi.String("").ToStringOutput()
	if !args.Image.Foreign() {
		prefix = pulumi.Sprintf("%s/", args.Registry)
	}
	release, err := sdk.NewRelease(ctx, name, &sdk.ReleaseArgs{
		Name:           pulumi.String(args.ReleaseName),
		Namespace:      args.Namespace,
		Chart:          pulumi.String(args.Chart.Name),
		Version:        optional(args.Chart.Version),
		RepositoryOpts: repositoryOpts(args.Chart),
		Description:    optional(args.Chart.Description()),
		Values:         releaseValues(args, prefix),
		Timeout:        pulumi.Int(*args.Settings.TimeoutSeconds),
		Atomic:         pulumi.Bool(*args.Settings.Atomic),
		CleanupOnFail:  pulumi.Bool(*args.Settings.CleanupOnFail),
		MaxHistory:     pulumi.Int(*args.Settings.MaxHistory),
	}, pulumi.Parent(service), pulumi.DependsOn(args.WaitFor), pulumi.ResourceHooks(&pulumi.ResourceHookBinding{
		BeforeCreate: []*pulumi.ResourceHook{args.Abandoned}, BeforeUpdate: []*pulumi.ResourceHook{args.Abandoned},
	}))
	if err != nil {
		return nil, fmt.Errorf("service %q: release: %w", name, err)
	}
	service.Image = prefix.ApplyT(args.Image.Reference).(pulumi.StringOutput)
	service.Status = release.Status
	return service, ctx.RegisterResourceOutputs(service, pulumi.Map{"image": service.Image, "status": service.Status})
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

// releaseValues returns the values of the release, secret as a whole if the user's hold a secret: which of them it is,
// the engine does not tell. In a preview they are known all at once or not at all, because the Kubernetes provider drops
// values of which it knows a part, and a plan made of such a preview could not be carried out.
func releaseValues(args *MicroserviceArgs, prefix pulumi.StringOutput) pulumi.MapInput {
	repository, tag := args.Image.ForChart()
	var pullSecret pulumi.StringInput = pulumi.String("")
	if args.PullSecret != nil {
		pullSecret = args.PullSecret
	}
	values := pulumi.All(prefix, pullSecret).ApplyT(func(known []any) map[string]any {
		return config.WithImage(args.Values, known[0].(string)+repository, tag, known[1].(string))
	}).(pulumi.MapOutput)
	if args.PrivateValues {
		return pulumi.ToSecret(values).(pulumi.MapOutput)
	}
	return values
}
