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

// lookUpAdopted returns the adopted registry as Azure has it, or nil for a new registry.
func (a *Args) lookUpAdopted(ctx *pulumi.Context, parent pulumi.Resource) (*acr.LookupRegistryResult, error) {
	id, adopted := config.ParseRegistryID(a.Adopt)
	if !adopted {
		return nil, nil //nolint:nilnil // it is new
	}
	found, err := acr.LookupRegistry(ctx, &acr.LookupRegistryArgs{ResourceGroupName: id.ResourceGroup, RegistryName: id.Name}, pulumi.Parent(parent))
	if err != nil {
		return nil, fmt.Errorf("registry.adopt: %w", err)
	}
	return found, nil
}

// ignored lists the inputs that the program leaves unchanged: those that have no key in the stack file and a default in the SDK; of an
// adopted registry, also those that the stack file does not mention. azure-native treats everything that Azure returns as inputs, and
// compares them strictly, so that the adoption of a registry in use would remove every setting that the program does not send.
func (a *Args) ignored() []string {
	inputs := []string{"zoneRedundancy", "metadataSearch"}
	if a.Adopt == "" {
		return inputs
	}
	inputs = append(inputs, "policies.trustPolicy", "policies.azureADAuthenticationAsArmPolicy")
	inputs = append(inputs, a.keptTags()...)
	if a.SKU != config.SKUPremium { // policies leaves these out for the other SKUs
		inputs = append(inputs, "policies.retentionPolicy", "policies.quarantinePolicy", "policies.exportPolicy")
	}
	if a.Encryption == nil {
		inputs = append(inputs, "encryption")
	}
	if !a.Identity.System && len(a.Identity.User) == 0 {
		inputs = append(inputs, "identity")
	}
	return inputs
}

// keptTags returns the input tags if an adopted resource keeps its own tags, because the stack file has none.
func (a *Args) keptTags() []string {
	if a.Adopt != "" && a.Tags == nil {
		return []string{"tags"}
	}
	return nil
}

// registryIdentity holds an identity's type and ids, as Azure spells them.
type registryIdentity []string

// identityOf returns the identity of an adopted registry, which can be nil.
func identityOf(found *acr.LookupRegistryResult) registryIdentity {
	var identity registryIdentity
	if found == nil || found.Identity == nil {
		return identity
	}
	if found.Identity.Type != nil {
		identity = append(identity, *found.Identity.Type)
	}
	for user := range found.Identity.UserAssignedIdentities {
		identity = append(identity, user)
	}
	return identity
}

// spelled returns a text in Azure's spelling. Azure ignores case.
func (r registryIdentity) spelled(text string) string {
	for _, own := range r {
		if strings.EqualFold(own, text) {
			return own
		}
	}
	return text
}
