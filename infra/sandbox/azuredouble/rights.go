package azuredouble

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Rights are the deploying user's permissions in Azure and Entra.
type Rights struct {
	// Azure are the user's roles.
	Azure []Grant `json:"azure,omitempty"`
	// Graph is the user's right in Entra: one of the Graph… constants, or nothing.
	Graph string `json:"graph,omitempty"`
}

// Grant is a role on a scope and its contents.
type Grant struct {
	// Role is the name of a built-in role that the double supports, such as "Contributor".
	Role string `json:"role,omitempty"`
	// Actions are the rights of a custom role, such as "Microsoft.ContainerRegistry/registries/read".
	Actions []string `json:"actions,omitempty"`
	// Scope is the id of the subscription, a resource group or a resource; "": the subscription.
	Scope string `json:"scope,omitempty"`
}

// A user's rights in Entra. The two others allow only the creation of objects and, for an object's owners, operations on it; both
// count the objects that the user created, see [entraQuota].
// Source: https://learn.microsoft.com/graph/permissions-reference#applicationreadwriteownedby
const (
	GraphAll       = "Application.ReadWrite.All"
	GraphOwnedBy   = "Application.ReadWrite.OwnedBy"
	GraphDeveloper = "Application Developer" // a directory role
)

// roleActions are the actions and notActions of built-in roles; long lists have only what matters here.
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

// right is one action that a request needs, on a scope.
type right struct{ action, scope string }

// may reports if the deploying user has a right.
func (d *Double) may(s *state, r right) bool {
	rights := d.conditions.Load().Rights
	if rights == nil {
		return true
	}
	return slices.ContainsFunc(rights.Azure, func(g Grant) bool {
		role := roleActions[g.Role]
		return covers(cmp.Or(g.Scope, s.subscriptionID()), r.scope) && allows(append(slices.Clone(g.Actions), role.allowed...), r.action) && !allows(role.not, r.action)
	})
}

// allows reports whether a pattern matches an action. A star matches any text, or none, together with its slash, so that
// "userAssignedIdentities/*/assign/action" matches "userAssignedIdentities/assign/action".
func allows(patterns []string, action string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		form := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
		form = strings.ReplaceAll(form, "/.*/", "/(.*/)?")
		matched, err := regexp.MatchString("(?i)^"+form+"$", action)
		return matched && err == nil
	})
}

// authorize rejects a request if the deploying user lacks a right, as ARM does: first on the resource itself, then on those that
// it refers to. Before a creation, azure-native reads the resource, which needs a right as well.
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

// rights are the rights that a request needs, on its resource and on linked ones.
// Sources: https://learn.microsoft.com/azure/private-link/rbac-permissions for endpoints,
// https://learn.microsoft.com/azure/role-based-access-control/permissions/identity for identities;
// sharedKeys/action for diagnostic settings is in https://learn.microsoft.com/azure/azure-monitor/roles-permissions-security.
func (q request) rights(s *state) (own, linked []right) {
	scope := q.scope(s)
	read := right{strings.TrimSuffix(q.action(), lastSegment(q.action())) + "read", scope}
	switch lastSegment(strings.ReplaceAll(q.token, ":", "/")) {
	case "getClientConfig":
		return nil, nil
	case "listManagedClusterUserCredentials", "listManagedClusterAdminCredentials":
		role := strings.TrimSuffix(strings.TrimPrefix(lastSegment(strings.ReplaceAll(q.token, ":", "/")), "listManagedCluster"), "Credentials")
		return []right{{"Microsoft.ContainerService/managedClusters/listCluster" + role + "Credential/action", scope}}, nil
	case "TokenPassword":
		token := strings.TrimSuffix(q.id+text(q.in, "containerRegistryTokenId"), "/passwords/password")
		if q.operation == opCreate {
			return []right{{tokenType + "/read", token}, {registryType + "/generateCredentials/action", parentID(token)}}, nil
		}
		return []right{{tokenType + "/" + lastSegment(strings.Replace(q.action(), "/delete", "/write", 1)), token}}, nil
	case "RegistryTaskScheduleRunNow":
		task := text(q.in, "containerRegistryTaskId")
		if q.operation != opCreate {
			return nil, nil // it sends no read or delete
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

// parentID is the id of a child's parent.
func parentID(id string) string {
	parts := strings.Split(id, "/")
	return strings.Join(parts[:max(0, len(parts)-2)], "/")
}

// entraQuota limits the objects created by a user without an administrator role, including deleted ones that can be restored.
// Source: https://learn.microsoft.com/entra/identity/users/directory-service-limits-restrictions
const entraQuota = 250

// restorable is how long Entra keeps deleted objects.
// Source: https://learn.microsoft.com/entra/architecture/recover-from-deletions
const restorable = 30 * 24 * time.Hour

// keepDeleted records what Entra could restore. Its other data does not matter here.
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

// limited reports if the deploying user has rights only over owned objects.
func (d *Double) limited() bool {
	rights := d.conditions.Load().Rights
	return rights != nil && rights.Graph != GraphAll
}

// mayCreate applies Entra's quota to the deploying user, the assumed creator of all objects.
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

// mayChange rejects the change of an Entra object by a user who has rights only over its own and does not own it.
func (d *Double) mayChange(s *state, owners []string) error {
	if d.limited() && !slices.ContainsFunc(owners, func(id string) bool { return strings.EqualFold(id, s.Owner) }) {
		return errDenied()
	}
	return nil
}
