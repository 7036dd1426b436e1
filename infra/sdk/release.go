package sdk

import (
	"reflect"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ReleaseArgs are the inputs of a Helm release, under the names of the Kubernetes provider:
// https://www.pulumi.com/registry/packages/kubernetes/api-docs/helm/v3/release/
type ReleaseArgs struct {
	// Name of the release, at most 53 characters.
	Name pulumi.StringInput
	// Namespace of the release; it must exist.
	Namespace pulumi.StringInput
	// Chart is a path relative to the project folder, a chart's name in RepositoryOpts, or an oci:// address.
	Chart pulumi.StringInput
	// Version of the chart.
	Version pulumi.StringPtrInput
	// RepositoryOpts name the chart repository and its credentials; nil for a path.
	RepositoryOpts pulumi.StringMapInput
	// Description of the revision.
	Description pulumi.StringPtrInput
	// Values of the chart.
	Values pulumi.MapInput
	// ValueYAMLFiles are values files, which Values override; nil for none.
	ValueYAMLFiles pulumi.AssetOrArchiveArrayInput
	// AllowNullValues keeps empty lists in Values, before version 4.30 of the provider. Later versions always keep them, and report
	// that the setting has no effect.
	AllowNullValues pulumi.BoolPtrInput
	// Timeout in seconds.
	Timeout pulumi.IntInput
	// SkipAwait does not wait until the release's resources are ready.
	SkipAwait pulumi.BoolPtrInput
	// WaitForJobs waits for jobs as well.
	WaitForJobs pulumi.BoolPtrInput
	// DisableWebhooks leaves out the chart's hooks when it is installed, and DisableCRDHooks when it is upgraded.
	DisableWebhooks, DisableCRDHooks pulumi.BoolPtrInput
	// SkipCrds leaves out the chart's custom resource definitions.
	SkipCrds pulumi.BoolPtrInput
	// Atomic rolls back on failure.
	Atomic pulumi.BoolInput
	// CleanupOnFail deletes the resources that a failed upgrade created.
	CleanupOnFail pulumi.BoolInput
	// MaxHistory is how many revisions are kept.
	MaxHistory pulumi.IntInput
	// Compat is set by NewRelease, as in the generated package.
	Compat pulumi.StringInput
}

// releaseArgs holds the inputs as the provider sees them.
type releaseArgs struct {
	Compat          string                  `pulumi:"compat"`
	Name            string                  `pulumi:"name"`
	Namespace       string                  `pulumi:"namespace"`
	Chart           string                  `pulumi:"chart"`
	Version         *string                 `pulumi:"version"`
	RepositoryOpts  map[string]string       `pulumi:"repositoryOpts"`
	Description     *string                 `pulumi:"description"`
	Values          map[string]any          `pulumi:"values"`
	ValueYAMLFiles  []pulumi.AssetOrArchive `pulumi:"valueYamlFiles"`
	AllowNullValues *bool                   `pulumi:"allowNullValues"`
	Timeout         int                     `pulumi:"timeout"`
	SkipAwait       *bool                   `pulumi:"skipAwait"`
	WaitForJobs     *bool                   `pulumi:"waitForJobs"`
	DisableWebhooks *bool                   `pulumi:"disableWebhooks"`
	DisableCRDHooks *bool                   `pulumi:"disableCRDHooks"`
	SkipCrds        *bool                   `pulumi:"skipCrds"`
	Atomic          bool                    `pulumi:"atomic"`
	CleanupOnFail   bool                    `pulumi:"cleanupOnFail"`
	MaxHistory      int                     `pulumi:"maxHistory"`
}

// ElementType makes ReleaseArgs a pulumi.Input.
func (ReleaseArgs) ElementType() reflect.Type { return reflect.TypeFor[releaseArgs]() }

// Release is a helm.sh/v3:Release, registered exactly as by the generated package. That package imports the whole Kubernetes SDK,
// which costs 520 CPU-seconds in a cold build and 6.6 after each edit.
type Release struct {
	pulumi.CustomResourceState

	// Status of the release, such as "deployed".
	Status pulumi.StringOutput
	// State is the release's whole status as the provider reports it.
	State pulumi.MapOutput `pulumi:"status"`
}

// NewRelease installs the chart and waits until the objects it created are ready, unless args.SkipAwait is set.
func NewRelease(ctx *pulumi.Context, name string, args *ReleaseArgs, opts ...pulumi.ResourceOption) (*Release, error) {
	args.Compat = pulumi.String("true")
	release := &Release{}
	err := ctx.RegisterResource("kubernetes:helm.sh/v3:Release", name, args, release, utilities.PkgResourceDefaultOpts(opts)...)
	if err != nil {
		return nil, err
	}
	release.Status = release.State.ApplyT(func(state map[string]any) string {
		status, _ := state["status"].(string)
		return status
	}).(pulumi.StringOutput)
	return release, nil
}
