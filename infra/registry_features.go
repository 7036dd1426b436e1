package infra

import (
	"fmt"
	"slices"
)

// SKUs of Azure Container Registry, and all of them from the cheapest to the dearest.
const (
	skuBasic    = "Basic"
	skuStandard = "Standard"
	skuPremium  = "Premium"
)

var skus = []string{skuBasic, skuStandard, skuPremium}

// feature is something a registry offers.
type feature struct {
	key  string // below "registry."
	name string // as it stands in a sentence
	sku  string // the cheapest that has it
	used func(r *RegistryConfig) bool
}

// registryFeatures are all features, in the order in which the README lists them.
// https://learn.microsoft.com/azure/container-registry/container-registry-skus
var registryFeatures = []feature{
	{"replicas", "geo-replication", skuPremium, func(r *RegistryConfig) bool { return len(r.Replicas) > 0 }},
	{"webhooks", "webhooks", skuBasic, func(r *RegistryConfig) bool { return len(r.Webhooks) > 0 }},
	{"retentionDays", "retention of untagged manifests", skuPremium, func(r *RegistryConfig) bool { return r.RetentionDays != nil }},
	{"softDeleteDays", "soft delete", skuBasic, func(r *RegistryConfig) bool { return r.SoftDeleteDays != nil }},
	{"anonymousPull", "anonymous pull", skuStandard, func(r *RegistryConfig) bool { return r.AnonymousPull }},
	{"quarantine", "quarantine", skuPremium, func(r *RegistryConfig) bool { return r.Quarantine }},
	{"publicNetworkAccess", "a closed public network", skuPremium, func(r *RegistryConfig) bool { return !r.public() }},
	{"ipRules", "IP rules", skuPremium, func(r *RegistryConfig) bool { return len(r.IPRules) > 0 }},
	{"trustedServices", "a choice about trusted services", skuPremium, func(r *RegistryConfig) bool { return !or(r.TrustedServices, true) }},
	{"dataEndpoints", "dedicated data endpoints", skuPremium, func(r *RegistryConfig) bool { return r.DataEndpoints }},
	{"exports", "an export policy", skuPremium, func(r *RegistryConfig) bool { return !or(r.Exports, true) }},
	{"identity", "identities", skuBasic, func(r *RegistryConfig) bool { return r.Identity.System || len(r.Identity.User) > 0 }},
	{"encryption", "customer-managed keys", skuPremium, func(r *RegistryConfig) bool { return r.Encryption != nil }},
	{"privateEndpoint", "private endpoints", skuPremium, func(r *RegistryConfig) bool { return r.PrivateEndpoint != nil }},
	{"cache", "artifact cache", skuBasic, func(r *RegistryConfig) bool { return len(r.Cache.Rules) > 0 }},
	{"purge", "scheduled purge of old tags", skuBasic, func(r *RegistryConfig) bool { return r.Purge != nil }},
	{"diagnostics", "diagnostic settings", skuBasic, func(r *RegistryConfig) bool { return r.Diagnostics != nil }},
	{"push", "push access", skuBasic, func(r *RegistryConfig) bool { return len(r.Push) > 0 }},
	{"lock", "a lock against deletion", skuBasic, func(r *RegistryConfig) bool { return r.Lock }},
	{"protect", "protection against Pulumi itself", skuBasic, func(r *RegistryConfig) bool { return r.Protect }},
}

// maxWebhooks is how many webhooks a registry may have.
var maxWebhooks = map[string]int{skuBasic: 2, skuStandard: 10, skuPremium: 500}

// cheapestWith ends a sentence on what a SKU allows with the cheapest one that allows enough.
func cheapestWith(limits map[string]int, count int) string {
	cheapest := slices.IndexFunc(skus, func(sku string) bool { return count <= limits[sku] })
	if cheapest < 0 {
		return ""
	}
	return ", and " + skus[cheapest] + " is the cheapest that has enough"
}

// public says whether the registry answers from the internet.
func (r *RegistryConfig) public() bool { return or(r.PublicNetworkAccess, true) }

// validateFeatures reports each feature that the SKU does not have, with the cheapest that does.
func (r *RegistryConfig) validateFeatures(found *problems) {
	rank := slices.Index(skus, r.SKU)
	if rank < 0 {
		return // Reported already, and what it should have been is not known.
	}
	for _, feature := range registryFeatures {
		found.addUnless(!feature.used(r) || rank >= slices.Index(skus, feature.sku), "registry."+feature.key, nil,
			fmt.Sprintf("needs registry.sku %s, the cheapest with %s", feature.sku, feature.name))
	}
}
