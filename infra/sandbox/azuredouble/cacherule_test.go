package azuredouble

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func cacheRuleInputs(name string, more props) props {
	return merge(props{
		"resourceGroupName": testGroup, "registryName": testRegistry, "cacheRuleName": name,
		"sourceRepository": "quay.io/library/nginx", "targetRepository": "library/nginx",
	}, more)
}

func credentialSetInputs(name string, more props) props {
	return merge(props{
		"resourceGroupName": testGroup, "registryName": testRegistry, "credentialSetName": name, "loginServer": "quay.io",
		"identity": props{"type": "SystemAssigned"},
		"authCredentials": []any{props{
			"name":                     "Credential1",
			"usernameSecretIdentifier": "https://acme.vault.azure.net/secrets/user",
			"passwordSecretIdentifier": "https://acme.vault.azure.net/secrets/password",
		}},
	}, more)
}

func TestCredentialSetRules(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry := e.registry(nil)
	credential := func(more props) props {
		return props{"authCredentials": []any{merge(credentialSetInputs("", nil)["authCredentials"].([]any)[0].(props), more)}}
	}
	for name, c := range map[string]struct {
		change props
		want   string
	}{
		"unknown registry":         {props{"registryName": "none12345"}, "ResourceNotFound"},
		"invalid login server":     {props{"loginServer": "docker"}, "The login server 'docker' is invalid."},
		"login server with a path": {props{"loginServer": "quay.io/library"}, "The login server 'quay.io/library' is invalid."},
		"user-assigned identity":   {props{"identity": props{"type": "UserAssigned", "userAssignedIdentities": []any{userIdentity}}}, "needs a system assigned identity"},
		"no credentials":           {props{"authCredentials": []any{}}, "exactly one credential, not 0"},
		"unknown credential name":  {credential(props{"name": "Mine"}), "Allowed values: Credential1."},
		"password in plain text":   {credential(props{"passwordSecretIdentifier": "hello"}), "'hello' is not the identifier of a Key Vault secret"},
		"key instead of a secret":  {credential(props{"usernameSecretIdentifier": vaultKey}), "is not the identifier of a Key Vault secret"},
		"secret outside Key Vault": {credential(props{"usernameSecretIdentifier": "https://example.com/secrets/a"}), "is not the identifier of a Key Vault secret"},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			_, err := e.try(credentialTok, "c", credentialSetInputs("hub-login", c.change))
			require.ErrorContains(t, err, c.want)
		})
	}
	set := e.create(credentialTok, "c", credentialSetInputs("hub-login", nil))
	assert.Equal(t, registry.id+"/credentialSets/hub-login", set.id)
	principal := set.out("identity", "principalId")
	require.NotEmpty(t, principal)
	require.ErrorContains(t, e.update(set, credentialSetInputs("hub-login", props{"loginServer": "ghcr.io"})),
		"Changing property 'loginServer'")
	require.NoError(t, e.update(set, credentialSetInputs("hub-login", credential(props{
		"passwordSecretIdentifier": "https://acme.vault.azure.net/secrets/password/0123",
	}))))
	assert.Equal(t, principal, set.out("identity", "principalId"), "an update keeps the identity")

	// Another user's vault is accepted as a scope. ARM knows the identity.
	reads := props{
		"principalId": principal, "principalType": "ServicePrincipal", "roleDefinitionId": e.roleID(vaultUser), "scope": vault,
	}
	assignment := e.create(roleType, "vault", reads)
	assert.Equal(t, vault+"/providers/Microsoft.Authorization/roleAssignments/"+assignment.out("name"), assignment.id)
	_, err := e.try(roleType, "wrong", merge(reads, props{"principalType": "User", "scope": registry.id}))
	require.ErrorContains(t, err, "UnmatchedPrincipalType")
}

func TestCacheRuleRules(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry := e.registry(nil)
	e.create(registryTok, "other", registryInputs(props{"registryName": "other12345"}))
	set := e.create(credentialTok, "c", credentialSetInputs("hub-login", nil))
	others := e.create(credentialTok, "others", credentialSetInputs("hub-login", props{"registryName": "other12345"}))
	for name, c := range map[string]struct {
		change props
		want   string
	}{
		"unknown registry":                   {props{"registryName": "none12345"}, "ResourceNotFound"},
		"source without a login server":      {props{"sourceRepository": "nginx"}, "must begin with a login server"},
		"Docker Hub without credentials":     {props{"sourceRepository": "docker.io/library/nginx", "credentialSetResourceId": nil}, "EnforceDockerAuthentication"},
		"empty source":                       {props{"sourceRepository": ""}, "must begin with a login server"},
		"empty target":                       {props{"targetRepository": ""}, "The target repository '' is invalid."},
		"target in uppercase":                {props{"targetRepository": "Library/nginx"}, "The target repository 'Library/nginx' is invalid."},
		"source with a tag":                  {props{"sourceRepository": "quay.io/library/nginx:1"}, "CacheRuleSourceInvalid"},
		"wildcard only in the source":        {props{"sourceRepository": "quay.io/library/*"}, "must both end with a wildcard, or neither"},
		"wildcard only in the target":        {props{"targetRepository": "library/*"}, "must both end with a wildcard, or neither"},
		"credential set by its name":         {props{"credentialSetResourceId": "hub-login"}, "LinkedInvalidPropertyId"},
		"vault as a credential set":          {props{"credentialSetResourceId": vault}, "InvalidResourceReference"},
		"unknown credential set":             {props{"credentialSetResourceId": registry.id + "/credentialSets/none"}, "ResourceNotFound"},
		"credential set of another registry": {props{"credentialSetResourceId": others.id}, "belongs to another registry"},
		"credential set for another login server": {
			props{"credentialSetResourceId": set.id, "sourceRepository": "ghcr.io/acme/app"}, "does not match the source repository",
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			_, err := e.try(cacheTok, "n", cacheRuleInputs("nginx", c.change))
			require.ErrorContains(t, err, c.want)
		})
	}
	rule := e.create(cacheTok, "n", cacheRuleInputs("nginx", props{"credentialSetResourceId": set.id}))
	assert.Equal(t, registry.id+"/cacheRules/nginx", rule.id)
	_, err := e.try(cacheTok, "again", cacheRuleInputs("again", nil))
	require.ErrorContains(t, err, "'library/nginx' is already used by the cache rule 'nginx'")
	e.create(cacheTok, "all", cacheRuleInputs("everything", props{"sourceRepository": "mcr.microsoft.com/*", "targetRepository": "mcr/*"}))

	e.create(cacheTok, "one", cacheRuleInputs("oneofall", props{"sourceRepository": "quay.io/app", "targetRepository": "mcr/app"}))
	for _, target := range []string{"*", "mcr/*", "mcr/dotnet/*"} {
		_, err = e.try(cacheTok, "more", cacheRuleInputs("more-of-all", props{"sourceRepository": "quay.io/*", "targetRepository": target}))
		require.ErrorContains(t, err, "is already used by the cache rule 'everything'")
	}

	for _, key := range []string{"sourceRepository", "targetRepository"} {
		err := e.update(rule, cacheRuleInputs("nginx", props{key: "ghcr.io/acme/app", "credentialSetResourceId": set.id}))
		require.ErrorContains(t, err, "Changing property '"+key+"'")
	}
	// Rules must be deleted before their set.
	require.ErrorContains(t, e.tryDestroy(set), "is used by the cache rule 'nginx'")
	require.NoError(t, e.update(rule, cacheRuleInputs("nginx", nil)))
	e.destroy(set)
	assert.False(t, e.refresh(set))
}

func TestCacheRuleQuota(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry := e.registry(nil)
	require.NoError(t, e.double.change(func(s *state) error {
		for i := range maxCacheRules {
			name := string(rune('a'+i/26/26)) + string(rune('a'+i/26%26)) + string(rune('a'+i%26))
			if err := s.put(&armResource{ID: registry.id + "/cacheRules/" + name}, cacheRuleInputs(name, props{"targetRepository": name}), e.clock.now()); err != nil {
				return err
			}
		}
		return nil
	}))
	_, err := e.try(cacheTok, "more", cacheRuleInputs("onemore", nil))
	require.ErrorContains(t, err, "exceeds allowed quota 1000")
}
