package registry

import (
	"strings"

	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

// policies returns the registry's policies, including those that are off, so that a policy that is turned off here is turned off in
// Azure. It leaves out policies that the SKU does not have.
func (a *Args) policies() *acr.PoliciesArgs {
	softDelete := &acr.SoftDeletePolicyArgs{Status: status(a.SoftDeleteDays != nil)}
	if days := a.SoftDeleteDays; days != nil {
		softDelete.RetentionDays = pulumi.Int(*days)
	}
	policies := &acr.PoliciesArgs{SoftDeletePolicy: softDelete}
	if a.SKU != config.SKUPremium {
		return policies
	}
	retention := &acr.RetentionPolicyArgs{Status: status(a.RetentionDays != nil)}
	if days := a.RetentionDays; days != nil {
		retention.Days = pulumi.Int(*days)
	}
	policies.RetentionPolicy = retention
	policies.QuarantinePolicy = &acr.QuarantinePolicyArgs{Status: status(a.Quarantine)}
	policies.ExportPolicy = &acr.ExportPolicyArgs{Status: status(config.ValueOr(a.Exports, true))}
	return policies
}

// status returns Azure's spelling of the switch of a policy or a webhook.
func status(on bool) pulumi.String {
	if on {
		return "enabled"
	}
	return "disabled"
}

// networkRules returns the rules for the public network. Like policies, it includes rules that allow everyone.
func (a *Args) networkRules() acr.NetworkRuleSetPtrInput {
	if a.SKU != config.SKUPremium {
		return nil
	}
	rules := &acr.NetworkRuleSetArgs{DefaultAction: pulumi.String("Allow")}
	allowed := acr.IPRuleArray{}
	for _, address := range a.IPRules {
		rules.DefaultAction = pulumi.String("Deny")
		allowed = append(allowed, &acr.IPRuleArgs{Action: pulumi.String("Allow"), IPAddressOrRange: pulumi.String(strings.TrimSuffix(address, "/32"))})
	}
	rules.IpRules = allowed
	return rules
}

func (a *Args) publicNetworkAccess() pulumi.String {
	if a.Public() {
		return "Enabled"
	}
	return "Disabled"
}

func (a *Args) networkBypass() pulumi.String {
	if config.ValueOr(a.TrustedServices, true) {
		return "AzureServices"
	}
	return "None"
}

// identityInput returns nil if the registry has no identity. It uses the registry's own spelling if only the case differs.
func identityInput(identity config.Identity, as registryIdentity) acr.IdentityPropertiesPtrInput {
	var kind acr.ResourceIdentityType
	switch {
	case identity.System && len(identity.User) > 0:
		kind = acr.ResourceIdentityType_SystemAssigned_UserAssigned
	case identity.System:
		kind = acr.ResourceIdentityTypeSystemAssigned
	case len(identity.User) > 0:
		kind = acr.ResourceIdentityTypeUserAssigned
	default:
		return nil
	}
	input := &acr.IdentityPropertiesArgs{Type: acr.ResourceIdentityType(as.spelled(string(kind)))}
	if len(identity.User) > 0 {
		users := pulumi.StringArray{}
		for _, id := range identity.User {
			users = append(users, pulumi.String(as.spelled(id)))
		}
		input.UserAssignedIdentities = users
	}
	return input
}

// encryptionInput returns nil if the registry uses Azure's own key.
func encryptionInput(encryption *config.Encryption) acr.EncryptionPropertyPtrInput {
	if encryption == nil {
		return nil
	}
	return &acr.EncryptionPropertyArgs{
		Status: pulumi.String("enabled"),
		KeyVaultProperties: &acr.KeyVaultPropertiesArgs{
			KeyIdentifier: pulumi.String(encryption.KeyID),
			Identity:      pulumi.String(encryption.IdentityClientID),
		},
	}
}
