package config

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

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

func (r *Registry) validateCache(found *problems) {
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
func (l *CacheCredentials) validateSecret(found *problems, key, secret string) {
	vault := secretPattern.FindStringSubmatch(secret)
	if vault == nil {
		found.add(key, secret, ruleSecretID)
		return
	}
	found.addUnless(l.KeyVaultID == "" || strings.EqualFold(vault[1], path.Base(l.KeyVaultID)), key, secret,
		"is not in the vault of keyVaultId, the only one that the stack lets these credentials read")
}

func (c CacheRule) validate(found *problems, key, name string) {
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
