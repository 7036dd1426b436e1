// Package component lets others wait for all resources of a component.
//
// The SDK's own DependsOn(component) is not enough. It looks for the component's children when the dependent resource is
// registered, in a goroutine, and the children add themselves to the component in their own goroutines (context.go, getOpts, in
// version 3.259): sometimes one of them is too late, and the dependent resource does not wait for it.
package component

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// Children are the resources of a component, which embeds it.
type Children struct{ resources []pulumi.Resource }

// Resources returns the resources created so far, for pulumi.DependsOn.
func (c *Children) Resources() []pulumi.Resource { return c.resources }

// Register registers the component, and notes the resources that are created below it.
func Register(
	ctx *pulumi.Context, kind, name string, component pulumi.ComponentResource, children *Children, opts []pulumi.ResourceOption,
) error {
	note := func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
		if _, custom := args.Resource.(pulumi.CustomResource); custom {
			children.resources = append(children.resources, args.Resource)
		}
		return nil // which changes nothing
	}
	return ctx.RegisterComponentResource(kind, name, component, append(opts, pulumi.Transformations([]pulumi.ResourceTransformation{note}))...)
}
