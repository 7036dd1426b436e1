package azuredouble

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAuthenticate(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	e.registry(nil)
	id, other := e.identity("pull"), e.identity("other")
	noPrincipal := e.create(appType, "bare", props{"displayName": "bare"})
	barePassword := e.create(appPassType, "bare", props{"applicationId": noPrincipal.id})
	second := e.create(appPassType, "second", props{"applicationId": id.app.id})
	ownerName, ownerPassword := e.double.OwnerCredential()

	for name, c := range map[string]struct {
		server, username, password string
		want                       string // the principal
		err                        error
	}{
		"application's password":        {server, id.clientID(), id.secret(), id.objectID(), nil},
		"application's second password": {server, id.clientID(), second.out("value"), id.objectID(), nil},
		"host in uppercase":             {"ACME12345.azurecr.io", id.clientID(), id.secret(), id.objectID(), nil},
		"deploying user":                {server, ownerName, ownerPassword, e.double.current().Owner, nil},

		"wrong password":                          {server, id.clientID(), "wrong", "", errWrongSecret},
		"password of another application":         {server, id.clientID(), other.secret(), "", errWrongSecret},
		"empty password":                          {server, id.clientID(), "", "", errWrongSecret},
		"object id instead of the client id":      {server, id.objectID(), id.secret(), "", errNoApp},
		"unknown client id":                       {server, otherGUID, id.secret(), "", errNoApp},
		"application without a service principal": {server, noPrincipal.out("clientId"), barePassword.out("value"), "", errNoApp},
		"name that is not a GUID":                 {server, "pull", id.secret(), "", errNotGUID},
		"deploying user, wrong password":          {server, ownerName, "wrong", "", errNoAuth},
		"deploying user, empty password":          {server, ownerName, "", "", errNoAuth},
		"unknown registry":                        {"none12345.azurecr.io", id.clientID(), id.secret(), "", errNoRegistry},
	} {
		t.Run(name, func(t *testing.T) {
			principal, err := e.double.Authenticate(c.server, c.username, c.password)
			assert.Equal(t, c.err, err)
			assert.Equal(t, c.want, principal)
		})
	}

	e.destroy(id.password)
	_, err := e.double.Authenticate(server, id.clientID(), id.secret())
	require.ErrorIs(t, err, errWrongSecret, "a deleted password is rejected")
	_, err = e.double.Authenticate(server, id.clientID(), second.out("value"))
	require.NoError(t, err, "the other password is still valid")
	require.NoError(t, e.update(id.principal, props{"clientId": id.clientID(), "accountEnabled": false}))
	_, err = e.double.Authenticate(server, id.clientID(), second.out("value"))
	require.ErrorIs(t, err, errWrongSecret, "a disabled account is rejected")
}

func TestPasswordsAreValidBetweenTheirDates(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	e.registry(nil)
	id := e.identity("pull")
	p := e.create(appPassType, "p", props{
		"applicationId": id.app.id, "startDate": "2026-03-02T00:00:00Z", "endDate": "2026-03-03T00:00:00Z",
	})
	works := func() bool {
		_, err := e.double.Authenticate(server, id.clientID(), p.out("value"))
		return err == nil
	}
	assert.False(t, works(), "before the start date")
	e.clock.advance(12 * time.Hour)
	assert.True(t, works())
	e.clock.advance(24*time.Hour - time.Second)
	assert.True(t, works())
	e.clock.advance(time.Second)
	assert.False(t, works(), "after the end date")
}

func TestAllowed(t *testing.T) {
	e := newEngine(t, Options{})
	group, registry := e.group(), e.registry(nil)
	other := e.create(registryTok, "other", registryInputs(props{"registryName": "other12345"}))
	sub := e.double.current().subscriptionID()
	for name, c := range map[string]struct {
		role, scope          string
		pull, push, deletion bool
	}{
		"AcrPull on the registry":     {acrPull, registry.id, true, false, false},
		"AcrPull on the group":        {acrPull, group.id, true, false, false},
		"AcrPull on the subscription": {acrPull, sub, true, false, false},
		"AcrPull on another registry": {acrPull, other.id, false, false, false},
		"AcrPush":                     {acrPush, registry.id, true, true, false},
		"AcrDelete":                   {acrDelete, registry.id, false, false, true},
		"Reader":                      {reader, registry.id, true, false, false},
		"Owner of the group":          {owner, group.id, true, true, true},
		"User Access Administrator":   {accessAdmin, registry.id, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			id := e.identity(name)
			allowed := func() [3]bool {
				var got [3]bool
				for i, action := range []string{"pull", "push", "delete"} {
					got[i] = e.double.Allowed(server, id.objectID(), "customerapi", action)
				}
				return got
			}
			assert.Equal(t, [3]bool{}, allowed(), "no permission without a role")
			assignment := e.assign(name, id.objectID(), c.role, c.scope)
			assert.Equal(t, [3]bool{c.pull, c.push, c.deletion}, allowed())
			assert.False(t, e.double.Allowed(server, id.objectID(), "customerapi", "admin"), "an unknown action is not allowed")
			assert.False(t, e.double.Allowed("none12345.azurecr.io", id.objectID(), "customerapi", "pull"))
			e.destroy(assignment)
			assert.Equal(t, [3]bool{}, allowed())
		})
	}
	assert.True(t, e.double.Allowed(server, e.double.current().Owner, "customerapi", "push"), "the deploying user is allowed to push")
	assert.False(t, e.double.Allowed(server, "", "customerapi", "pull"))
}

func TestPullPropagation(t *testing.T) {
	e := newEngine(t, Options{Conditions: Conditions{PullPropagation: 10 * time.Minute}})
	e.group()
	registry, id := e.registry(nil), e.identity("pull")
	e.assign("pull", id.objectID(), acrPull, registry.id)
	pull := func() bool { return e.double.Allowed(server, id.objectID(), "customerapi", "pull") }
	_, err := e.double.Authenticate(server, id.clientID(), id.secret())
	require.NoError(t, err, "a login requires no role")
	assert.False(t, pull())
	e.clock.advance(10*time.Minute - time.Second)
	assert.False(t, pull())
	e.clock.advance(time.Second)
	assert.True(t, pull())
	e.double.SetConditions(Conditions{PullPropagation: Never})
	assert.False(t, pull())
	e.clock.advance(24 * 365 * time.Hour)
	assert.False(t, pull())
	e.double.SetConditions(Conditions{PullPropagation: 0})
	assert.True(t, pull())
	e.destroy(id.principal)
	assert.False(t, pull(), "a deleted principal has no permission")
}

func TestAnonymousPull(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry := e.registry(props{"sku": props{"name": "Standard"}})
	assert.False(t, e.double.Allowed(server, "", "customerapi", "pull"))
	require.NoError(t, e.update(registry, registryInputs(props{"sku": props{"name": "Standard"}, "anonymousPullEnabled": true})))
	assert.True(t, e.double.Allowed(server, "", "customerapi", "pull"))
	for _, action := range []string{"push", "delete"} {
		assert.False(t, e.double.Allowed(server, "", "customerapi", action))
	}
	assert.False(t, e.double.Allowed(server, otherGUID, "customerapi", "pull"), "an authenticated caller needs a role")
	assert.False(t, e.double.Allowed("none12345.azurecr.io", "", "customerapi", "pull"))
}

func TestReachable(t *testing.T) {
	premium := props{"sku": props{"name": "Premium"}}
	rules := func(action string, addresses ...string) props {
		var all []any
		for _, a := range addresses {
			all = append(all, props{"iPAddressOrRange": a})
		}
		return merge(premium, props{"networkRuleSet": props{"defaultAction": action, "ipRules": all}})
	}
	closed := merge(premium, props{"publicNetworkAccess": "Disabled"})
	for name, c := range map[string]struct {
		in       props
		endpoint string // the input for the connection, if any
		open     bool
	}{
		"public access":                         {nil, "", true},
		"default action Allow":                  {rules("Allow"), "", true},
		"rule for another address":              {rules("Deny", "52.1.2.3"), "", false},
		"rule for the node's address":           {rules("Deny", "52.1.2.3", ClientIP), "", true},
		"rule for the node's range":             {rules("Deny", "203.0.113.0/24"), "", true},
		"default action Deny":                   {rules("Deny"), "", false},
		"no public access":                      {closed, "", false},
		"no public access, rule for the node":   {merge(rules("Allow", ClientIP), closed), "", false},
		"no public access, private endpoint":    {closed, "privateLinkServiceConnections", true},
		"no public access, pending endpoint":    {closed, "manualPrivateLinkServiceConnections", false},
		"default action Deny, private endpoint": {rules("Deny"), "privateLinkServiceConnections", true},
		"public access, pending endpoint":       {premium, "manualPrivateLinkServiceConnections", true},
	} {
		t.Run(name, func(t *testing.T) {
			var e *engine
			filled := false
			e = newEngine(t, Options{OnRegistry: func(context.Context, string) error {
				filled = true
				return e.double.Reachable(server)
			}})
			e.group()
			registry := e.registry(c.in)
			require.True(t, filled, "OnRegistry is called for a new registry")
			if c.endpoint != "" {
				in := endpointInputs(registry, nil)
				delete(in, "privateLinkServiceConnections")
				e.create(endpointTok, "acme", merge(in, props{c.endpoint: connectionTo(registry.id, nil)}))
			}
			if err := e.double.Reachable(server); c.open {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err,
					"client with IP '203.0.113.10' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.")
			}
		})
	}
	e := newEngine(t, Options{})
	require.NoError(t, e.double.Reachable(server), "a missing registry rejects no client")
}
