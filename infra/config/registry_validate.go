package config

import (
	"fmt"
	"maps"
	"net/netip"
	"path"
	"reflect"
	"slices"
	"strings"
)

const ruleSameName = "is listed twice, in different case; Azure ignores the case of names"

// UsesACR reports whether images come from an Azure Container Registry.
func (c *Config) UsesACR() bool { return c.Registry.External == "" }

func (c *Config) validateRegistry(found *problems) {
	r := &c.Registry
	if !c.UsesACR() {
		return
	}
	c.validatePull(found)
	if r.Existing != nil {
		r.validateExisting(found)
		return
	}
	r.validateAdopt(found)
	found.addUnless(r.Adopt != "" || !reservedName.MatchString(r.Name), "registry.name", r.Name,
		"is or has a word that Azure reserves: microsoft and windows anywhere, login at the beginning, and names of products alone")
	found.addUnless(!r.ResourceGroup.Existing || r.ResourceGroup.Name != "", "registry.resourceGroup.name", nil,
		"is missing; registry.resourceGroup.existing needs the name of the group to use")
	found.addUnless(r.ResourceGroup.Existing || c.Location != "", "azure-native:location", nil,
		"is missing; set the region of the resource group, such as westeurope")
	found.addUnless(c.Location == "" || kinds["region"].allows(c.Location), "azure-native:location", c.Location, kinds["region"].rule)
	r.validateFeatures(found)
	r.validateRegions(found, c.home())
	r.validateWebhooks(found)
	r.validateRetention(found)
	r.validateNetwork(found, c.Cloud.privateZone())
	r.validateIdentity(found)
	c.validateCache(found)
	c.validatePurge(found)
	r.validatePush(found)
}

// validateExisting refuses settings that only the registry's owner can change.
func (r *Registry) validateExisting(found *problems) {
	byName := r.Existing.Name != "" || r.Existing.ResourceGroup != ""
	forms := 0
	for _, given := range []bool{byName, r.Existing.ID != "", r.Existing.Stack != ""} {
		if given {
			forms++
		}
	}
	switch {
	case forms != 1:
		found.add("registry.existing", nil, "takes exactly one of name with resourceGroup, id, and stack")
	case byName:
		found.addUnless(r.Existing.Name != "", "registry.existing.name", nil, "is missing")
		found.addUnless(r.Existing.ResourceGroup != "", "registry.existing.resourceGroup", nil, "is missing")
	}
	given := reflect.ValueOf(*r)
	for i := range given.NumField() {
		switch key := given.Type().Field(i).Tag.Get("json"); key {
		case "existing", "pull", "abac":
		default:
			found.addUnless(given.Field(i).IsZero(), "registry."+key, nil,
				"is decided by the registry's owner; leave it out when registry.existing is set")
		}
	}
}

func (r *Registry) validateAdopt(found *problems) {
	id, ok := ParseRegistryID(r.Adopt)
	if !ok {
		return
	}
	found.addUnless(id.Name == r.Name, "registry.name", r.Name, "is not the name in registry.adopt; leave it out")
	found.addUnless(id.ResourceGroup == r.ResourceGroup.Name, "registry.resourceGroup.name", r.ResourceGroup.Name,
		"is not the resource group in registry.adopt; leave it out")
}

// validateRegions reports replicas and webhooks in regions that Azure does not allow. Home is the registry's own region, empty if
// it is not known yet.
func (r *Registry) validateRegions(found *problems, home string) {
	seen := map[string]bool{normalizeRegion(home): true}
	for i, replica := range r.Replicas {
		key := fmt.Sprintf("registry.replicas.%d.location", i)
		found.addUnless(!seen[replica.Location] || replica.Location == "", key, replica.Location,
			"is already used; a registry has at most one replica in a region, and none in its own region")
		seen[replica.Location] = true
	}
	for _, name := range slices.Sorted(maps.Keys(r.Webhooks)) {
		location := r.Webhooks[name].Location
		found.addUnless(location == "" || home == "" || seen[location], "registry.webhooks."+name+".location", location,
			"is neither the registry's region nor that of a replica")
	}
}

// home returns the region of the registry, or an empty string if it is the region of an existing resource group.
func (c *Config) home() string {
	if c.Registry.ResourceGroup.Existing {
		return ""
	}
	return c.Location
}

// CheckRegion reports replicas and webhooks that conflict with the registry's region. It is for a region that only Azure knows.
func (r *Registry) CheckRegion(home string) error {
	var found problems
	r.validateRegions(&found, home)
	return found.err(nil)
}

// normalizeRegion writes "West Europe" as "westeurope", the form that Azure returns.
func normalizeRegion(region string) string {
	return strings.ToLower(strings.ReplaceAll(region, " ", ""))
}

// normalizeRegions writes every region of the configuration in that form, so that regions can be compared.
func (c *Config) normalizeRegions() {
	c.Location = normalizeRegion(c.Location)
	for i := range c.Registry.Replicas {
		c.Registry.Replicas[i].Location = normalizeRegion(c.Registry.Replicas[i].Location)
	}
	for name, webhook := range c.Registry.Webhooks {
		webhook.Location = normalizeRegion(webhook.Location)
		c.Registry.Webhooks[name] = webhook
	}
	if e := c.Registry.PrivateEndpoint; e != nil {
		e.Location = normalizeRegion(e.Location)
	}
}

// warnWebhooks warns of a scope that means less than it seems to: to Azure, "foo" is "foo:latest".
// https://learn.microsoft.com/rest/api/containerregistry/webhooks/create
func (r *Registry) warnWebhooks(warn func(key string, value any, rule string)) {
	for _, name := range slices.Sorted(maps.Keys(r.Webhooks)) {
		if scope := r.Webhooks[name].Scope; scope != "" && !strings.Contains(scope, ":") {
			warn("registry.webhooks."+name+".scope", scope, fmt.Sprintf("means %q to Azure; write %q for all tags", scope+":latest", scope+":*"))
		}
	}
}

// webhookActions are the events of which a webhook can be notified.
var webhookActions = []string{"push", "delete", "quarantine", "chart_push", "chart_delete"}

func (r *Registry) validateWebhooks(found *problems) {
	if allowed, known := maxWebhooks[r.SKU]; known && len(r.Webhooks) > allowed {
		found.add("registry.webhooks", nil, fmt.Sprintf("has %d webhooks; registry.sku %s allows %d%s",
			len(r.Webhooks), r.SKU, allowed, cheapestWith(maxWebhooks, len(r.Webhooks))))
	}
	addSameNames(found, "registry.webhooks", r.Webhooks)
	for _, name := range slices.Sorted(maps.Keys(r.Webhooks)) {
		key, webhook := "registry.webhooks."+name, r.Webhooks[name]
		for i, action := range webhook.Actions {
			found.addUnless(slices.Index(webhook.Actions, action) == i, fmt.Sprintf("%s.actions.%d", key, i), action, "is listed twice")
		}
	}
}

// addSameNames reports names that differ in nothing but their case.
func addSameNames[V any](found *problems, key string, named map[string]V) {
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		found.addUnless(!seen[strings.ToLower(name)], key+"."+name, nil, ruleSameName)
		seen[strings.ToLower(name)] = true
	}
}

func (r *Registry) validateRetention(found *problems) {
	if r.SoftDeleteDays != nil {
		found.addUnless(r.RetentionDays == nil, "registry.softDeleteDays", nil,
			"excludes registry.retentionDays; Azure has either soft delete or retention")
		found.addUnless(len(r.Replicas) == 0, "registry.softDeleteDays", nil,
			"excludes registry.replicas; Azure has no soft delete in a replicated registry")
	}
}

func (r *Registry) validateNetwork(found *problems, privateZone string) {
	found.addUnless(len(r.IPRules) == 0 || r.Public(), "registry.ipRules", nil,
		"excludes publicNetworkAccess false, which closes the registry to the internet")
	seen := map[netip.Prefix]bool{}
	for i, rule := range r.IPRules {
		addresses, ok := publicIPv4(rule)
		found.addUnless(!ok || !seen[addresses], fmt.Sprintf("registry.ipRules.%d", i), rule, "is listed twice")
		seen[addresses] = true
	}
	found.addUnless(ValueOr(r.Exports, true) || !r.Public(), "registry.exports", nil,
		"false needs publicNetworkAccess false; Azure can stop exports only for a registry that is closed to the internet")
	if e := r.PrivateEndpoint; e != nil && e.DNSZoneID != "" {
		found.addUnless(strings.EqualFold(path.Base(e.DNSZoneID), privateZone), "registry.privateEndpoint.dnsZoneId",
			path.Base(e.DNSZoneID), "is not "+privateZone+", the zone in which clients look for registries")
	}
}

// notPublic are the ranges of addresses that are not public:
// https://www.iana.org/assignments/iana-ipv4-special-registry
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"),
}

// publicIPv4 parses an address or a range, and reports whether all of it is public.
func publicIPv4(rule string) (netip.Prefix, bool) {
	prefix, err := netip.ParsePrefix(rule)
	if address, single := netip.ParseAddr(rule); single == nil {
		prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	ok := err == nil && prefix.Addr().Is4() && prefix.Masked() == prefix && !slices.ContainsFunc(notPublic, prefix.Overlaps)
	return prefix, ok
}

func (r *Registry) validateIdentity(found *problems) {
	seen := map[string]bool{}
	for i, id := range r.Identity.User {
		key := fmt.Sprintf("registry.identity.user.%d", i)
		found.addUnless(!seen[strings.ToLower(id)], key, id, "is listed twice")
		seen[strings.ToLower(id)] = true
	}
	if r.Encryption != nil {
		found.addUnless(len(r.Identity.User) > 0, "registry.identity.user", nil,
			"is missing; registry.encryption reads the key with a user-assigned identity, because the registry's own does not exist yet")
	}
}

// Kinds of principals that a role can be assigned to.
const (
	ServicePrincipal = "ServicePrincipal" // a managed identity as well
	principalGroup   = "Group"
	principalUser    = "User"
)

// principalTypes are the kinds of principals that the stack can allow to push.
var principalTypes = []string{ServicePrincipal, principalGroup, principalUser}

func (r *Registry) validatePush(found *problems) {
	seen := map[string]bool{}
	for i, push := range r.Push {
		key := fmt.Sprintf("registry.push.%d", i)
		id := strings.ToLower(push.PrincipalID)
		found.addUnless(!seen[id] || id == "", key+".principalId", push.PrincipalID, "is listed twice; Azure assigns a role once")
		seen[id] = true
	}
}
