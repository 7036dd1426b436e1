package azuredouble

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestApplication(t *testing.T) {
	e := newEngine(t, Options{})
	app := e.create(appType, "a", props{"displayName": "acme"})
	assert.Equal(t, "/applications/"+app.out("objectId"), app.id)
	assert.NotEqual(t, app.out("objectId"), app.out("clientId"))
	assert.Equal(t, app.out("clientId"), app.out("applicationId"))

	twin := e.create(appType, "b", props{"displayName": "acme"}) // Entra allows duplicate names
	assert.NotEqual(t, app.id, twin.id)
	_, err := e.try(appType, "c", props{"displayName": "acme", "preventDuplicateNames": true})
	require.ErrorContains(t, err, `existing application with the display name "acme"`)
	_, err = e.try(appType, "c", props{"displayName": "c", "owners": []any{otherGUID}})
	require.ErrorContains(t, err, "Request_ResourceNotFound")
	e.create(appType, "c", props{"displayName": "c", "owners": []any{e.double.current().Owner}})

	require.NoError(t, e.update(app, props{"displayName": "renamed"}))
	principal := e.create(spType, "sp", props{"clientId": app.out("clientId")})
	assert.Equal(t, "renamed", principal.out("displayName"))
}

func TestServicePrincipal(t *testing.T) {
	e := newEngine(t, Options{})
	_, err := e.try(spType, "sp", props{"clientId": otherGUID})
	require.ErrorContains(t, err, "does not reference a valid application object")
	app := e.create(appType, "a", props{"displayName": "acme"})
	_, err = e.try(spType, "sp", props{"clientId": app.out("objectId")})
	require.ErrorContains(t, err, "does not reference a valid application object", "an object id is not a client id")

	principal := e.create(spType, "sp", props{"clientId": app.out("clientId")})
	assert.Equal(t, principal.id, principal.out("objectId"))
	assert.Equal(t, "acme", principal.out("displayName"))
	_, err = e.try(spType, "again", props{"applicationId": app.out("clientId")})
	require.ErrorContains(t, err, `a resource with the ID "`+principal.id+`" already exists`)

	adopted := e.create(spType, "again", props{"clientId": app.out("clientId"), "useExisting": true})
	assert.Equal(t, principal.id, adopted.id)
	e.destroy(adopted)
	assert.False(t, e.refresh(principal), "an existing service principal is deleted as well")
	require.ErrorContains(t, e.tryDestroy(principal), "Service Principal was not found")
}

func TestDeletingAnApplicationDeletesItsDependents(t *testing.T) {
	e := newEngine(t, Options{})
	id := e.identity("pull")
	e.destroy(id.app)
	assert.False(t, e.refresh(id.principal))
	assert.False(t, e.refresh(id.password))
	assert.Empty(t, e.double.Inventory())
}

func TestPasswords(t *testing.T) {
	e := newEngine(t, Options{})
	id := e.identity("pull")
	assert.Len(t, id.secret(), 40)
	assert.Regexp(t, `^[\w.~-]{3}8Q~[\w.~-]{34}$`, id.secret())
	assert.True(t, id.password.outputs["value"].IsSecret())
	assert.Equal(t, id.app.out("objectId")+"/password/"+id.password.out("keyId"), id.password.id)
	assert.Equal(t, "2026-03-01T12:00:00Z", id.password.out("startDate"))
	assert.Equal(t, "2028-03-01T12:00:00Z", id.password.out("endDate"), "two years by default")

	before := id.secret()
	require.True(t, e.refresh(id.password))
	assert.Equal(t, before, id.secret(), "a refresh keeps the value, which cannot be read again")
	assert.True(t, id.password.outputs["value"].IsSecret())

	for name, c := range map[string]struct {
		in         props
		start, end string
	}{
		"start and end date": {
			props{"applicationId": id.app.id, "startDate": "2026-04-01T00:00:00Z", "endDate": "2026-05-01T00:00:00Z"},
			"2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z",
		},
		"this version of the provider ignores the relative end date": {
			props{"applicationId": id.app.id, "endDateRelative": "24h"}, "2026-03-01T12:00:00Z", "2028-03-01T12:00:00Z",
		},
		"application by object id": {
			props{"applicationObjectId": id.app.out("objectId")}, "2026-03-01T12:00:00Z", "2028-03-01T12:00:00Z",
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			p := e.create(appPassType, "p", c.in)
			assert.Equal(t, c.start, p.out("startDate"))
			assert.Equal(t, c.end, p.out("endDate"))
		})
	}
	for name, c := range map[string]struct {
		in   props
		want string
	}{
		"unknown application":                {props{"applicationId": "/applications/" + otherGUID}, "Request_ResourceNotFound"},
		"client id instead of the object id": {props{"applicationObjectId": id.clientID()}, "Request_ResourceNotFound"},
		"end date before the start date":     {props{"applicationId": id.app.id, "endDate": "2020-01-01T00:00:00Z"}, "end date is invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			_, err := e.try(appPassType, "p", c.in)
			require.ErrorContains(t, err, c.want)
		})
	}
}
