package azuredouble

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRoleAssignmentRules(t *testing.T) {
	e := newEngine(t, Options{})
	group, registry, id := e.group(), e.registry(nil), e.identity("pull")
	sub := e.double.current().subscriptionID()
	valid := props{
		"principalId": id.objectID(), "principalType": "ServicePrincipal", "roleDefinitionId": e.roleID(acrPull), "scope": registry.id,
	}
	for name, c := range map[string]struct {
		change props
		want   string
	}{
		"name that is not a GUID":   {props{"roleAssignmentName": "pull"}, "InvalidRoleAssignmentId"},
		"bare GUID as a role":       {props{"roleDefinitionId": acrPull}, "InvalidRoleDefinitionId"},
		"role without subscription": {props{"roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/" + acrPull}, "InvalidRoleDefinitionId"},
		"role of another subscription": {props{
			"roleDefinitionId": "/subscriptions/" + otherGUID + "/providers/Microsoft.Authorization/roleDefinitions/" + acrPull,
		}, "InvalidRoleDefinitionId"},
		"unknown role":                 {props{"roleDefinitionId": e.roleID(unknownRole)}, "RoleDefinitionDoesNotExist"},
		"scope without a subscription": {props{"scope": "acme12345"}, "MissingSubscription"},
		"another subscription":         {props{"scope": "/subscriptions/" + otherGUID}, "SubscriptionNotFound"},
		"unknown resource group":       {props{"scope": sub + "/resourceGroups/none"}, "ResourceGroupNotFound"},
		"unknown registry": {
			props{"scope": registry.id + "x"},
			"The Resource 'Microsoft.ContainerRegistry/registries/acme12345x' under resource group 'rg' was not found.",
		},
		"incomplete scope":                       {props{"scope": group.id + "/providers"}, "InvalidResourceType"},
		"principal that is not a GUID":           {props{"principalId": "pull"}, "InvalidPrincipalId"},
		"client id as a principal":               {props{"principalId": id.clientID()}, "Principal " + undashed(id.clientID()) + " does not exist in the directory"},
		"application's object id as a principal": {props{"principalId": id.app.out("objectId")}, "PrincipalNotFound"},
		"wrong principal type":                   {props{"principalType": "User"}, "UnmatchedPrincipalType"},
		"unknown principal type":                 {props{"principalType": "Robot"}, "InvalidPrincipalType"},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			_, err := e.try(roleType, "pull", merge(valid, c.change))
			require.ErrorContains(t, err, c.want)
		})
	}
	for name, scope := range map[string]string{"subscription": sub, "group": group.id, "registry": registry.id} {
		e.assign("on "+name, id.objectID(), reader, scope)
	}
	_, err := e.try(roleType, "owner", merge(valid, props{"principalId": e.double.current().Owner, "principalType": "User"}))
	require.NoError(t, err)
}

// TestPrincipalsOutsideTheStack checks that a role can be assigned to a principal outside the stack, if its type is given.
func TestPrincipalsOutsideTheStack(t *testing.T) {
	e := newEngine(t, Options{Conditions: Conditions{Replication: Never}})
	e.group()
	registry := e.registry(nil)
	in := props{"principalId": otherGUID, "roleDefinitionId": e.roleID(acrPush), "scope": registry.id}
	_, err := e.try(roleType, "push", in)
	require.ErrorContains(t, err, "Principal "+undashed(otherGUID)+" does not exist in the directory")
	for _, kind := range principalTypes {
		assignment := e.create(roleType, kind, merge(in, props{"principalType": kind}))
		assert.Equal(t, kind, assignment.out("principalType"))
		require.True(t, e.refresh(assignment))
		_, diff := e.plan(assignment, merge(in, props{"principalType": kind}))
		assert.Empty(t, diff.GetDiffs())
		_, err := e.try(roleType, "again", merge(in, props{"principalType": kind}))
		require.ErrorContains(t, err, "RoleAssignmentExists")
		e.destroy(assignment)
	}
}

func TestRoleAssignmentIsUnique(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry, id := e.registry(nil), e.identity("pull")
	assignment := e.assign("one", id.objectID(), acrPull, registry.id)
	_, err := e.try(roleType, "two", props{
		"principalId": id.objectID(), "roleDefinitionId": e.roleID(acrPull), "scope": strings.ToUpper(registry.id),
	})
	require.ErrorContains(t, err, `Status=409 Code="RoleAssignmentExists" Message="The role assignment already exists.`)
	e.assign("push", id.objectID(), acrPush, registry.id)

	require.NoError(t, e.update(assignment, merge(toProps(assignment.inputs), props{"description": "for pulling"})))
	assert.Equal(t, "for pulling", assignment.out("description"))
	err = armOf(roleType).update(t.Context(), e.double, assignment.id, merge(toProps(assignment.inputs), props{"principalId": otherGUID}))
	require.ErrorContains(t, err, "RoleAssignmentUpdateNotPermitted")
}

func TestPrincipalReplicationDelay(t *testing.T) {
	e := newEngine(t, Options{Conditions: Conditions{Replication: time.Minute}})
	e.group()
	registry, id := e.registry(nil), e.identity("pull")
	in := props{"principalId": id.objectID(), "roleDefinitionId": e.roleID(acrPull), "scope": registry.id}
	_, err := e.try(roleType, "pull", in)
	require.ErrorContains(t, err, "this error might be related to a replication delay")
	e.clock.advance(time.Minute - time.Second)
	_, err = e.try(roleType, "pull", in)
	require.ErrorContains(t, err, "PrincipalNotFound")
	e.assign("push", id.objectID(), acrPush, registry.id) // ARM accepts it with a principalType
	e.clock.advance(time.Second)
	assignment := e.create(roleType, "pull", in)
	assert.Equal(t, "ServicePrincipal", assignment.out("principalType"))
}

func TestOrphanedAssignmentRemains(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry, id := e.registry(nil), e.identity("pull")
	assignment := e.assign("pull", id.objectID(), acrPull, registry.id)
	e.destroy(id.principal)
	require.True(t, e.refresh(assignment))
	assert.Contains(t, e.double.Inventory(), assignment.id)
	e.destroy(assignment)
	assert.False(t, e.refresh(assignment))
}
