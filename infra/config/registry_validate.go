package config

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// privateZone is the private DNS zone of registries: https://learn.microsoft.com/azure/private-link/private-endpoint-dns
const privateZone = "privatelink.azurecr.io"

// Limits of Azure.
const (
	maxRetentionDays  = 365
	maxSoftDeleteDays = 90
	maxIPRules        = 200
	maxCondition      = 8 << 10 // bytes of a role assignment's condition
)

var (
	registryNamePattern  = regexp.MustCompile(`^[a-zA-Z0-9]{5,50}$`)
	resourceGroupPattern = regexp.MustCompile(`^[-\w.()]{0,89}[-\w()]$`)
	regionPattern        = regexp.MustCompile(`^[a-z0-9]+$`)
	guidPattern          = regexp.MustCompile(`^(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	keyPattern           = regexp.MustCompile(`^https://[a-zA-Z0-9-]{3,24}\.(vault|managedhsm)\.[\w.]+/keys/[a-zA-Z0-9-]{1,127}(/[0-9a-f]{32})?$`)
	secretPattern        = regexp.MustCompile(`^https://([a-zA-Z0-9-]{3,24})\.vault\.[\w.]+/secrets/[a-zA-Z0-9-]{1,127}(/[0-9a-f]{32})?$`)
	webhookScopePattern  = regexp.MustCompile(`^[a-z0-9._/-]+(:[\w.*-]+)?$`)
	headerPattern        = regexp.MustCompile(`^[\w!#$%&'*+.^|~\x60-]+$`)
)

const (
	ruleRegistryName  = "is not a registry name: 5 to 50 letters and digits"
	ruleResourceGroup = "is not a resource group name: 1 to 90 letters, digits and -_.(), not ending with a dot"
	ruleRegion        = "is not the short name of an Azure region, such as northeurope"
	ruleGUID          = "is not a GUID"
	ruleSameName      = "is there already in another case, which Azure takes for the same name"
)

// UsesACR says whether images come from an Azure Container Registry.
func (c *Config) UsesACR() bool { return c.Registry.External == "" }

func (c *Config) validateRegistry(found *problems) {
	r := &c.Registry
	if !c.UsesACR() {
		_, err := reference.ParseNormalizedNamed(r.External + "/name")
		found.addUnless(err == nil && namesHost(r.External+"/name"), "registry.external", r.External,
			`is not a registry host with an optional path, such as "docker.io/wolfgangofner"`)
		return
	}
	c.validatePull(found)
	if r.Existing != nil {
		r.validateExisting(found)
		return
	}
	found.addUnless(r.Name == "" || registryNamePattern.MatchString(r.Name), "registry.name", r.Name, ruleRegistryName)
	found.addUnless(slices.Contains(skus, r.SKU), "registry.sku", r.SKU, "is not one of "+strings.Join(skus, ", "))
	r.validateAdopt(found)
	found.addUnless(r.ResourceGroup.Name == "" || resourceGroupPattern.MatchString(r.ResourceGroup.Name),
		"registry.resourceGroup.name", r.ResourceGroup.Name, ruleResourceGroup)
	found.addUnless(!r.ResourceGroup.Existing || r.ResourceGroup.Name != "", "registry.resourceGroup.name", nil,
		"is missing; registry.resourceGroup.existing takes the name of the group to use")
	found.addUnless(r.ResourceGroup.Existing || c.Location != "", "azure-native:location", nil,
		"is missing; set the region of the resource group, such as westeurope")
	r.validateFeatures(found)
	r.validateRegions(found, c.home())
	r.validateWebhooks(found)
	r.validateRetention(found)
	r.validateNetwork(found)
	r.validateIdentity(found)
	r.validateCache(found)
	c.validatePurge(found)
	r.validatePush(found)
	if d := r.Diagnostics; d != nil {
		found.addUnlessARMID("registry.diagnostics.workspaceId", d.WorkspaceID, "Microsoft.OperationalInsights/workspaces")
	}
}

// stackPattern is the full name of a stack: https://www.pulumi.com/docs/iac/concepts/stacks/
var stackPattern = regexp.MustCompile(`^[\w.-]+/[\w.-]+/[\w.-]+$`)

// validateExisting refuses what only the registry's owner decides.
func (r *Registry) validateExisting(found *problems) {
	byName := r.Existing.Name != "" || r.Existing.ResourceGroup != ""
	switch {
	case byName == (r.Existing.Stack != ""):
		found.add("registry.existing", nil, "takes either name and resourceGroup, or stack")
	case byName:
		found.addUnless(registryNamePattern.MatchString(r.Existing.Name), "registry.existing.name", r.Existing.Name, ruleRegistryName)
		found.addUnless(resourceGroupPattern.MatchString(r.Existing.ResourceGroup), "registry.existing.resourceGroup",
			r.Existing.ResourceGroup, ruleResourceGroup)
	default:
		found.addUnless(stackPattern.MatchString(r.Existing.Stack), "registry.existing.stack", r.Existing.Stack,
			`is not a stack's full name, such as "organization/acr-microservices/dev"`)
	}
	given := reflect.ValueOf(*r)
	for i := range given.NumField() {
		switch key := given.Type().Field(i).Tag.Get("json"); key {
		case "existing", "pull", "abac":
		default:
			found.addUnless(given.Field(i).IsZero(), "registry."+key, nil,
				"is decided by the registry's owner; leave it out beside registry.existing")
		}
	}
}

func (r *Registry) validateAdopt(found *problems) {
	if r.Adopt == "" {
		return
	}
	found.addUnlessARMID("registry.adopt", r.Adopt, "Microsoft.ContainerRegistry/registries")
	id, ok := ParseRegistryID(r.Adopt)
	if !ok {
		return
	}
	found.addUnless(id.Name == r.Name, "registry.name", r.Name, "is not the name in registry.adopt; leave it out")
	found.addUnless(id.ResourceGroup == r.ResourceGroup.Name, "registry.resourceGroup.name", r.ResourceGroup.Name,
		"is not the resource group in registry.adopt; leave it out")
}

// validateRegions reports replicas and webhooks in regions where they cannot be. Home is the registry's own region, empty if it
// is not known yet.
func (r *Registry) validateRegions(found *problems, home string) {
	home = normalizeRegion(home)
	seen := map[string]bool{home: true}
	for i, replica := range r.Replicas {
		key := fmt.Sprintf("registry.replicas.%d.location", i)
		switch {
		case !regionPattern.MatchString(replica.Location):
			found.add(key, replica.Location, ruleRegion)
		case seen[replica.Location]:
			found.add(key, replica.Location, "is there already; a registry has one replica in a region, its own included")
		}
		seen[replica.Location] = true
	}
	for _, name := range slices.Sorted(maps.Keys(r.Webhooks)) {
		location := r.Webhooks[name].Location
		found.addUnless(location == "" || home == "" || seen[location], "registry.webhooks."+name+".location", location,
			"is neither the registry's region nor that of a replica")
	}
}

// home is the region of the registry; empty where that is the one of a resource group which is there already.
func (c *Config) home() string {
	if c.Registry.ResourceGroup.Existing {
		return ""
	}
	return c.Location
}

// CheckRegion reports replicas and webhooks that do not fit the registry's region, which is known only from Azure.
func (r *Registry) CheckRegion(home string) error {
	var found problems
	r.validateRegions(&found, home)
	return found.err(nil)
}

// normalizeRegion writes "West Europe" as "westeurope".
func normalizeRegion(region string) string {
	return strings.ToLower(strings.ReplaceAll(region, " ", ""))
}

// webhookActions are what a webhook can be told.
var webhookActions = []string{"push", "delete", "quarantine", "chart_push", "chart_delete"}

func (r *Registry) validateWebhooks(found *problems) {
	if allowed, known := maxWebhooks[r.SKU]; known && len(r.Webhooks) > allowed {
		found.add("registry.webhooks", nil, fmt.Sprintf("has %d webhooks; registry.sku %s allows %d%s",
			len(r.Webhooks), r.SKU, allowed, cheapestWith(maxWebhooks, len(r.Webhooks))))
	}
	addSameNames(found, "registry.webhooks", r.Webhooks)
	for _, name := range slices.Sorted(maps.Keys(r.Webhooks)) {
		key, webhook := "registry.webhooks."+name, r.Webhooks[name]
		found.addUnless(registryNamePattern.MatchString(name), key, nil, "is not a webhook name: 5 to 50 letters and digits")
		at, err := url.Parse(webhook.ServiceURI)
		// The address may hold a token, and is not shown.
		isAddress := err == nil && at.Host != "" && (at.Scheme == "https" || at.Scheme == "http") && !strings.Contains(webhook.ServiceURI, " ")
		found.addUnless(isAddress, key+".serviceUri", nil,
			"is not the http or https address of a service")
		found.addUnless(len(webhook.Actions) > 0, key+".actions", nil, "is missing; list some of "+strings.Join(webhookActions, ", "))
		for i, action := range webhook.Actions {
			at := fmt.Sprintf("%s.actions.%d", key, i)
			found.addUnless(slices.Contains(webhookActions, action), at, action, "is not one of "+strings.Join(webhookActions, ", "))
			found.addUnless(slices.Index(webhook.Actions, action) == i, at, action, "is there already")
		}
		found.addUnless(webhook.Scope == "" || webhookScopePattern.MatchString(webhook.Scope), key+".scope", webhook.Scope,
			`is not a repository, "repository:tag" or "repository:*"`)
		for _, header := range slices.Sorted(maps.Keys(webhook.Headers)) {
			// Its value may be a token, and is not shown.
			found.addUnless(headerPattern.MatchString(header) && !strings.ContainsAny(webhook.Headers[header], "\r\n"),
				key+".headers."+header, nil, "is not a header of HTTP: a name without spaces and colons, and a value on one line")
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
	if days := r.RetentionDays; days != nil {
		found.addUnless(*days >= 0 && *days <= maxRetentionDays, "registry.retentionDays", *days,
			fmt.Sprintf("is not from 0 to %d", maxRetentionDays))
	}
	if days := r.SoftDeleteDays; days != nil {
		found.addUnless(*days >= 1 && *days <= maxSoftDeleteDays, "registry.softDeleteDays", *days,
			fmt.Sprintf("is not from 1 to %d", maxSoftDeleteDays))
		found.addUnless(r.RetentionDays == nil, "registry.softDeleteDays", nil,
			"excludes registry.retentionDays; Azure has either soft delete or retention")
		found.addUnless(len(r.Replicas) == 0, "registry.softDeleteDays", nil,
			"excludes registry.replicas; Azure has no soft delete in a replicated registry")
	}
}

func (r *Registry) validateNetwork(found *problems) {
	found.addUnless(len(r.IPRules) <= maxIPRules, "registry.ipRules", nil,
		fmt.Sprintf("has %d rules; Azure allows %d", len(r.IPRules), maxIPRules))
	found.addUnless(len(r.IPRules) == 0 || r.Public(), "registry.ipRules", nil,
		"excludes publicNetworkAccess false, with which nobody comes in from the internet")
	seen := map[netip.Prefix]bool{}
	for i, rule := range r.IPRules {
		addresses, ok := publicIPv4(rule)
		found.addUnless(ok, fmt.Sprintf("registry.ipRules.%d", i), rule,
			"is not a public IPv4 address or a CIDR range of such, without host bits")
		found.addUnless(!ok || !seen[addresses], fmt.Sprintf("registry.ipRules.%d", i), rule, "is there already")
		seen[addresses] = true
	}
	found.addUnless(ValueOr(r.Exports, true) || !r.Public(), "registry.exports", nil,
		"false needs publicNetworkAccess false; Azure stops exports only where the internet cannot pull either")
	if e := r.PrivateEndpoint; e != nil {
		found.addUnlessARMID("registry.privateEndpoint.subnetId", e.SubnetID, "Microsoft.Network/virtualNetworks/subnets")
		found.addUnless(e.Location == "" || regionPattern.MatchString(e.Location), "registry.privateEndpoint.location", e.Location, ruleRegion)
		if e.DNSZoneID != "" {
			found.addUnlessARMID("registry.privateEndpoint.dnsZoneId", e.DNSZoneID, "Microsoft.Network/privateDnsZones")
			found.addUnless(strings.EqualFold(path.Base(e.DNSZoneID), privateZone), "registry.privateEndpoint.dnsZoneId",
				path.Base(e.DNSZoneID), "is not "+privateZone+", the zone in which clients look for registries")
		}
	}
}

// notPublic are the addresses with which nobody comes in from the internet:
// https://www.iana.org/assignments/iana-ipv4-special-registry
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"),
}

// publicIPv4 reads an address or a range, and says whether it is public throughout.
func publicIPv4(rule string) (netip.Prefix, bool) {
	prefix, err := netip.ParsePrefix(rule)
	if address, single := netip.ParseAddr(rule); single == nil {
		prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	ok := err == nil && prefix.Addr().Is4() && prefix.Masked() == prefix && !slices.ContainsFunc(notPublic, prefix.Overlaps)
	return prefix, ok
}

// addUnlessARMID adds the problem unless the value is an ARM id of a type such as "Microsoft.KeyVault/vaults".
func (p *problems) addUnlessARMID(key, value, kind string) {
	provider, types, _ := strings.Cut(kind, "/")
	form := "/subscriptions/<id>/resourceGroups/<name>/providers/" + provider
	for _, name := range strings.Split(types, "/") {
		form += "/" + name + "/<name>"
	}
	want, got := strings.Split(form, "/"), strings.Split(value, "/")
	same := len(want) == len(got)
	for i := 0; same && i < len(want); i++ {
		same = strings.EqualFold(want[i], got[i]) || want[i] == "<name>" && got[i] != "" || want[i] == "<id>" && guidPattern.MatchString(got[i])
	}
	p.addUnless(same, key, value, "is not an ARM id "+form)
}

func (r *Registry) validateIdentity(found *problems) {
	seen := map[string]bool{}
	for i, id := range r.Identity.User {
		key := fmt.Sprintf("registry.identity.user.%d", i)
		found.addUnlessARMID(key, id, "Microsoft.ManagedIdentity/userAssignedIdentities")
		found.addUnless(!seen[strings.ToLower(id)], key, id, "is there already")
		seen[strings.ToLower(id)] = true
	}
	if e := r.Encryption; e != nil {
		found.addUnless(keyPattern.MatchString(e.KeyID), "registry.encryption.keyId", e.KeyID,
			"is not the address of a Key Vault key, such as https://example.vault.azure.net/keys/name")
		found.addUnless(guidPattern.MatchString(e.IdentityClientID), "registry.encryption.identityClientId", e.IdentityClientID, ruleGUID)
		found.addUnless(len(r.Identity.User) > 0, "registry.identity.user", nil,
			"is missing; registry.encryption reads the key with a user-assigned identity, for the registry's own is not there yet")
	}
}

// validatePull reports what is wrong with the way in which the cluster is to pull.
func (c *Config) validatePull(found *problems) {
	pull, seen := c.Registry.Pull, map[string]bool{}
	for i, mode := range c.PullModes() {
		key := "registry.pull.mode"
		if i > 0 {
			key = fmt.Sprintf("registry.pull.also.%d", i-1)
		}
		switch {
		case !slices.Contains(pullModes, mode):
			found.add(key, mode, "is not one of "+strings.Join(pullModes, ", "))
		case seen[mode]:
			found.add(key, mode, "is in force already")
		}
		seen[mode] = true
	}
	found.addUnless(pull.KubeletPrincipalID == "" || guidPattern.MatchString(pull.KubeletPrincipalID), "registry.pull.kubeletPrincipalId",
		pull.KubeletPrincipalID, "is not the object id of a principal in Entra, a GUID")
	found.addUnless(pull.KubeletPrincipalID == "" || seen[PullByKubeletIdentity], "registry.pull.kubeletPrincipalId", nil,
		"is used in the mode kubeletIdentity only")
	found.addUnless(!seen[PullByKubeletIdentity] || pull.KubeletPrincipalID != "" || c.Cluster.AKS != nil, "registry.pull.kubeletPrincipalId", nil,
		"is missing; the mode kubeletIdentity takes it, or a cluster.aks that knows it")
	c.validateTokens(found, seen[PullByToken])
	if c.Registry.ABAC && (seen[PullByServicePrincipal] || seen[PullByKubeletIdentity]) {
		repositories := c.PulledRepositories()
		found.addUnless(len(RepositoryCondition(repositories)) <= maxCondition, "registry.abac", nil,
			fmt.Sprintf("needs a condition for %d repositories in one role assignment, longer than the 8 KB Azure allows; the mode token has no such limit",
				len(repositories)))
	}
}

// Limits of tokens.
const (
	// tokensPerService is how many tokens rotation takes. A registry knows a new password at once, so that none is made ahead.
	tokensPerService = PasswordsKept + 1
	// maxScopeActions is how many actions a scope map may have.
	maxScopeActions = 500
)

// maxTokens is how many tokens a registry may have:
// https://learn.microsoft.com/azure/container-registry/container-registry-skus#service-tier-features-and-limits
var maxTokens = map[string]int{SKUBasic: 100, SKUStandard: 500, SKUPremium: 50000}

// validateTokens reports more tokens than the registry may have, and scope maps with more actions.
func (c *Config) validateTokens(found *problems, used bool) {
	if !used {
		return
	}
	services := c.PullingServices()
	tokens := tokensPerService * len(services)
	if allowed, known := maxTokens[c.Registry.SKU]; known && tokens > allowed { // The SKU of an existing registry is not known.
		found.add("registry.pull.mode", PullByToken, fmt.Sprintf("takes %d tokens for %d services; registry.sku %s allows %d%s",
			tokens, len(services), c.Registry.SKU, allowed, cheapestWith(maxTokens, tokens)))
	}
	for _, service := range services {
		actions := len(PullActions(c.RepositoriesOf(service)))
		found.addUnless(actions <= maxScopeActions, "services."+service+".pullRepositories", nil,
			fmt.Sprintf("and image.repository make %d actions of one token; Azure allows %d", actions, maxScopeActions))
	}
}

// Kinds of principals that a role can be assigned to.
const (
	ServicePrincipal = "ServicePrincipal" // a managed identity as well
	principalGroup   = "Group"
	principalUser    = "User"
)

// principalTypes are the kinds of principals that may be allowed to push.
var principalTypes = []string{ServicePrincipal, principalGroup, principalUser}

func (r *Registry) validatePush(found *problems) {
	seen := map[string]bool{}
	for i, push := range r.Push {
		key := fmt.Sprintf("registry.push.%d", i)
		id := strings.ToLower(push.PrincipalID)
		switch {
		case !guidPattern.MatchString(id):
			found.add(key+".principalId", push.PrincipalID, "is not the object id of a principal in Entra, a GUID")
		case seen[id]:
			found.add(key+".principalId", push.PrincipalID, "is there already; Azure assigns a role once")
		}
		seen[id] = true
		found.addUnless(push.PrincipalType == "" || slices.Contains(principalTypes, push.PrincipalType), key+".principalType",
			push.PrincipalType, "is not one of "+strings.Join(principalTypes, ", "))
	}
}
