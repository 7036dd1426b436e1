package azuredouble

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	scopeMapTok = module + "ScopeMap"
	tokenTok    = module + "Token"
	passwordTok = "azure:containerservice/tokenPassword:TokenPassword"
)

func child(more props) props {
	return merge(props{"resourceGroupName": testGroup, "registryName": testRegistry}, more)
}

func TestToken(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	e.registry(nil)
	actions := []any{"repositories/customerapi/content/read", "repositories/customerapi/metadata/read"}
	_, err := e.try(scopeMapTok, "none", child(props{"scopeMapName": "nothing", "actions": []any{}}))
	require.ErrorContains(t, err, "at least one action")
	_, err = e.try(scopeMapTok, "many", child(props{"scopeMapName": "everything", "actions": slices.Repeat(actions, 251)}))
	require.ErrorContains(t, err, "not have more than 500 actions")
	_, err = e.try(scopeMapTok, "bad", child(props{"scopeMapName": "badscope", "actions": []any{"repositories/customerapi/read"}}))
	require.ErrorContains(t, err, "The action 'repositories/customerapi/read' is invalid.")
	scope := e.create(scopeMapTok, "pull", child(props{"scopeMapName": "customerapi-test", "actions": actions}))
	_, err = e.try(tokenTok, "lost", child(props{"tokenName": "lost-token", "scopeMapId": scope.id + "x"}))
	require.ErrorContains(t, err, "was not found")
	token := e.create(tokenTok, "pull", child(props{"tokenName": "customerapi-test-0", "scopeMapId": scope.id}))
	require.ErrorContains(t, e.tryDestroy(scope), "is associated with the token 'customerapi-test-0'")

	_, failures := e.check(passwordTok, "bad", nil, fromProps(props{"containerRegistryTokenId": token.id, "password1": props{"expiry": "soon"}}))
	require.Len(t, failures, 1)
	assert.Contains(t, failures[0], "valid RFC3339 date")
	end := e.clock.now().Add(time.Hour).UTC().Format(time.RFC3339)
	password := e.create(passwordTok, "pull", props{"containerRegistryTokenId": token.id, "password1": props{"expiry": end}})
	_, err = e.try(passwordTok, "second", props{"containerRegistryTokenId": token.id, "password1": props{"expiry": end}})
	require.ErrorContains(t, err, "already exists - to be managed via Terraform this resource needs to be imported")
	assert.True(t, e.refresh(password))
	assert.Contains(t, e.double.Inventory(), password.id)

	secret, _ := toProps(password.outputs)["password1"].(props)
	login := func() (string, error) {
		return e.double.Authenticate(server, "customerapi-test-0", text(secret, "value"))
	}
	principal, err := login()
	require.NoError(t, err)
	for _, allowed := range []struct {
		repository, action string
		want               bool
	}{{"customerapi", "pull", true}, {"customerapi", "push", false}, {"orderapi", "pull", false}, {"", "pull", false}} {
		assert.Equal(t, allowed.want, e.double.Allowed(server, principal, allowed.repository, allowed.action), allowed)
	}
	_, err = e.double.Authenticate(server, "customerapi-test-0", "wrong")
	require.ErrorIs(t, err, errNoAuth)
	e.clock.advance(time.Hour)
	_, err = login()
	require.ErrorIs(t, err, errNoAuth, "the password has expired")
	e.destroy(password)
	e.destroy(token)
	e.destroy(scope)
	assert.False(t, e.double.Allowed(server, principal, "customerapi", "pull"), "a deleted token has no permission")
}

func TestTokenQuota(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	e.registry(nil)
	defer func(before int) { maxTokens["Basic"] = before }(maxTokens["Basic"])
	maxTokens["Basic"] = 1
	actions := []any{"repositories/customerapi/content/read"}
	e.create(scopeMapTok, "first", child(props{"scopeMapName": "first", "actions": actions}))
	_, err := e.try(scopeMapTok, "second", child(props{"scopeMapName": "second", "actions": actions}))
	require.ErrorContains(t, err, "exceeds the allowed quota 1")
}

func TestABAC(t *testing.T) {
	const names = "Microsoft.ContainerRegistry/registries/repositories"
	const condition = "((!(ActionMatches{'" + names + "/content/read'}) AND !(ActionMatches{'" + names + "/metadata/read'})) OR (" +
		"@Request[" + names + ":name] StringEqualsIgnoreCase 'customerapi' OR @Request[" + names + ":name] StringEqualsIgnoreCase 'orderapi'))"
	e := newEngine(t, Options{})
	e.group()
	registry, id := e.registry(nil), e.identity("pull")
	e.assign("legacy", id.objectID(), acrPull, registry.id)
	reader := props{
		"scope": registry.id, "principalId": id.objectID(), "principalType": "ServicePrincipal",
		"roleDefinitionId": e.roleID("b93aa761-3e63-49ed-ac28-beffa264f7ac"), "condition": condition,
	}
	_, err := e.try(roleType, "reader", reader)
	require.ErrorContains(t, err, "The condition version '' is not supported")
	_, err = e.try(roleType, "reader", merge(reader, props{"conditionVersion": "2.0", "condition": "true"}))
	require.ErrorContains(t, err, errCondition.Error())
	e.create(roleType, "reader", merge(reader, props{"conditionVersion": "2.0"}))
	pull := func(repository string) bool { return e.double.Allowed(server, id.objectID(), repository, "pull") }
	assert.True(t, pull("invoiceapi"), "AcrPull applies to all repositories")
	e.double.SetConditions(Conditions{ABAC: true})
	assert.True(t, pull("customerapi"))
	assert.True(t, pull("orderapi"))
	assert.False(t, pull("invoiceapi"), "ABAC mode ignores AcrPull, and the condition excludes this repository")
}

func TestKubeletIdentity(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry := e.registry(nil)
	username, password := e.double.KubeletCredential()
	principal, err := e.double.Authenticate(server, username, password)
	require.NoError(t, err)
	assert.False(t, e.double.Allowed(server, principal, "customerapi", "pull"))
	e.assign("kubelet", principal, acrPull, registry.id)
	assert.True(t, e.double.Allowed(server, principal, "customerapi", "pull"))
	_, err = e.invoke("azure-native:containerservice:getManagedCluster", props{"resourceGroupName": "sandbox", "resourceName": "sandbox"})
	require.ErrorContains(t, err, "was not found", "the double has no cluster")
}
