package azuredouble

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseFaultRule(t *testing.T) {
	for _, text := range []string{
		"create Registry throttled",
		"create Registry throttled call=2 for=1m30s",
		"any * unavailable chance=0.25 seed=7",
		"delete azuread:index/application:Application/pull lost",
		"read *Password/pull-? forbidden",
	} {
		rule, err := ParseFaultRule(text)
		require.NoError(t, err, text)
		assert.Equal(t, text, rule.String())
		require.NoError(t, rule.Check())
	}
	for text, want := range map[string]string{
		"":                                   `write it as "OPERATION TYPE[/NAME] FAULT"`,
		"create Registry":                    `write it as "OPERATION TYPE[/NAME] FAULT"`,
		"make Registry throttled":            `unknown operation "make"; use one of create, read, update, delete, invoke, any`,
		"create Registry broken":             `unknown fault "broken"; use one of throttled, conflict, error, unavailable, slow, lost, taken, quota, forbidden`,
		"create [ throttled":                 `"[" is not a pattern`,
		"create Registry throttled once":     `unknown setting "once"; use one of call=, chance=, seed=, for=`,
		"create Registry throttled call=one": `call="one" is not a number`,
		"create Registry throttled call=0":   "call counts from 1",
		"create Registry slow for=5":         "for=5 is not a duration such as 10s",
		"any * error chance=1.5":             "chance must be more than 0 and at most 1",
		"any * error chance=0":               "chance must be more than 0 and at most 1",
		"update Registry taken":              `taken applies to "create Registry" only`,
		"delete Registry quota":              "quota applies to create only",
		"make Registry broken call=x":        `call="x" is not a number; unknown operation "make"; use one of`, // all at once
	} {
		_, err := ParseFaultRule(text)
		require.ErrorContains(t, err, want, text)
		assert.NotContains(t, err.Error(), "\n")
	}
}

// under serves a double with these faults.
func under(t *testing.T, rules ...string) *engine {
	t.Helper()
	e := newEngine(t, Options{})
	e.faults(rules...)
	return e
}

func (e *engine) faults(rules ...string) {
	e.t.Helper()
	var c Conditions
	for _, text := range rules {
		rule, err := ParseFaultRule(text)
		require.NoError(e.t, err)
		c.Faults = append(c.Faults, rule)
	}
	e.double.SetConditions(c)
}

// struck returns how often each rule struck.
func (e *engine) struck() (struck []int) {
	for _, c := range e.double.FaultCounts() {
		struck = append(struck, c.Struck)
	}
	return struck
}

// A provider retries when Azure asks it to, so a single error is not reported.
func TestTransientFaultsAreNotReported(t *testing.T) {
	for _, fault := range []string{faultThrottled, faultError, faultUnavailable, faultLost, faultSlow} {
		e := under(t, "create Registry "+fault+" call=1 for=10ms")
		e.group()
		r := e.registry(nil)
		assert.Equal(t, []int{1}, e.struck(), fault)
		assert.Contains(t, e.double.Inventory(), r.id, fault)
	}
}

func TestPersistentFaultsAreReported(t *testing.T) {
	for fault, want := range map[string]string{
		faultThrottled:   `Status=429 Code="SubscriptionRequestsThrottled" Message="Number of requests for subscription `,
		faultConflict:    `Status=409 Code="AnotherOperationInProgress"`,
		faultError:       `Status=500 Code="InternalServerError"`,
		faultUnavailable: `Status=503 Code="ServiceUnavailable"`,
		faultTaken:       `Status=409 Code="RegistryNameAlreadyInUse" Message="The registry name acme12345 is already in use.`,
		faultGateway:     `Status=502 Code="InvalidGatewayHost"`,

		faultUnregistered: `Code="MissingSubscriptionRegistration" Message="The subscription is not registered to use namespace 'Microsoft.ContainerRegistry'.`,
		faultQuota:        `Status=409 Code="QuotaExceeded" Message="The quota for the resource type 'Microsoft.ContainerRegistry/registries'`,
		faultForbidden:    `perform action 'Microsoft.ContainerRegistry/registries/write' over scope '/subscriptions/`,
	} {
		e := under(t, "create Registry "+fault)
		e.group()
		_, err := e.try(registryTok, "registry", registryInputs(nil))
		require.ErrorContains(t, err, want)
		assert.Len(t, e.double.Inventory(), 1, "only the group exists")
		tries := 1
		if slices.Contains([]string{faultThrottled, faultConflict, faultError, faultUnavailable, faultGateway}, fault) {
			tries = 4
		}
		assert.Equal(t, []int{tries}, e.struck(), fault)
		e.faults()
		e.registry(nil)
	}
}

// A Retry-After longer than azcore's limit is reported immediately.
func TestLongRetryAfter(t *testing.T) {
	e := under(t, "create Registry throttled for=5m")
	e.group()
	_, err := e.try(registryTok, "registry", registryInputs(nil))
	require.ErrorContains(t, err, "Please try again after '300' seconds.")
	assert.Equal(t, []int{1}, e.struck())
}

// If all responses to a creation are lost, ARM has the resource and the stack does not. The next creation reports this.
func TestLostCreation(t *testing.T) {
	e := under(t, "create Registry lost")
	e.group()
	_, err := e.try(registryTok, "registry", registryInputs(nil))
	require.ErrorContains(t, err, `Put "https://management.azure.com/subscriptions/`)
	require.ErrorContains(t, err, `/registries/acme12345": read: connection reset by peer`)
	assert.Len(t, e.double.Inventory(), 2)
	e.faults()
	_, err = e.try(registryTok, "registry", registryInputs(nil))
	require.ErrorContains(t, err, "cannot create already existing resource '/subscriptions/")
}

func TestLostUpdateAndDeletion(t *testing.T) {
	e := under(t)
	e.group()
	r := e.registry(nil)
	e.faults("any Registry lost")
	require.ErrorContains(t, e.update(r, registryInputs(props{"sku": props{"name": "Standard"}})), "connection reset by peer")
	require.ErrorContains(t, e.tryDestroy(r), "Delete \"https://management.azure.com")
	assert.NotContains(t, e.double.Inventory(), r.id)
	e.faults()
	e.destroy(r)
}

// The provider azuread retries a creation whose response is lost, and Graph creates a second object.
func TestLostCreationInGraph(t *testing.T) {
	e := under(t, "create Application lost call=1")
	app := e.create(appType, "pull", props{"displayName": "pull"})
	assert.Len(t, e.double.Inventory(), 2)
	e.destroy(app)
	assert.Len(t, e.double.Inventory(), 1)

	e = under(t, "create Application lost")
	_, err := e.try(appType, "pull", props{"displayName": "pull"})
	require.ErrorContains(t, err, "connection reset by peer")
	assert.Len(t, e.double.Inventory(), 5)
}

// A service principal is not created twice: the retry fails, and the next creation adopts the existing one.
func TestLostPrincipal(t *testing.T) {
	e := under(t, "create ServicePrincipal lost call=1")
	app := e.create(appType, "pull", props{"displayName": "pull"})
	in := props{"clientId": app.out("clientId"), "useExisting": true}
	_, err := e.try(spType, "pull", in)
	require.ErrorContains(t, err, "unexpected status 409 with OData error: Request_MultipleObjectsWithSameKeyValue: The service principal cannot")
	assert.Len(t, e.double.Inventory(), 2)
	e.create(spType, "pull", in)
	assert.Len(t, e.double.Inventory(), 2)
	require.NoError(t, e.double.Delete(app.id))
	assert.Empty(t, e.double.Inventory())
}

func TestDelete(t *testing.T) {
	e := under(t)
	e.group()
	r := e.registry(nil)
	pull := e.identity("pull")
	require.ErrorContains(t, e.double.Delete(r.id+"/webhooks/none"), "does not exist")
	for _, id := range []string{r.id, pull.password.id, pull.principal.id, pull.app.id} {
		assert.Contains(t, e.double.Inventory(), id)
		require.NoError(t, e.double.Delete(id))
		assert.NotContains(t, e.double.Inventory(), id)
	}
}

func TestEachKindCanBeDiscarded(t *testing.T) {
	e := under(t)
	e.group()
	registry, pull := e.registry(premium), e.identity("pull")
	e.assign("pull", pull.objectID(), acrPull, registry.id)
	child := func(token, name string, more props) *deployed {
		return e.create(token, name, merge(props{"registryName": testRegistry, "resourceGroupName": testGroup}, more))
	}
	scopeMap := child(scopeMapTok, "map", props{"scopeMapName": "mapped", "actions": []any{"repositories/a/content/read"}})
	token := child(tokenTok, "token", props{"tokenName": "pulls", "scopeMapId": scopeMap.id})
	e.create(passwordTok, "password", props{"containerRegistryTokenId": token.id, "password1": props{}})
	for _, id := range e.double.Inventory() {
		var owners []string
		for _, k := range allKinds() {
			if k.owns(id) {
				owners = append(owners, k.token)
			}
		}
		require.Len(t, owners, 1, id)
	}
	known := e.double.Inventory()
	require.NoError(t, e.double.Discard([]string{registryTok, passwordTok}, known))
	assert.Equal(t, known, e.double.Inventory())
	for _, discarded := range []string{passwordTok, tokenTok, scopeMapTok, roleType, registryTok, groupType, appPassType, spType, appType} {
		require.NoError(t, e.double.Discard([]string{discarded}, nil))
		assert.Less(t, len(e.double.Inventory()), len(known), discarded)
		known = e.double.Inventory()
	}
	assert.Empty(t, known)
}

func TestPersistentFaultsInGraph(t *testing.T) {
	for fault, want := range map[string]string{
		faultThrottled:   "unexpected status 429 with OData error: TooManyRequests: Too many requests.",
		faultUnavailable: "unexpected status 503 with OData error: ServiceUnavailable",
		faultConflict:    "unexpected status 409 with OData error: Directory_ConcurrencyViolation",
		faultQuota:       "unexpected status 403 with OData error: Directory_QuotaExceeded",
		faultForbidden:   "unexpected status 403 with OData error: Authorization_RequestDenied: Insufficient privileges to complete the operation.",
	} {
		e := under(t, "create Application "+fault)
		_, err := e.try(appType, "pull", props{"displayName": "pull"})
		require.ErrorContains(t, err, want)
		assert.Empty(t, e.double.Inventory())
	}
}

func TestEqualSeedsGiveEqualFaults(t *testing.T) {
	pattern := func(seed string) (pattern []bool) {
		f := newFaults([]FaultRule{{On: opAny, Type: "*", Fault: faultError, Chance: 0.5, Seed: map[string]uint64{"a": 1, "b": 2}[seed]}})
		for range 64 {
			pattern = append(pattern, f.strike(opCreate, registryTok, "x") != nil)
		}
		return pattern
	}
	first := pattern("a")
	assert.Equal(t, first, pattern("a"))
	assert.NotEqual(t, pattern("a"), pattern("b"))
	assert.Contains(t, pattern("a"), true)
	assert.Contains(t, pattern("a"), false)
}

func TestFaultRuleMatchesRequests(t *testing.T) {
	rule, err := ParseFaultRule("update *Registry/acr* error call=2")
	require.NoError(t, err)
	f := newFaults([]FaultRule{rule})
	assert.Nil(t, f.strike(opUpdate, registryTok, "acr"), "the rule skips the first call")
	assert.Nil(t, f.strike(opCreate, registryTok, "acr"))
	assert.Nil(t, f.strike(opUpdate, webhookTok, "acr"))
	assert.Nil(t, f.strike(opUpdate, registryTok, "other"))
	assert.NotNil(t, f.strike(opUpdate, registryTok, "acr"))
	assert.Nil(t, f.strike(opUpdate, registryTok, "acr"))
	assert.Equal(t, []FaultCount{{Rule: "update *Registry/acr* error call=2", Requests: 3, Struck: 1}}, f.counts())
}

func TestForbiddenInvoke(t *testing.T) {
	e := under(t, "invoke getRegistry forbidden")
	_, err := e.invoke("azure-native:containerregistry:getRegistry", props{"resourceGroupName": "rg", "registryName": "acme12345"})
	require.ErrorContains(t, err, "action 'Microsoft.ContainerRegistry/registries/read' over scope '/subscriptions/")
	require.ErrorContains(t, err, "/registries/acme12345'")
}
