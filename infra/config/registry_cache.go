package config

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// Hosts that Azure caches only with a login, or only without one. For other hosts, it allows both, or decides itself:
// https://learn.microsoft.com/azure/container-registry/artifact-cache-overview#upstream-support
var (
	cachedWithLogin   = []string{dockerHub}
	cachedAnonymously = []string{"mcr.microsoft.com", "public.ecr.aws"}
)

func (c *Config) validateCache(found *problems) {
	r := &c.Registry
	addSameNames(found, "registry.cache.credentials", r.Cache.Credentials)
	for _, name := range slices.Sorted(maps.Keys(r.Cache.Credentials)) {
		key, login := "registry.cache.credentials."+name, r.Cache.Credentials[name]
		login.validateSecret(found, key+".usernameSecretId", login.UsernameSecretID)
		login.validateSecret(found, key+".passwordSecretId", login.PasswordSecretID)
	}
	addSameNames(found, "registry.cache.rules", r.Cache.Rules)
	found.addUnless(len(r.Cache.Rules) == 0 || !r.closedToServices(), "registry.cache.rules", nil,
		"excludes registry.trustedServices false with ipRules or publicNetworkAccess false; a trusted service fills the cache")
	targets := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(r.Cache.Rules)) {
		key, rule := "registry.cache.rules."+name, r.Cache.Rules[name]
		found.addUnless(strings.HasSuffix(rule.Source, "*") == strings.HasSuffix(rule.Target, "*"), key+".target", rule.Target,
			"and source must both end with /*, or neither")
		first, _, _ := strings.Cut(rule.Target, "/")
		found.addUnless(!c.ownHost(first), key+".target", rule.Target, "names the stack's own registry; leave the host out")
		for _, target := range slices.Sorted(maps.Keys(targets)) {
			found.addUnless(!sameTarget(target, rule.Target), key+".target", rule.Target,
				"overlaps the target of "+targets[target])
		}
		targets[rule.Target] = name
		host, _, _ := strings.Cut(rule.Source, "/")
		login, known := r.Cache.Credentials[rule.Credentials]
		switch {
		case rule.Credentials == "" && slices.Contains(cachedWithLogin, host):
			found.add(key+".credentials", nil, "is missing; Azure caches "+host+" only with a login; name one of registry.cache.credentials")
		case rule.Credentials == "":
		case slices.Contains(cachedAnonymously, host):
			found.add(key+".credentials", rule.Credentials, "is not used; Azure caches "+host+" only without a login")
		case !known:
			found.add(key+".credentials", rule.Credentials, "is not one of registry.cache.credentials")
		case login.LoginServer != host:
			found.add(key+".credentials", rule.Credentials, "is a login for another host than the source's")
		}
	}
}

// validateSecret checks that one of the login's secrets is in the only vault for which the stack gives the login a permission.
func (l *CacheCredentials) validateSecret(found *problems, key, secret string) {
	vault := secretPattern.FindStringSubmatch(secret)
	found.addUnless(vault == nil || l.KeyVaultID == "" || strings.EqualFold(vault[1], path.Base(l.KeyVaultID)), key, secret,
		"is not in the vault of keyVaultId, the only one that these credentials are allowed to read")
}

// validatePullRepositories reports repositories of other registries. A repository of the stack's registry can begin with another
// registry's host only if a cache rule fills it; the rules of an existing registry are not known.
func (c *Config) validatePullRepositories(found *problems, key string, repositories []string) {
	for i, repository := range repositories {
		host, _, _ := strings.Cut(repository, "/")
		cached := c.Registry.Existing != nil && !c.ownHost(host) || c.Registry.caches(repository)
		found.addUnless(!namesHost(repository) || cached, fmt.Sprintf("%s.%d", key, i), repository,
			"is not a repository in the registry; one that begins with a host must be the target of a cache rule")
	}
}

// caches reports whether a rule fills a repository.
func (r *Registry) caches(repository string) bool {
	for _, rule := range r.Cache.Rules {
		prefix, many := strings.CutSuffix(rule.Target, "*")
		if repository == rule.Target || many && strings.HasPrefix(repository, prefix) {
			return true
		}
	}
	return false
}

// sameTarget reports whether Azure treats one of two targets as a part of the other. A single repository below a wildcard is
// allowed: https://learn.microsoft.com/azure/container-registry/wildcards-artifact-cache
func sameTarget(a, b string) bool {
	a, manyA := strings.CutSuffix(a, "*")
	b, manyB := strings.CutSuffix(b, "*")
	if manyA && manyB {
		return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
	}
	return manyA == manyB && a == b
}

// isCachePath accepts a repository, or all repositories below a path, such as "library/*".
func isCachePath(repository string) bool {
	repository = strings.TrimSuffix(repository, "/*")
	if !namesHost(repository + "/name") {
		repository = "registry.azurecr.io/" + repository
	}
	named, err := reference.ParseNormalizedNamed(repository + "/name")
	return err == nil && reference.IsNameOnly(named)
}
