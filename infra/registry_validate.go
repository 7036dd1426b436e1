package infra

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"path"
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
	// The provider adds 8 characters to the name of a credential set, of which Azure allows 50.
	maxCredentialsName = 42
)

var (
	registryNamePattern  = regexp.MustCompile(`^[a-zA-Z0-9]{5,50}$`)
	dashedNamePattern    = regexp.MustCompile(`^[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$`)
	resourceGroupPattern = regexp.MustCompile(`^[-\w.()]{0,89}[-\w()]$`)
	regionPattern        = regexp.MustCompile(`^[a-z0-9]+$`)
	guidPattern          = regexp.MustCompile(`^(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	keyPattern           = regexp.MustCompile(`^https://[\w-]+\.(vault|managedhsm)\.[\w.]+/keys/[\w-]+(/\w+)?$`)
	secretPattern        = regexp.MustCompile(`^https://[\w-]+\.vault\.[\w.]+/secrets/[\w-]+(/\w+)?$`)
	webhookScopePattern  = regexp.MustCompile(`^[a-z0-9._/-]+(:[\w.*-]+)?$`)
	agePattern           = regexp.MustCompile(`^(\d+d)?(\d+h)?(\d+m)?$`)
	cronFieldPattern     = regexp.MustCompile(`^[\dA-Za-z*/,-]+$`)
)

const (
	ruleRegistryName  = "is not a registry name: 5 to 50 letters and digits"
	ruleResourceGroup = "is not a resource group name: 1 to 90 letters, digits and -_.(), not ending with a dot"
	ruleRegion        = "is not the short name of an Azure region, such as northeurope"
	ruleGUID          = "is not a GUID"
	ruleSecretID      = "is not the address of a Key Vault secret, such as https://example.vault.azure.net/secrets/name"
	ruleDashedName    = "is not a name of 5 to 50 letters and digits, with single dashes inside"
)

// usesACR says whether images come from an Azure Container Registry.
func (c *Config) usesACR() bool { return c.Registry.External == "" }

func (c *Config) validateRegistry(found *problems) {
	r := &c.Registry
	if !c.usesACR() {
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
	c.validateReplicas(found)
	c.validateWebhooks(found)
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

func (r *RegistryConfig) validateAdopt(found *problems) {
	if r.Adopt == "" {
		return
	}
	found.addUnlessARMID("registry.adopt", r.Adopt, "Microsoft.ContainerRegistry/registries")
	id, ok := parseRegistryID(r.Adopt)
	if !ok {
		return
	}
	found.addUnless(id.name == r.Name, "registry.name", r.Name, "is not the name in registry.adopt; leave it out")
	found.addUnless(id.resourceGroup == r.ResourceGroup.Name, "registry.resourceGroup.name", r.ResourceGroup.Name,
		"is not the resource group in registry.adopt; leave it out")
}

func (c *Config) validateReplicas(found *problems) {
	seen := map[string]bool{normalizeRegion(c.Location): true}
	for i, replica := range c.Registry.Replicas {
		key := fmt.Sprintf("registry.replicas.%d.location", i)
		switch {
		case !regionPattern.MatchString(replica.Location):
			found.add(key, replica.Location, ruleRegion)
		case seen[replica.Location]:
			found.add(key, replica.Location, "is there already; a registry has one replica in a region, its own included")
		}
		seen[replica.Location] = true
	}
}

// normalizeRegion writes "West Europe" as "westeurope".
func normalizeRegion(region string) string {
	return strings.ToLower(strings.ReplaceAll(region, " ", ""))
}

func (c *Config) validateWebhooks(found *problems) {
	r := &c.Registry
	if allowed, known := maxWebhooks[r.SKU]; known && len(r.Webhooks) > allowed {
		rule := fmt.Sprintf("has %d webhooks; registry.sku %s allows %d", len(r.Webhooks), r.SKU, allowed)
		if cheapest := slices.IndexFunc(skus, func(sku string) bool { return len(r.Webhooks) <= maxWebhooks[sku] }); cheapest >= 0 {
			rule += ", and " + skus[cheapest] + " is the cheapest that has enough"
		}
		found.add("registry.webhooks", nil, rule)
	}
	regions := []string{"", normalizeRegion(c.Location)}
	for _, replica := range r.Replicas {
		regions = append(regions, replica.Location)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Webhooks)) {
		key, webhook := "registry.webhooks."+name, r.Webhooks[name]
		found.addUnless(registryNamePattern.MatchString(name), key, nil, "is not a webhook name: 5 to 50 letters and digits")
		at, err := url.Parse(webhook.ServiceURI)
		// The address may hold a token, and is not shown.
		found.addUnless(err == nil && at.Host != "" && (at.Scheme == "https" || at.Scheme == "http"), key+".serviceUri", nil,
			"is not the http or https address of a service")
		found.addUnless(len(webhook.Actions) > 0, key+".actions", nil, "is missing; list some of "+strings.Join(webhookActions, ", "))
		for i, action := range webhook.Actions {
			found.addUnless(slices.Contains(webhookActions, action), fmt.Sprintf("%s.actions.%d", key, i), action,
				"is not one of "+strings.Join(webhookActions, ", "))
		}
		found.addUnless(webhook.Scope == "" || webhookScopePattern.MatchString(webhook.Scope), key+".scope", webhook.Scope,
			`is not a repository, "repository:tag" or "repository:*"`)
		found.addUnless(slices.Contains(regions, webhook.Location), key+".location", webhook.Location,
			"is neither the registry's region nor that of a replica")
	}
}

func (r *RegistryConfig) validateRetention(found *problems) {
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

func (r *RegistryConfig) validateNetwork(found *problems) {
	found.addUnless(len(r.IPRules) <= maxIPRules, "registry.ipRules", nil,
		fmt.Sprintf("has %d rules; Azure allows %d", len(r.IPRules), maxIPRules))
	found.addUnless(len(r.IPRules) == 0 || r.public(), "registry.ipRules", nil,
		"excludes publicNetworkAccess false, with which nobody comes in from the internet")
	for i, rule := range r.IPRules {
		found.addUnless(isPublicIPv4(rule), fmt.Sprintf("registry.ipRules.%d", i), rule,
			"is not a public IPv4 address or a CIDR range of some, without host bits")
	}
	found.addUnless(or(r.Exports, true) || !r.public(), "registry.exports", nil,
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

// isPublicIPv4 accepts an address or a range in the form in which Azure stores it.
func isPublicIPv4(rule string) bool {
	if address, err := netip.ParseAddr(rule); err == nil {
		return address.Is4() && !address.IsPrivate() && !address.IsLoopback()
	}
	prefix, err := netip.ParsePrefix(rule)
	return err == nil && prefix.Addr().Is4() && !prefix.Addr().IsPrivate() && prefix.Masked() == prefix
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

func (r *RegistryConfig) validateIdentity(found *problems) {
	for i, id := range r.Identity.User {
		found.addUnlessARMID(fmt.Sprintf("registry.identity.user.%d", i), id, "Microsoft.ManagedIdentity/userAssignedIdentities")
	}
	if e := r.Encryption; e != nil {
		found.addUnless(keyPattern.MatchString(e.KeyID), "registry.encryption.keyId", e.KeyID,
			"is not the address of a Key Vault key, such as https://example.vault.azure.net/keys/name")
		found.addUnless(guidPattern.MatchString(e.IdentityClientID), "registry.encryption.identityClientId", e.IdentityClientID, ruleGUID)
		found.addUnless(len(r.Identity.User) > 0, "registry.identity.user", nil,
			"is missing; registry.encryption reads the key with a user-assigned identity, for the registry's own is not there yet")
	}
}

func (r *RegistryConfig) validateCache(found *problems) {
	for _, name := range slices.Sorted(maps.Keys(r.Cache.Credentials)) {
		key, login := "registry.cache.credentials."+name, r.Cache.Credentials[name]
		found.addUnless(isDashedName(name) && len(name) <= maxCredentialsName, key, nil, ruleDashedName+", of credentials at most 42")
		found.addUnless(namesHost(login.LoginServer+"/name"), key+".loginServer", login.LoginServer, `is not a registry's host, such as "docker.io"`)
		found.addUnless(secretPattern.MatchString(login.UsernameSecretID), key+".usernameSecretId", login.UsernameSecretID, ruleSecretID)
		found.addUnless(secretPattern.MatchString(login.PasswordSecretID), key+".passwordSecretId", login.PasswordSecretID, ruleSecretID)
		if login.KeyVaultID != "" {
			found.addUnlessARMID(key+".keyVaultId", login.KeyVaultID, "Microsoft.KeyVault/vaults")
		}
	}
	targets := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(r.Cache.Rules)) {
		key, rule := "registry.cache.rules."+name, r.Cache.Rules[name]
		found.addUnless(isDashedName(name), key, nil, ruleDashedName)
		found.addUnless(isCachePath(rule.Source) && namesHost(rule.Source), key+".source", rule.Source,
			`is not a repository with its host, such as "docker.io/library/nginx", or "docker.io/library/*"`)
		found.addUnless(isCachePath(rule.Target) && !namesHost(rule.Target), key+".target", rule.Target,
			`is not a repository in the own registry, such as "library/nginx", or "library/*"`)
		found.addUnless(strings.HasSuffix(rule.Source, "*") == strings.HasSuffix(rule.Target, "*"), key+".target", rule.Target,
			"and source must both end with /*, or neither")
		if other, taken := targets[rule.Target]; taken {
			found.add(key+".target", rule.Target, "is the target of "+other+" already")
		}
		targets[rule.Target] = name
		host, _, _ := strings.Cut(rule.Source, "/")
		login, known := r.Cache.Credentials[rule.Credentials]
		switch {
		case rule.Credentials == "":
		case !known:
			found.add(key+".credentials", rule.Credentials, "is not one of registry.cache.credentials")
		case login.LoginServer != host:
			found.add(key+".credentials", rule.Credentials, "is a login at another host than the source's")
		}
	}
}

func isDashedName(name string) bool {
	return len(name) >= 5 && len(name) <= 50 && dashedNamePattern.MatchString(name)
}

// isCachePath accepts a repository, or all below a path as in "library/*".
func isCachePath(repository string) bool {
	repository = strings.TrimSuffix(repository, "/*")
	if !namesHost(repository + "/name") {
		repository = "registry.azurecr.io/" + repository
	}
	named, err := reference.ParseNormalizedNamed(repository + "/name")
	return err == nil && reference.IsNameOnly(named)
}

func (c *Config) validatePurge(found *problems) {
	purge := c.Registry.Purge
	if purge == nil {
		return
	}
	fields := strings.Fields(purge.Schedule)
	found.addUnless(len(fields) == 5 && !slices.ContainsFunc(fields, func(field string) bool { return !cronFieldPattern.MatchString(field) }),
		"registry.purge.schedule", purge.Schedule, `is not a schedule in cron's five fields, such as "0 3 * * Sun"`)
	found.addUnless(purge.OlderThan != "" && agePattern.MatchString(purge.OlderThan), "registry.purge.olderThan", purge.OlderThan,
		`is not an age such as "30d" or "7d12h"`)
	found.addUnless(or(purge.Keep, 0) >= 0, "registry.purge.keep", or(purge.Keep, 0), "is negative")
	for i, filter := range purge.Filters {
		repository, tags, two := strings.Cut(filter, ":")
		found.addUnless(two && repository != "" && tags != "" && !strings.ContainsAny(filter, "' \t\n"),
			fmt.Sprintf("registry.purge.filters.%d", i), filter, `is not repository:tags, both regular expressions without quotes and spaces, such as "customerapi:^dev-"`)
	}
	found.addUnless(len(c.purgeFilters()) > 0, "registry.purge.filters", nil, "is missing; no service has an image in the registry")
	found.addUnless(!c.Registry.ABAC, "registry.purge", nil,
		"excludes registry.abac; ACR Tasks have no access to the content of such a registry")
	found.addUnless(c.Registry.public(), "registry.purge", nil,
		"excludes publicNetworkAccess false; ACR Tasks run on shared machines, which come in from outside")
}

// validatePull reports what is wrong with the way in which the cluster is to pull.
func (c *Config) validatePull(found *problems) {
	pull, seen := c.Registry.Pull, map[string]bool{}
	for i, mode := range c.pullModes() {
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
	found.addUnless(pull.KubeletPrincipalID == "" || seen[pullByKubeletIdentity], "registry.pull.kubeletPrincipalId", nil,
		"is used in the mode kubeletIdentity only")
	found.addUnless(!seen[pullByKubeletIdentity] || pull.KubeletPrincipalID != "" || c.Cluster.AKS != nil, "registry.pull.kubeletPrincipalId", nil,
		"is missing; the mode kubeletIdentity takes it, or a cluster.aks that knows it")
	if tokens := tokensPerService * len(c.pullingServices()); seen[pullByToken] && c.Registry.Existing == nil {
		allowed, known := maxTokens[c.Registry.SKU]
		found.addUnless(!known || tokens <= allowed, "registry.pull.mode", pullByToken,
			fmt.Sprintf("takes %d tokens for %d services; registry.sku %s allows %d", tokens, len(c.pullingServices()), c.Registry.SKU, allowed))
	}
}

// principalTypes are the kinds of principals that may be allowed to push.
var principalTypes = []string{principalService, principalGroup, principalUser}

func (r *RegistryConfig) validatePush(found *problems) {
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
