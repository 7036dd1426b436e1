package azuredouble

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxIPRules limits the IP rules of a registry.
const maxIPRules = 200

var onOff = []string{"enabled", "disabled"}

// registryOptions are the settings of a registry with few allowed values.
var registryOptions = []oneOf{
	{[]string{"publicNetworkAccess"}, []string{"Enabled", "Disabled"}},
	{[]string{"zoneRedundancy"}, []string{"Enabled", "Disabled"}},
	{[]string{"metadataSearch"}, []string{"Enabled", "Disabled"}},
	{[]string{"networkRuleBypassOptions"}, []string{"AzureServices", "None"}},
	{[]string{"networkRuleSet", "defaultAction"}, []string{"Allow", "Deny"}},
	{[]string{"encryption", "status"}, onOff},
	{[]string{"policies", "azureADAuthenticationAsArmPolicy", "status"}, onOff},
	{[]string{"policies", "exportPolicy", "status"}, onOff},
	{[]string{"policies", "quarantinePolicy", "status"}, onOff},
	{[]string{"policies", "retentionPolicy", "status"}, onOff},
	{[]string{"policies", "softDeletePolicy", "status"}, onOff},
	{[]string{"policies", "trustPolicy", "status"}, onOff},
	{[]string{"policies", "trustPolicy", "type"}, []string{"Notary"}},
}

// policy reports if a policy of a registry is on.
func policy(in props, name string) bool { return text(in, "policies", name, "status") == "enabled" }

// checkRegistrySettings applies ARM's rules to the settings of a registry.
func checkRegistrySettings(in props) error {
	sku := text(in, "sku", "name")
	if !slices.Contains(registrySKUs, sku) {
		return badRequest("SkuNotSupported", "The SKU %s is not supported.", sku)
	}
	if err := checkOneOf(in, registryOptions); err != nil {
		return err
	}
	if err := checkIdentity(in); err != nil {
		return err
	}
	if err := checkRetention(in); err != nil {
		return err
	}
	if sku == "Basic" && truth(in, "anonymousPullEnabled") {
		return badRequest("BadRequest", "Anonymous pull is not supported for SKU Managed_%s. For more information on SKU tiers,"+
			" please visit https://aka.ms/acr/tiers.", sku)
	}
	if sku != "Premium" {
		return checkBelowPremium(in, sku)
	}
	if text(in, "policies", "exportPolicy", "status") == "disabled" && text(in, "publicNetworkAccess") != "Disabled" {
		return badRequest("ExportPolicyRequiresPrivateAccess", "Exports can be disabled only when public network access is disabled.")
	}
	if err := checkIPRules(in, sku); err != nil {
		return err
	}
	return checkEncryption(in)
}

// checkRetention applies the rules on retention of untagged and deleted artifacts.
// Source: https://learn.microsoft.com/azure/container-registry/container-registry-soft-delete-policy#preview-limitations
func checkRetention(in props) error {
	if days, given := at(in, "policies", "retentionPolicy", "days").(float64); given && (days < 0 || days > 365) {
		return badRequest("InvalidRetentionDays", "The retention days must be between 0 and 365.")
	}
	if days, given := at(in, "policies", "softDeletePolicy", "retentionDays").(float64); given && (days < 1 || days > 90) {
		return badRequest("InvalidSoftDeleteRetentionDays", "The soft delete retention days must be between 1 and 90.")
	}
	if policy(in, "softDeletePolicy") && policy(in, "retentionPolicy") {
		return badRequest("SoftDeleteAndRetentionPolicyConflict",
			"The retention policy and the soft delete policy cannot be enabled at the same time.")
	}
	return nil
}

// checkBelowPremium rejects the features that only the SKU Premium has.
// Source: https://learn.microsoft.com/azure/container-registry/container-registry-skus
func checkBelowPremium(in props, sku string) error {
	switch {
	case at(in, "networkRuleSet") != nil, text(in, "networkRuleBypassOptions") == "None":
		return badRequest("NetworkRuleNotSupported", "The requested feature virtual network rule is not supported for the SKU %s.", sku)
	case text(in, "publicNetworkAccess") == "Disabled":
		return badRequest("DisablingPublicNetworkAccessNotSupported", "Disabling public network access is not supported for the SKU %s."+
			" For more information, please visit https://aka.ms/acr/private-link.", sku)
	case truth(in, "dataEndpointEnabled"):
		return badRequest("DataEndpointNotSupported", "The requested feature data endpoint rule is not supported for the SKU %s.", sku)
	case text(in, "encryption", "status") == "enabled", policy(in, "quarantinePolicy"), policy(in, "retentionPolicy"),
		policy(in, "trustPolicy"), text(in, "policies", "exportPolicy", "status") == "disabled":
		return badRequest("SkuNotSupported", "The SKU %s is not supported.", sku)
	}
	return nil
}

// notPublic are the ranges that no internet client uses.
// Source: https://www.iana.org/assignments/iana-ipv4-special-registry
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"),
}

func checkIPRules(in props, sku string) error {
	rules := objects(in, "networkRuleSet", "ipRules")
	if len(rules) > maxIPRules {
		return badRequest("IPRuleQuotaExceeded", "The requested feature IP rule exceeds allowed quota %d for the SKU %s.", maxIPRules, sku)
	}
	seen := map[string]bool{}
	for _, rule := range rules {
		value := text(rule, "iPAddressOrRange")
		prefix, ok := ipRange(value)
		if !ok || !prefix.Addr().Is4() || slices.ContainsFunc(notPublic, prefix.Overlaps) {
			return badRequest("InvalidIPRule", "The IP rule '%s' is invalid. It must be a public IPv4 address or a range in CIDR notation.", value)
		}
		if seen[prefix.String()] {
			return badRequest("DuplicateIPRule", "The IP rule '%s' is given more than once.", value)
		}
		seen[prefix.String()] = true
	}
	return nil
}

// ipRange reads an address or a range without host bits.
func ipRange(rule string) (netip.Prefix, bool) {
	if address, err := netip.ParseAddr(rule); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(rule)
	return prefix, err == nil && prefix == prefix.Masked()
}

// checkEncryption checks a customer-managed key.
// Source: https://learn.microsoft.com/azure/container-registry/tutorial-enable-customer-managed-keys
func checkEncryption(in props) error {
	if text(in, "encryption", "status") != "enabled" {
		return nil
	}
	key, client := text(in, "encryption", "keyVaultProperties", "keyIdentifier"), text(in, "encryption", "keyVaultProperties", "identity")
	switch {
	case !strings.HasPrefix(key, "https://") || !strings.Contains(key, "/keys/"):
		return badRequest("InvalidKeyIdentifier", "The key identifier '%s' is not valid.", key)
	case len(userIdentities(in)) == 0 || client == "":
		return badRequest("CmkIdentityRequired", "A user assigned identity is required to enable encryption with a customer-managed key.")
	case policy(in, "trustPolicy"):
		return badRequest("ContentTrustNotSupported", "Content trust is not supported in a registry encrypted with a customer-managed key.")
	}
	return nil
}

// checkRegistryChange applies the rules on registry changes.
func checkRegistryChange(s *state, r *armResource, in props) error {
	if zoneRedundancy(in) != zoneRedundancy(r.Settings) {
		return badRequest("InvalidZoneRedundancyUpdate", "The zone redundancy of a registry cannot be changed.")
	}
	if (text(in, "encryption", "status") == "enabled") != (text(r.Settings, "encryption", "status") == "enabled") {
		return badRequest("CmkUpdateNotAllowed", "Encryption with a customer-managed key can be enabled only when the registry is created,"+
			" and cannot be disabled.")
	}
	if sku := text(in, "sku", "name"); sku != "Premium" && len(s.children(r, "replications")) > 0 {
		return badRequest("ReplicationNotSupported", "The requested feature replication is not supported for the SKU %s.", sku)
	}
	if sku := text(in, "sku", "name"); sku != "Premium" && len(s.endpoints(r)) > 0 {
		return errNoPrivateEndpoint(sku)
	}
	if policy(in, "softDeletePolicy") && len(s.children(r, "replications")) > 0 {
		return errSoftDeleteReplicated()
	}
	return checkWebhookQuota(in, len(s.children(r, "webhooks")))
}

func errSoftDeleteReplicated() error {
	return armError(http.StatusBadRequest, "SoftDeleteNotSupported", "The soft delete policy is not supported in a geo-replicated registry.")
}
