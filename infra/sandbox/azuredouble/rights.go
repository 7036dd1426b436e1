package azuredouble

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Rights are what the deploying user may do, in Azure and in Entra.
type Rights struct {
	// Azure are the roles that the user has.
	Azure []Grant `json:"azure,omitempty"`
	// Graph is what the user may do in Entra: one of the Graph… constants, or nothing.
	Graph string `json:"graph,omitempty"`
}

// Grant is a role on a scope and on all that it contains.
type Grant struct {
	// Role is the name of one of the built-in roles that the double knows, such as "Contributor".
	Role string `json:"role,omitempty"`
	// Actions are what a role of one's own allows, such as "Microsoft.ContainerRegistry/registries/read".
	Actions []string `json:"actions,omitempty"`
	// Scope is the id of the subscription, a resource group or a resource; "": the subscription.
	Scope string `json:"scope,omitempty"`
}

// What a user can be allowed in Entra. The two others allow no more than the creation of objects and, to an object's owners,
// what is done with it; both count what the user has made, see [entraQuota].
// Source: https://learn.microsoft.com/graph/permissions-reference#applicationreadwriteownedby
const (
	GraphAll       = "Application.ReadWrite.All"
	GraphOwnedBy   = "Application.ReadWrite.OwnedBy"
	GraphDeveloper = "Application Developer" // a directory role
)

// roleActions are what built-in roles allow, and what they do not for all that. Of long lists only what matters here.
// Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var roleActions = map[string]struct{ allowed, not []string }{
	"Owner": {allowed: []string{"*"}},
	"Contributor": {allowed: []string{"*"}, not: []string{
		"Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write", "Microsoft.Authorization/elevateAccess/Action",
	}},
	"Reader":                    {allowed: []string{"*/read"}},
	"User Access Administrator": {allowed: []string{"*/read", "Microsoft.Authorization/*"}},
	"Role Based Access Control Administrator": {allowed: []string{
		"Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete", "*/read",
	}},
	"Network Contributor": {allowed: []string{"Microsoft.Authorization/*/read", "Microsoft.Network/*"}},
	"Private DNS Zone Contributor": {allowed: []string{
		"Microsoft.Authorization/*/read", "Microsoft.Network/privateDnsZones/*", "Microsoft.Network/virtualNetworks/join/action",
	}},
	"Log Analytics Contributor": {allowed: []string{
		"*/read", "Microsoft.Insights/diagnosticSettings/*", "Microsoft.OperationalInsights/*",
	}},
	"Monitoring Contributor": {allowed: []string{
		"*/read", "Microsoft.Insights/DiagnosticSettings/*", "Microsoft.OperationalInsights/workspaces/sharedKeys/action",
	}},
	"Managed Identity Operator": {allowed: []string{
		"Microsoft.ManagedIdentity/userAssignedIdentities/*/read", "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
	}},
	"Azure Kubernetes Service Cluster User Role": {allowed: []string{
		"Microsoft.ContainerService/managedClusters/listClusterUserCredential/action", "Microsoft.ContainerService/managedClusters/read",
	}},
}

// right is one action that a request takes, on a scope.
type right struct{ action, scope string }

// may tells whether the deploying user has a right.
func (d *Double) may(s *state, r right) bool {
	rights := d.conditions.Load().Rights
	if rights == nil {
		return true
	}
	return slices.ContainsFunc(rights.Azure, func(g Grant) bool {
		scope := g.Scope
		if scope == "" {
			scope = s.subscriptionID()
		}
		role := roleActions[g.Role]
		return covers(scope, r.scope) && allows(append(slices.Clone(g.Actions), role.allowed...), r.action) && !allows(role.not, r.action)
	})
}

// allows tells whether one of the patterns is for an action. A star is any text, or none: the segment before it as well, so
// that "userAssignedIdentities/*/assign/action" is for "userAssignedIdentities/assign/action".
func allows(patterns []string, action string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		form := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
		form = strings.ReplaceAll(form, "/.*/", "/(.*/)?")
		matched, err := regexp.MatchString("(?i)^"+form+"$", action)
		return matched && err == nil
	})
}

// authorize refuses a request for which the deploying user has not the rights, as ARM does: first what is asked for itself,
// then what it refers to. azure-native asks before a creation whether the resource exists, which takes a right as well.
func (d *Double) authorize(q request) error {
	if q.graph() {
		if rights := d.conditions.Load().Rights; rights != nil && rights.Graph == "" {
			return errDenied()
		}
		return nil
	}
	s := d.current()
	own, linked := q.rights(s)
	for i, r := range own {
		switch {
		case d.may(s, r):
		case q.operation == opCreate && i == 0 && strings.HasPrefix(q.token, "azure-native:"):
			return fmt.Errorf("cannot check existence of resource '%s': status code 403, %w", r.scope, errUnauthorized(s, r))
		default:
			return errUnauthorized(s, r)
		}
	}
	for _, r := range linked {
		if !d.may(s, r) {
			return armError(http.StatusForbidden, "LinkedAuthorizationFailed", "The client '%s' with object id '%[1]s' has permission to perform"+
				" action '%s' on scope '%s'; however, it does not have permission to perform action(s) '%s' on the linked scope(s) '%s'"+
				" (respectively) or the linked scope(s) are invalid.", s.Owner, own[len(own)-1].action, own[len(own)-1].scope, r.action, r.scope)
		}
	}
	return nil
}

func errUnauthorized(s *state, r right) error {
	return armError(http.StatusForbidden, "AuthorizationFailed", "The client '%s' with object id '%[1]s' does not have authorization"+
		" to perform action '%s' over scope '%s' or the scope is invalid. If access was recently granted, please refresh your"+
		" credentials.", s.Owner, r.action, r.scope)
}

// rights are what a request takes on what it is about, and on what that refers to.
// Sources: https://learn.microsoft.com/azure/private-link/rbac-permissions for endpoints,
// https://learn.microsoft.com/azure/role-based-access-control/permissions/identity for identities;
// sharedKeys/action for diagnostic settings is in https://learn.microsoft.com/azure/azure-monitor/roles-permissions-security.
func (q request) rights(s *state) (own, linked []right) {
	scope := q.scope(s)
	registry := registryID(s, text(q.in, "resourceGroupName"), text(q.in, "registryName"))
	read := right{strings.TrimSuffix(q.action(), lastSegment(q.action())) + "read", scope}
	switch lastSegment(strings.ReplaceAll(q.token, ":", "/")) {
	case "getClientConfig":
		return nil, nil
	case "listManagedClusterUserCredentials", "listManagedClusterAdminCredentials":
		role := strings.TrimSuffix(strings.TrimPrefix(lastSegment(strings.ReplaceAll(q.token, ":", "/")), "listManagedCluster"), "Credentials")
		return []right{{"Microsoft.ContainerService/managedClusters/listCluster" + role + "Credential/action", scope}}, nil
	case "listRegistryCredentials":
		return []right{{registryType + "/listCredentials/action", registry}}, nil
	case "TokenPassword":
		token := strings.TrimSuffix(q.id+text(q.in, "containerRegistryTokenId"), "/passwords/password")
		if q.operation == opCreate {
			return []right{{tokenType + "/read", token}, {registryType + "/generateCredentials/action", parentID(token)}}, nil
		}
		return []right{{tokenType + "/" + lastSegment(strings.Replace(q.action(), "/delete", "/write", 1)), token}}, nil
	case "RegistryTaskScheduleRunNow":
		task := text(q.in, "containerRegistryTaskId")
		if q.operation != opCreate {
			return nil, nil // it neither looks nor deletes
		}
		return []right{{taskType + "/read", task}, {registryType + "/scheduleRun/action", parentID(task)}, {registryType + "/runs/read", parentID(task)}}, nil
	}
	own = []right{{q.action(), scope}}
	if q.operation == opCreate {
		own = []right{read, own[0]}
	}
	if q.in == nil || q.operation == opInvoke {
		return own, nil
	}
	for _, identity := range userIdentities(q.in) {
		linked = append(linked, right{userIdentityType + "/assign/action", identity})
	}
	if subnet := text(q.in, "subnet", "id"); subnet != "" {
		linked = append(linked, right{subnetType + "/join/action", subnet})
	}
	for _, c := range objects(q.in, "privateLinkServiceConnections") {
		linked = append(linked, right{registryType + "/privateEndpointConnectionsApproval/action", text(c, "privateLinkServiceId")})
	}
	for _, zone := range objects(q.in, "privateDnsZoneConfigs") {
		linked = append(linked, right{privateZoneType + "/join/action", text(zone, "privateDnsZoneId")})
	}
	if workspace := text(q.in, "workspaceId"); workspace != "" {
		linked = append(linked, right{"Microsoft.OperationalInsights/workspaces/sharedKeys/action", workspace})
	}
	return own, linked
}

func lastSegment(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// parentID is the id of what a child of a resource belongs to.
func parentID(id string) string {
	parts := strings.Split(id, "/")
	return strings.Join(parts[:max(0, len(parts)-2)], "/")
}

// entraQuota is how many objects a user without an administrator's role can have made, deleted ones that can still be restored
// among them.
// Source: https://learn.microsoft.com/entra/identity/users/directory-service-limits-restrictions
const entraQuota = 250

// restorable is for how long Entra keeps what has been deleted.
// Source: https://learn.microsoft.com/entra/architecture/recover-from-deletions
const restorable = 30 * 24 * time.Hour

// keepDeleted remembers what Entra could restore. What else it keeps of it does not matter here.
func (s *state) keepDeleted(objectID string, now time.Time) {
	if s.Deleted == nil {
		s.Deleted = map[string]time.Time{}
	}
	s.Deleted[objectID] = now
}

// dropPrincipal deletes a service principal.
func (s *state) dropPrincipal(objectID string, now time.Time) {
	delete(s.ServicePrincipals, objectID)
	s.keepDeleted(objectID, now)
}

func errDenied() error {
	return graphError(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

// limited tells whether the deploying user has only rights over what it owns.
func (d *Double) limited() bool {
	rights := d.conditions.Load().Rights
	return rights != nil && rights.Graph != GraphAll
}

// mayCreate applies Entra's quota to the deploying user. Everything here is taken to be made by it.
func (d *Double) mayCreate(s *state) error {
	made := len(s.Applications) + len(s.ServicePrincipals)
	for _, deleted := range s.Deleted {
		if d.now().Before(deleted.Add(restorable)) {
			made++
		}
	}
	if d.limited() && made >= entraQuota {
		return graphError(http.StatusForbidden, "Directory_QuotaExceeded", "The directory object quota limit for the Principal has been"+
			" exceeded. Please ask your administrator to increase the quota limit or delete objects to reduce the used quota.")
	}
	return nil
}

// mayChange refuses a change of an object of Entra to a user who has only rights over its own, and does not own this one.
func (d *Double) mayChange(s *state, owners []string) error {
	if d.limited() && !slices.ContainsFunc(owners, func(id string) bool { return strings.EqualFold(id, s.Owner) }) {
		return errDenied()
	}
	return nil
}
