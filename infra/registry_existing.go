package infra

import (
	"errors"
	"fmt"

	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/sdk"
)

// registryRef is where a registry is, whoever owns it.
type registryRef struct {
	// ID is the registry's ARM resource id, the scope of role assignments.
	ID pulumi.StringOutput
	// ResourceGroup of the registry.
	ResourceGroup pulumi.StringOutput
	// Name is the registry's name in azurecr.io.
	Name pulumi.StringOutput
	// LoginServer is the registry's host, "<name>.azurecr.io", known once images can be pulled through it.
	LoginServer pulumi.StringOutput
}

// existingRegistry looks for a registry that somebody else owns: in Azure, or in the outputs of the stack that made it.
func existingRegistry(ctx *pulumi.Context, existing *config.Existing) (*registryRef, error) {
	if existing.Stack == "" {
		found := acr.LookupRegistryOutput(ctx, acr.LookupRegistryOutputArgs{
			ResourceGroupName: pulumi.String(existing.ResourceGroup), RegistryName: pulumi.String(existing.Name),
		})
		return &registryRef{
			ID: found.Id(), ResourceGroup: pulumi.String(existing.ResourceGroup).ToStringOutput(),
			Name: found.Name(), LoginServer: found.LoginServer(),
		}, nil
	}
	if existing.Stack == ctx.Organization()+"/"+ctx.Project()+"/"+ctx.Stack() {
		return nil, errors.New("registry.existing.stack is this stack itself, which cannot take its registry from its own outputs")
	}
	owner, err := sdk.NewStackReference(ctx, existing.Stack)
	if err != nil {
		return nil, fmt.Errorf("registry.existing.stack %q: %w", existing.Stack, err)
	}
	output := func(name string) pulumi.StringOutput {
		return owner.Outputs.ApplyT(func(outputs map[string]any) (string, error) {
			text, ok := outputs[name].(string)
			if !ok {
				return "", fmt.Errorf("registry.existing.stack: %s has no output %s, as a stack of this program with a registry of its own has",
					existing.Stack, name)
			}
			return text, nil
		}).(pulumi.StringOutput)
	}
	id := output("registryId")
	group := id.ApplyT(func(id string) (string, error) {
		parsed, ok := config.ParseRegistryID(id)
		if !ok {
			return "", fmt.Errorf("registry.existing.stack: output registryId of %s is %q, which is no registry's ARM id", existing.Stack, id)
		}
		return parsed.ResourceGroup, nil
	})
	return &registryRef{
		ID: id, ResourceGroup: group.(pulumi.StringOutput), Name: output("registryName"), LoginServer: output("loginServer"),
	}, nil
}
