package registry

import (
	"fmt"
	"strings"

	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

// adopt imports the resource with the given id. With an empty id, it does nothing.
func adopt(id string) pulumi.ResourceOption {
	if id == "" {
		return pulumi.Import(nil)
	}
	return pulumi.Import(pulumi.ID(id))
}

// adoption says what the program leaves unchanged. azure-native treats everything that Azure returns as inputs, and compares them
// strictly, so that the adoption of a registry in use would remove every setting that the program does not send.
type adoption struct {
	ignored     []string         // inputs
	identity    registryIdentity // the registry's own
	loginServer string           // the registry's host; for a new registry, it is known before the registry exists
}

// registryIdentity holds an identity's type and ids, as Azure spells them.
type registryIdentity []string

// spelled returns a text in Azure's spelling. Azure ignores case.
func (r registryIdentity) spelled(text string) string {
	for _, own := range r {
		if strings.EqualFold(own, text) {
			return own
		}
	}
	return text
}

// adoption returns what to leave unchanged: for every registry, the inputs that have no key in the stack file and a default in the
// SDK; for an adopted registry, also the inputs that the stack file does not mention.
func (a *Args) adoption(ctx *pulumi.Context, parent pulumi.Resource) (adoption, error) {
	left := adoption{ignored: []string{"zoneRedundancy", "metadataSearch"}, loginServer: a.LoginServer}
	id, adopted := config.ParseRegistryID(a.Adopt)
	if !adopted {
		return left, nil
	}
	left.ignored = append(left.ignored, "policies.trustPolicy", "policies.azureADAuthenticationAsArmPolicy")
	left.ignored = append(left.ignored, a.keptTags()...)
	if a.SKU != config.SKUPremium { // args.policies leaves these out for the other SKUs
		left.ignored = append(left.ignored, "policies.retentionPolicy", "policies.quarantinePolicy", "policies.exportPolicy")
	}
	if a.Encryption == nil {
		left.ignored = append(left.ignored, "encryption")
	}
	found, err := acr.LookupRegistry(ctx, &acr.LookupRegistryArgs{ResourceGroupName: id.ResourceGroup, RegistryName: id.Name}, pulumi.Parent(parent))
	if err != nil {
		return left, fmt.Errorf("registry.adopt: %w", err)
	}
	left.loginServer = found.LoginServer
	if !a.Identity.System && len(a.Identity.User) == 0 {
		left.ignored = append(left.ignored, "identity")
		return left, nil
	}
	if own := found.Identity; own != nil {
		if own.Type != nil {
			left.identity = append(left.identity, *own.Type)
		}
		for user := range own.UserAssignedIdentities {
			left.identity = append(left.identity, user)
		}
	}
	return left, nil
}

// keptTags returns the input tags if an adopted resource keeps its own tags, because the stack file has none.
func (a *Args) keptTags() []string {
	if a.Adopt != "" && a.Tags == nil {
		return []string{"tags"}
	}
	return nil
}
