package registry

import (
	"fmt"

	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/sdk"
)

// Existing is the location of a registry that the stack does not own.
type Existing struct {
	// Subscription of the registry; empty means the stack's own.
	Subscription string

	group, name string
	ref         *Ref // what is known without a request to Azure; nil if nothing is
}

// Find locates a registry that the stack does not own, by the configuration alone or by the outputs of the stack that owns it.
func Find(ctx *pulumi.Context, existing *config.Existing) (*Existing, error) {
	switch {
	case existing.Stack != "":
		return fromStack(ctx, existing.Stack)
	case existing.ID != "":
		id, ok := config.ParseRegistryID(existing.ID)
		if !ok {
			return nil, fmt.Errorf("registry.existing.id: %q is not a registry's ARM id", existing.ID)
		}
		return &Existing{Subscription: id.Subscription, group: id.ResourceGroup, name: id.Name}, nil
	}
	return &Existing{group: existing.ResourceGroup, name: existing.Name}, nil
}

// Look asks Azure for what is not known yet. The option names the provider for the registry's subscription.
func (e *Existing) Look(ctx *pulumi.Context, opts ...pulumi.InvokeOption) (*Ref, error) {
	if e.ref != nil {
		return e.ref, nil
	}
	found := acr.LookupRegistryOutput(ctx, acr.LookupRegistryOutputArgs{
		ResourceGroupName: pulumi.String(e.group), RegistryName: pulumi.String(e.name),
	}, opts...)
	return &Ref{
		ID: found.Id(), ResourceGroup: pulumi.String(e.group).ToStringOutput(), Location: found.Location(),
		Name: found.Name(), LoginServer: found.LoginServer(),
	}, nil
}

// fromStack reads the outputs of the stack that owns the registry.
func fromStack(ctx *pulumi.Context, stack string) (*Existing, error) {
	if stack == ctx.Organization()+"/"+ctx.Project()+"/"+ctx.Stack() {
		return nil, fmt.Errorf("registry.existing.stack: %q is this stack itself, which cannot take its registry from its own outputs", stack)
	}
	names := []string{"registryId", "registryName", "loginServer"}
	values, err := sdk.StackOutputs(ctx, stack, names...)
	if err != nil {
		return nil, fmt.Errorf("registry.existing.stack: %q: %w", stack, err)
	}
	outputs := map[string]string{}
	for _, name := range names {
		text, ok := values[name].(string)
		if !ok {
			return nil, fmt.Errorf("registry.existing.stack: %q has no plain-text output %s; name a stack of this program that has its own registry",
				stack, name)
		}
		outputs[name] = text
	}
	id, ok := config.ParseRegistryID(outputs["registryId"])
	if !ok {
		return nil, fmt.Errorf("registry.existing.stack: %q has the output registryId %q, which is not a registry's ARM id", stack, outputs["registryId"])
	}
	known := func(text string) pulumi.StringOutput { return pulumi.String(text).ToStringOutput() }
	return &Existing{Subscription: id.Subscription, ref: &Ref{
		ID: known(outputs["registryId"]), ResourceGroup: known(id.ResourceGroup),
		Name: known(outputs["registryName"]), LoginServer: known(outputs["loginServer"]),
	}}, nil
}
