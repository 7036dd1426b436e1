package infra

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// vaultUserRole is the id of the built-in role Key Vault Secrets User, which may read secrets:
// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/security#key-vault-secrets-user
const vaultUserRole = "4633458b-17de-408a-b874-0445c86b69e6"

// cacheRules creates the credential sets and the rules. A service may run an image that comes through one.
func (s *registrySite) cacheRules() error {
	sets := map[string]pulumi.StringPtrInput{}
	for _, name := range slices.Sorted(maps.Keys(s.args.Cache.Credentials)) {
		config := s.args.Cache.Credentials[name]
		set, err := s.credentialSet(name, config)
		if err != nil {
			return fmt.Errorf("cache credentials %q: %w", name, err)
		}
		s.parts = append(s.parts, set)
		sets[name] = set.ID().ToStringOutput().ToStringPtrOutput()
		if config.KeyVaultID == "" {
			continue
		}
		grant, err := newRoleAssignment(s.ctx, s.name+"-"+name, s.component, &roleAssignmentArgs{
			scope: pulumi.String(config.KeyVaultID),
			role:  vaultUserRole,
			// The provider's preview shows the identity without its principal, as if that were empty, not unknown.
			principal:     after(set.Identity.PrincipalId().Elem(), set),
			principalType: principalService,
		})
		if err != nil {
			return fmt.Errorf("cache credentials %q: role assignment: %w", name, err)
		}
		s.pulledThrough = append(s.pulledThrough, grant) // on the vault, so no part of the registry
	}
	for _, name := range slices.Sorted(maps.Keys(s.args.Cache.Rules)) {
		config := s.args.Cache.Rules[name]
		rule, err := acr.NewCacheRule(s.ctx, s.name+"-"+name, &acr.CacheRuleArgs{
			ResourceGroupName:       s.group,
			RegistryName:            s.registry,
			CacheRuleName:           pulumi.String(name),
			SourceRepository:        pulumi.String(config.Source),
			TargetRepository:        pulumi.String(config.Target),
			CredentialSetResourceId: sets[config.Credentials],
		}, s.parent, replacedBy("sourceRepository", "targetRepository"), pulumi.DeleteBeforeReplace(true))
		if err != nil {
			return fmt.Errorf("cache rule %q: %w", name, err)
		}
		s.parts, s.pulledThrough = append(s.parts, rule), append(s.pulledThrough, rule)
	}
	return nil
}

// credentialSet creates a login at another registry. It reads the Key Vault's secrets with an identity of its own. The provider
// chooses its name in Azure: while a rule uses a set, that can only be replaced by one of another name.
func (s *registrySite) credentialSet(name string, config CacheCredentialsConfig) (*acr.CredentialSet, error) {
	return acr.NewCredentialSet(s.ctx, name, &acr.CredentialSetArgs{
		ResourceGroupName: s.group,
		RegistryName:      s.registry,
		LoginServer:       pulumi.String(config.LoginServer),
		AuthCredentials: acr.AuthCredentialArray{&acr.AuthCredentialArgs{
			Name:                     pulumi.String("Credential1"), // the only name that Azure knows
			UsernameSecretIdentifier: pulumi.String(config.UsernameSecretID),
			PasswordSecretIdentifier: pulumi.String(config.PasswordSecretID),
		}},
		Identity: &acr.IdentityPropertiesArgs{Type: acr.ResourceIdentityTypeSystemAssigned},
	}, s.parent, replacedBy("loginServer"))
}

// replacedBy replaces a resource when one of the inputs changes: Azure does not change them in place, and the provider does
// not know.
func replacedBy(inputs ...string) pulumi.ResourceOption { return pulumi.ReplaceOnChanges(inputs) }

// Limits of Azure: https://learn.microsoft.com/azure/container-registry/artifact-cache-overview
const (
	maxCacheRules = 1000
	// The provider adds 8 characters to the name of a credential set, of which Azure allows 50.
	maxCredentialsName = 42
)

var dashedNamePattern = regexp.MustCompile(`^[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$`)

const (
	ruleDashedName = "is not a name of 5 to 50 letters and digits, with single dashes inside"
	ruleSecretID   = "is not the address of a Key Vault secret, such as https://example.vault.azure.net/secrets/name"
)

func (r *RegistryConfig) validateCache(found *problems) {
	addSameNames(found, "registry.cache.credentials", r.Cache.Credentials)
	for _, name := range slices.Sorted(maps.Keys(r.Cache.Credentials)) {
		key, login := "registry.cache.credentials."+name, r.Cache.Credentials[name]
		found.addUnless(isDashedName(name) && len(name) <= maxCredentialsName, key, nil, ruleDashedName+", of credentials at most 42")
		found.addUnless(namesHost(login.LoginServer+"/name"), key+".loginServer", login.LoginServer, `is not a registry's host, such as "docker.io"`)
		if login.KeyVaultID != "" {
			found.addUnlessARMID(key+".keyVaultId", login.KeyVaultID, "Microsoft.KeyVault/vaults")
		}
		login.validateSecret(found, key+".usernameSecretId", login.UsernameSecretID)
		login.validateSecret(found, key+".passwordSecretId", login.PasswordSecretID)
	}
	found.addUnless(len(r.Cache.Rules) <= maxCacheRules, "registry.cache.rules", nil,
		fmt.Sprintf("has %d rules; Azure allows %d", len(r.Cache.Rules), maxCacheRules))
	addSameNames(found, "registry.cache.rules", r.Cache.Rules)
	targets := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(r.Cache.Rules)) {
		key, rule := "registry.cache.rules."+name, r.Cache.Rules[name]
		rule.validate(found, key, name)
		for _, target := range slices.Sorted(maps.Keys(targets)) {
			found.addUnless(!sameTarget(target, rule.Target), key+".target", rule.Target,
				"overlaps the target of "+targets[target])
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

// validateSecret checks the address of one of the login's secrets, and that it is in the vault that the stack opens.
func (l *CacheCredentialsConfig) validateSecret(found *problems, key, secret string) {
	vault := secretPattern.FindStringSubmatch(secret)
	if vault == nil {
		found.add(key, secret, ruleSecretID)
		return
	}
	found.addUnless(l.KeyVaultID == "" || strings.EqualFold(vault[1], path.Base(l.KeyVaultID)), key, secret,
		"is not in the vault of keyVaultId, the only one that the stack lets these credentials read")
}

func (c CacheRuleConfig) validate(found *problems, key, name string) {
	found.addUnless(isDashedName(name), key, nil, ruleDashedName)
	found.addUnless(isCachePath(c.Source) && namesHost(c.Source), key+".source", c.Source,
		`is not a repository with its host, such as "docker.io/library/nginx", or "docker.io/library/*"`)
	found.addUnless(c.Target == "*" || isCachePath(c.Target) && !namesHost(c.Target), key+".target", c.Target,
		`is not a repository in the own registry, such as "library/nginx", or "library/*", or "*"`)
	found.addUnless(strings.HasSuffix(c.Source, "*") == strings.HasSuffix(c.Target, "*"), key+".target", c.Target,
		"and source must both end with /*, or neither")
}

// sameTarget says whether Azure takes one of two targets for a part of the other. A single repository below a wildcard is
// allowed: https://learn.microsoft.com/azure/container-registry/wildcards-artifact-cache
func sameTarget(a, b string) bool {
	a, manyA := strings.CutSuffix(a, "*")
	b, manyB := strings.CutSuffix(b, "*")
	if manyA && manyB {
		return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
	}
	return manyA == manyB && a == b
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
