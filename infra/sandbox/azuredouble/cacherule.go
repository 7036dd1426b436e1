package azuredouble

import (
	"net/url"
	"regexp"
	"strings"
)

const credentialSetType = registryType + "/credentialSets"

// maxCacheRules is how many cache rules a registry can have.
// Source: https://learn.microsoft.com/azure/container-registry/artifact-cache-overview#limitations
const maxCacheRules = 1000

var (
	dashed = regexp.MustCompile(`^[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$`)
	// cachePath is a repository, or all below a path.
	cachePath = regexp.MustCompile(`^[a-z0-9]+([._/-]+[a-z0-9]+)*(/\*)?$`)
)

// targetsOverlap reports whether two rules conflict. A repository that a wildcard covers can have its own rule.
// Source: https://learn.microsoft.com/azure/container-registry/wildcards-artifact-cache
func targetsOverlap(a, b string) bool {
	if !strings.HasSuffix(a, "*") || !strings.HasSuffix(b, "*") {
		return a == b
	}
	a, b = strings.TrimSuffix(a, "*"), strings.TrimSuffix(b, "*")
	return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
}

func checkCacheRule(c change) error {
	registry, source, target := c.registry(), text(c.in, "sourceRepository"), text(c.in, "targetRepository")
	if err := unchangeable(c, "sourceRepository", "targetRepository"); err != nil {
		return err
	}
	others := c.children(registry, "cacheRules")
	if c.isNew() && len(others) >= maxCacheRules {
		return badRequest("CacheRuleQuotaExceeded", "The requested feature cache rule exceeds allowed quota %d.", maxCacheRules)
	}
	for _, other := range others {
		if other != c.r && targetsOverlap(text(other.Settings, "targetRepository"), target) {
			return badRequest("CacheRuleTargetInUse", "The target repository '%s' is already used by the cache rule '%s'.",
				target, text(other.Settings, "cacheRuleName"))
		}
	}
	host, path, found := strings.Cut(source, "/")
	switch {
	case !found || !strings.Contains(host, ".") || !cachePath.MatchString(path) && path != "*":
		return badRequest("CacheRuleSourceInvalid", "The source repository '%s' is invalid. It must begin with a login server.", source)
	case !cachePath.MatchString(target) && target != "*":
		return badRequest("CacheRuleTargetInvalid", "The target repository '%s' is invalid.", target)
	case strings.HasSuffix(source, "*") != strings.HasSuffix(target, "*"):
		return badRequest("CacheRuleWildcardInvalid", "The source repository '%s' and the target repository '%s' must both end with a"+
			" wildcard, or neither.", source, target)
	}
	credentials := text(c.in, "credentialSetResourceId")
	if credentials == "" && host == "docker.io" {
		// Source: https://learn.microsoft.com/azure/container-registry/artifact-cache-overview; the sentence is assumed.
		return badRequest("EnforceDockerAuthentication", "A cache rule for '%s' needs a credential set: Docker Hub must be logged in to.", source)
	}
	if credentials == "" {
		return nil
	}
	if err := checkReference("properties.credentialSetResourceId", credentials, credentialSetType); err != nil {
		return err
	}
	set, err := c.find(credentials)
	switch {
	case err != nil:
		return err
	case !covers(registry.ID, set.ID):
		return badRequest("CredentialSetInvalid", "The credential set '%s' belongs to another registry.", credentials)
	case !strings.EqualFold(text(set.Settings, "loginServer"), host):
		return badRequest("CredentialSetInvalid", "The login server '%s' of the credential set does not match the source repository '%s'.",
			text(set.Settings, "loginServer"), source)
	}
	return nil
}

// cacheRuleOutputs are the properties that ARM returns.
func cacheRuleOutputs(_ *state, r *armResource) props {
	return withSettings(props{}, r.Settings, "credentialSetResourceId", "sourceRepository", "targetRepository")
}

func checkCredentialSet(c change) error {
	in := c.in
	if err := unchangeable(c, "loginServer"); err != nil {
		return err
	}
	if server := text(in, "loginServer"); !strings.Contains(server, ".") || strings.Contains(server, "/") {
		return badRequest("CredentialSetLoginServerInvalid", "The login server '%s' is invalid.", server)
	}
	if err := checkIdentity(in); err != nil {
		return err
	}
	if !systemAssigned(in) {
		return badRequest("CredentialSetIdentityRequired", "A credential set needs a system assigned identity.")
	}
	credentials := objects(in, "authCredentials")
	if len(credentials) != 1 {
		return badRequest("CredentialSetAuthCredentialsInvalid", "A credential set must have exactly one credential, not %d.", len(credentials))
	}
	if name := text(credentials[0], "name"); name != "Credential1" {
		return badRequest("CredentialSetAuthCredentialsInvalid", "The credential name '%s' is invalid. Allowed values: Credential1.", name)
	}
	for _, key := range []string{"usernameSecretIdentifier", "passwordSecretIdentifier"} {
		secret, err := url.Parse(text(credentials[0], key))
		if err != nil || secret.Scheme != "https" || !strings.Contains(secret.Host, ".vault.") || !strings.HasPrefix(secret.Path, "/secrets/") {
			return badRequest("CredentialSetAuthCredentialsInvalid", "The %s '%s' is not the identifier of a Key Vault secret.",
				key, text(credentials[0], key))
		}
	}
	return nil
}

// keepCredentialSet refuses to delete a credential set that a cache rule uses.
func keepCredentialSet(s *state, r *armResource) error {
	for _, rule := range s.children(s.resource(parentID(r.ID)), "cacheRules") {
		if strings.EqualFold(text(rule.Settings, "credentialSetResourceId"), r.ID) {
			return badRequest("CredentialSetInUse", "The credential set '%s' is used by the cache rule '%s'.",
				text(r.Settings, "credentialSetName"), text(rule.Settings, "cacheRuleName"))
		}
	}
	return nil
}

// vaultReaders are the built-in roles that can get a vault's secrets.
var vaultReaders = map[string]bool{
	"4633458b-17de-408a-b874-0445c86b69e6": true, // Key Vault Secrets User
	"b86a8fe4-44ce-4948-aee5-eccb2c155cd7": true, // Key Vault Secrets Officer
	"00482a5a-887f-4fb3-b363-3b7fe8e74483": true, // Key Vault Administrator
}

// credentialHealth reports whether the credential set's identity has permission to read its secrets. The vault's access
// policies are ignored.
func (s *state) credentialHealth(set *armResource, credential props) props {
	secret, _ := url.Parse(text(credential, "passwordSecretIdentifier")) // validated
	vault, _, _ := strings.Cut(secret.Host, ".")
	for _, a := range s.Resources {
		role, err := s.role(text(a.Settings, "roleDefinitionId"))
		if err == nil && isRoleAssignment(a) && text(a.Settings, "principalId") == set.Principal && vaultReaders[role] &&
			strings.HasSuffix(strings.ToLower(text(a.Settings, "scope")), "/vaults/"+strings.ToLower(vault)) {
			return props{"status": "Healthy"}
		}
	}
	return props{
		"status": "Unhealthy", "errorCode": "Forbidden",
		"errorMessage": "The identity " + set.Principal + " does not have the permission to get secrets of " + secret.Host + ".",
	}
}

// credentialSetOutputs are the properties that ARM returns.
func credentialSetOutputs(s *state, r *armResource) props {
	var credentials []any
	for _, c := range objects(r.Settings, "authCredentials") {
		credentials = append(credentials, merge(props{"credentialHealth": s.credentialHealth(r, c)}, c))
	}
	return withSettings(props{"identity": identityOutputs(s, r), "authCredentials": credentials}, r.Settings, "loginServer")
}
