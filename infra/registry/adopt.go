package registry

import (
	"fmt"
	"strings"

	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

// adopt takes over the resource with the given id; with an empty one it does nothing.
func adopt(id string) pulumi.ResourceOption {
	if id == "" {
		return pulumi.Import(nil)
	}
	return pulumi.Import(pulumi.ID(id))
}

// adoption is what the program leaves as it is. azure-native takes all that Azure answers for inputs, and compares them strictly, so
// that the adoption of a registry in use would take away whatever the program does not send.
type adoption struct {
	ignored     []string         // inputs
	identity    registryIdentity // the registry's own
	loginServer string           // the registry's host; that of a new registry is known before it exists
}

// registryIdentity holds an identity's type and ids, as Azure spells them.
type registryIdentity []string

// spelled returns a text as Azure spells it, which takes no notice of case.
func (r registryIdentity) spelled(text string) string {
	for _, own := range r {
		if strings.EqualFold(own, text) {
			return own
		}
	}
	return text
}

// adoption returns what to leave alone: of every registry what the stack file has no key for and the SDK sends a default of, and of an
// adopted one also what the stack file does not mention.
func (a *Args) adoption(ctx *pulumi.Context, parent pulumi.Resource) (adoption, error) {
	left := adoption{ignored: []string{"zoneRedundancy", "metadataSearch"}, loginServer: a.LoginServer}
	id, adopted := config.ParseRegistryID(a.Adopt)
	if !adopted {
		return left, nil
	}
	left.ignored = append(left.ignored, "policies.trustPolicy", "policies.azureADAuthenticationAsArmPolicy")
	left.ignored = append(left.ignored, a.keptTags()...)
	if a.SKU != config.SKUPremium { // which has the policies that args.policies leaves out below it
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

// keptTags is the input tags where an adopted resource keeps its own, because the stack file has none.
func (a *Args) keptTags() []string {
	if a.Adopt != "" && a.Tags == nil {
		return []string{"tags"}
	}
	return nil
}
