package registry

import (
	"errors"
	"fmt"

	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

// Existing finds a registry that the stack does not own: in Azure, or in the outputs of the stack that made it.
func Existing(ctx *pulumi.Context, existing *config.Existing) (*Ref, error) {
	if existing.Stack != "" {
		return fromStack(ctx, existing.Stack)
	}
	found := acr.LookupRegistryOutput(ctx, acr.LookupRegistryOutputArgs{
		ResourceGroupName: pulumi.String(existing.ResourceGroup), RegistryName: pulumi.String(existing.Name),
	})
	return &Ref{
		ID: found.Id(), ResourceGroup: pulumi.String(existing.ResourceGroup).ToStringOutput(), Location: found.Location(),
		Name: found.Name(), LoginServer: found.LoginServer(),
	}, nil
}

// fromStack reads the outputs of the stack that owns the registry. Each output is read on its own, because one secret output would
// make all of them secret.
func fromStack(ctx *pulumi.Context, stack string) (*Ref, error) {
	if stack == ctx.Organization()+"/"+ctx.Project()+"/"+ctx.Stack() {
		return nil, errors.New("registry.existing.stack is this stack itself, which cannot take its registry from its own outputs")
	}
	owner, err := pulumi.NewStackReference(ctx, stack, nil)
	if err != nil {
		return nil, fmt.Errorf("registry.existing.stack %q: %w", stack, err)
	}
	outputs := map[string]string{}
	for _, name := range []string{"registryId", "registryName", "loginServer"} {
		output, err := owner.GetOutputDetails(name)
		if err != nil {
			return nil, fmt.Errorf("registry.existing.stack %q: %w", stack, err)
		}
		text, ok := output.Value.(string)
		if !ok {
			return nil, fmt.Errorf("registry.existing.stack: %s has no output %s, as a stack of this program with a registry of its own has",
				stack, name)
		}
		outputs[name] = text
	}
	id, ok := config.ParseRegistryID(outputs["registryId"])
	if !ok {
		return nil, fmt.Errorf("registry.existing.stack: output registryId of %s is %q, which is no registry's ARM id", stack, outputs["registryId"])
	}
	known := func(text string) pulumi.StringOutput { return pulumi.String(text).ToStringOutput() }
	return &Ref{
		ID: known(outputs["registryId"]), ResourceGroup: known(id.ResourceGroup),
		Name: known(outputs["registryName"]), LoginServer: known(outputs["loginServer"]),
	}, nil
}
