package sdk

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// StackReference is a pulumi.StackReference without its methods. These lead to most of the SDK's types, and the compiler would
// translate 8000 functions for them each time it compiles a package that names it, which takes it three times as long.
type StackReference struct {
	pulumi.CustomResourceState

	// Outputs of the stack, by name.
	Outputs pulumi.MapOutput `pulumi:"outputs"`
}

// NewStackReference reads the outputs of another stack, "organization/project/stack".
func NewStackReference(ctx *pulumi.Context, stack string) (*StackReference, error) {
	reference := &StackReference{}
	return reference, ctx.ReadResource("pulumi:pulumi:StackReference", stack, pulumi.ID(stack),
		&pulumi.StackReferenceArgs{Name: pulumi.String(stack)}, reference)
}
