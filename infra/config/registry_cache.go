package config

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// Hosts that Azure caches in one way only; of others it takes both, or decides by itself:
// https://learn.microsoft.com/azure/container-registry/artifact-cache-overview#upstream-support
var (
	cachedWithLogin   = []string{dockerHub}
	cachedAnonymously = []string{"mcr.microsoft.com", "public.ecr.aws"}
)

var dashedNamePattern = regexp.MustCompile(`^[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$`)

func (r *Registry) validateCache(found *problems) {
	addSameNames(found, "registry.cache.credentials", r.Cache.Credentials)
	for _, name := range slices.Sorted(maps.Keys(r.Cache.Credentials)) {
		key, login := "registry.cache.credentials."+name, r.Cache.Credentials[name]
		login.validateSecret(found, key+".usernameSecretId", login.UsernameSecretID)
		login.validateSecret(found, key+".passwordSecretId", login.PasswordSecretID)
	}
	addSameNames(found, "registry.cache.rules", r.Cache.Rules)
	found.addUnless(len(r.Cache.Rules) == 0 || !r.closedToServices(), "registry.cache.rules", nil,
		"excludes registry.trustedServices false beside ipRules or publicNetworkAccess false; the cache is filled by a trusted service")
	targets := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(r.Cache.Rules)) {
		key, rule := "registry.cache.rules."+name, r.Cache.Rules[name]
		found.addUnless(strings.HasSuffix(rule.Source, "*") == strings.HasSuffix(rule.Target, "*"), key+".target", rule.Target,
			"and source must both end with /*, or neither")
		for _, target := range slices.Sorted(maps.Keys(targets)) {
			found.addUnless(!sameTarget(target, rule.Target), key+".target", rule.Target,
				"overlaps the target of "+targets[target])
		}
		targets[rule.Target] = name
		host, _, _ := strings.Cut(rule.Source, "/")
		login, known := r.Cache.Credentials[rule.Credentials]
		switch {
		case rule.Credentials == "" && slices.Contains(cachedWithLogin, host):
			found.add(key+".credentials", nil, "is missing; Azure caches "+host+" only with one of registry.cache.credentials, a login there")
		case rule.Credentials == "":
		case slices.Contains(cachedAnonymously, host):
			found.add(key+".credentials", rule.Credentials, "is not used; Azure caches "+host+" only without a login")
		case !known:
			found.add(key+".credentials", rule.Credentials, "is not one of registry.cache.credentials")
		case login.LoginServer != host:
			found.add(key+".credentials", rule.Credentials, "is a login at another host than the source's")
		}
	}
}

// validateSecret checks that one of the login's secrets is in the vault that the stack opens.
func (l *CacheCredentials) validateSecret(found *problems, key, secret string) {
	vault := secretPattern.FindStringSubmatch(secret)
	found.addUnless(vault == nil || l.KeyVaultID == "" || strings.EqualFold(vault[1], path.Base(l.KeyVaultID)), key, secret,
		"is not in the vault of keyVaultId, the only one that the stack lets these credentials read")
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

// isCachePath accepts a repository, or all below a path as in "library/*".
func isCachePath(repository string) bool {
	repository = strings.TrimSuffix(repository, "/*")
	if !namesHost(repository + "/name") {
		repository = "registry.azurecr.io/" + repository
	}
	named, err := reference.ParseNormalizedNamed(repository + "/name")
	return err == nil && reference.IsNameOnly(named)
}
