package config

import (
	"fmt"
	"slices"
)

// SKUs of Azure Container Registry, and all of them from the cheapest to the most expensive.
const (
	SKUBasic    = "Basic"
	SKUStandard = "Standard"
	SKUPremium  = "Premium"
)

var skus = []string{SKUBasic, SKUStandard, SKUPremium}

// feature is a feature of a registry.
type feature struct {
	key  string // below "registry."
	name string // for use in a sentence
	sku  string // the cheapest that has it
	used func(r *Registry) bool
}

// registryFeatures are all features, in the order in which the documentation lists them.
// https://learn.microsoft.com/azure/container-registry/container-registry-skus
var registryFeatures = []feature{
	{"replicas", "geo-replication", SKUPremium, func(r *Registry) bool { return len(r.Replicas) > 0 }},
	{"webhooks", "webhooks", SKUBasic, func(r *Registry) bool { return len(r.Webhooks) > 0 }},
	{"retentionDays", "retention of untagged manifests", SKUPremium, func(r *Registry) bool { return r.RetentionDays != nil }},
	{"softDeleteDays", "soft delete", SKUBasic, func(r *Registry) bool { return r.SoftDeleteDays != nil }},
	{"anonymousPull", "anonymous pull", SKUStandard, func(r *Registry) bool { return r.AnonymousPull }},
	{"quarantine", "quarantine", SKUPremium, func(r *Registry) bool { return r.Quarantine }},
	{"publicNetworkAccess", "a closed public network", SKUPremium, func(r *Registry) bool { return !r.Public() }},
	{"ipRules", "IP rules", SKUPremium, func(r *Registry) bool { return len(r.IPRules) > 0 }},
	{"trustedServices", "a bypass for trusted services that can be turned off", SKUPremium, func(r *Registry) bool { return !ValueOr(r.TrustedServices, true) }},
	{"dataEndpoints", "dedicated data endpoints", SKUPremium, func(r *Registry) bool { return r.DataEndpoints }},
	{"exports", "an export policy", SKUPremium, func(r *Registry) bool { return !ValueOr(r.Exports, true) }},
	{"identity", "identities", SKUBasic, func(r *Registry) bool { return r.Identity.System || len(r.Identity.User) > 0 }},
	{"encryption", "customer-managed keys", SKUPremium, func(r *Registry) bool { return r.Encryption != nil }},
	{"privateEndpoint", "private endpoints", SKUPremium, func(r *Registry) bool { return r.PrivateEndpoint != nil }},
	{"cache", "artifact cache", SKUBasic, func(r *Registry) bool { return len(r.Cache.Rules) > 0 }},
	{"purge", "scheduled purge of old tags", SKUBasic, func(r *Registry) bool { return r.Purge != nil }},
	{"diagnostics", "diagnostic settings", SKUBasic, func(r *Registry) bool { return r.Diagnostics != nil }},
	{"push", "push access", SKUBasic, func(r *Registry) bool { return len(r.Push) > 0 }},
	{"lock", "a lock against deletion", SKUBasic, func(r *Registry) bool { return r.Lock }},
}

// maxWebhooks is how many webhooks a registry can have.
var maxWebhooks = map[string]int{SKUBasic: 2, SKUStandard: 10, SKUPremium: 500}

// cheapestWith returns the end of a sentence about the limit of a SKU: the cheapest SKU that allows enough.
func cheapestWith(limits map[string]int, count int) string {
	cheapest := slices.IndexFunc(skus, func(sku string) bool { return count <= limits[sku] })
	if cheapest < 0 {
		return ""
	}
	return ", and " + skus[cheapest] + " is the cheapest that allows enough"
}

// Public reports whether the registry can be reached from the internet.
func (r *Registry) Public() bool { return ValueOr(r.PublicNetworkAccess, true) }

// closedToServices reports whether the network rules block Azure's own services, which import images and fill the cache:
// https://learn.microsoft.com/azure/container-registry/allow-access-trusted-services
func (r *Registry) closedToServices() bool {
	return (!r.Public() || len(r.IPRules) > 0) && !ValueOr(r.TrustedServices, true)
}

// validateFeatures reports each feature that the SKU does not have, with the cheapest that does.
func (r *Registry) validateFeatures(found *problems) {
	rank := slices.Index(skus, r.SKU)
	if rank < 0 {
		return // Already reported, and the intended SKU is unknown.
	}
	for _, feature := range registryFeatures {
		found.addUnless(!feature.used(r) || rank >= slices.Index(skus, feature.sku), "registry."+feature.key, nil,
			fmt.Sprintf("needs registry.sku %s, the cheapest with %s", feature.sku, feature.name))
	}
}
