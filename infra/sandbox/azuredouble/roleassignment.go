package azuredouble

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// RoleAcrPull is the id of the role AcrPull: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
const RoleAcrPull = "7f951dda-4ed3-4680-a7ca-43fe172d538d"

// roles are the built-in roles that matter here, with their rights on a registry's data plane.
// Source: https://learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-overview
var roles = map[string]struct {
	name    string
	actions []string
	abac    bool // effective only in the mode "RBAC Registry + ABAC Repository Permissions"
}{
	"8e3af657-a8ff-443c-a75c-2fe8c4bcb635": {"Owner", []string{"pull", "push", "delete"}, false},
	"b24988ac-6180-42a0-ab88-20f7382dd24c": {"Contributor", []string{"pull", "push", "delete"}, false},
	"acdd72a7-3385-48ef-bd42-f606fba81ae7": {"Reader", []string{"pull"}, false},
	"18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": {"User Access Administrator", nil, false},
	"f58310d9-a9f6-439a-9e8d-f62e7b41a168": {"Role Based Access Control Administrator", nil, false},
	RoleAcrPull:                            {"AcrPull", []string{"pull"}, false},
	"8311e382-0749-4cb8-b61a-304f252e45ec": {"AcrPush", []string{"pull", "push"}, false},
	"c2f4ef07-c644-48eb-af81-4b1b4947fb11": {"AcrDelete", []string{"delete"}, false},
	"6cef56e8-d556-48e5-a04f-b8e64114680f": {"AcrImageSigner", nil, false},
	"4633458b-17de-408a-b874-0445c86b69e6": {"Key Vault Secrets User", nil, false},
	"cdda3590-29a3-44f6-95f2-9f980659eb04": {"AcrQuarantineReader", nil, false},
	"c8d4ff99-41c3-41a8-9f60-21dfdad59608": {"AcrQuarantineWriter", nil, false},
	importerRole:                           {"Container Registry Data Importer and Data Reader", []string{"pull"}, false},
	"b93aa761-3e63-49ed-ac28-beffa264f7ac": {"Container Registry Repository Reader", []string{"pull"}, true},
	"2a1e307c-b015-4ebd-883e-5b7698a07328": {"Container Registry Repository Writer", []string{"pull", "push"}, true},
	"2efddaa5-3f1f-4df3-97df-af3f13818f4c": {"Container Registry Repository Contributor", []string{"pull", "push", "delete"}, true},
}

const roleAssignmentType = "Microsoft.Authorization/roleAssignments"

var principalTypes = []string{"Device", "ForeignGroup", "Group", "ServicePrincipal", "User"}

func isRoleAssignment(r *armResource) bool { return isExtension(r.ID, roleAssignmentType) }

// checkRoleAssignment allows an update of the description and the condition; the provider replaces the assignment for anything else.
func checkRoleAssignment(c change) error {
	name := text(c.in, "roleAssignmentName")
	switch {
	case uuid.Validate(name) != nil:
		return armError(http.StatusBadRequest, "InvalidRoleAssignmentId",
			"The role assignment ID '%s' is not valid. The role assignment ID must be a GUID.", name)
	case !c.isNew() && !sameAssignment(c.r.Settings, c.in):
		return armError(http.StatusBadRequest, "RoleAssignmentUpdateNotPermitted",
			"Tenant ID, application ID, principal ID, and scope are not allowed to be updated.")
	}
	if _, err := c.role(text(c.in, "roleDefinitionId")); err != nil {
		return err
	}
	if err := c.d.checkPrincipal(c.state, c.in); err != nil {
		return err
	}
	if err := checkCondition(c.in); err != nil {
		return err
	}
	for _, other := range c.Resources {
		if other != c.r && isRoleAssignment(other) && sameAssignment(other.Settings, c.in) {
			return armError(http.StatusConflict, "RoleAssignmentExists", "The role assignment already exists."+
				" The ID of the existing role assignment is %s.", undashed(text(other.Settings, "roleAssignmentName")))
		}
	}
	return nil
}

// sameAssignment reports if two assignments give the same role to the same principal on the same scope.
func sameAssignment(a, b props) bool {
	for _, key := range []string{"scope", "principalId", "roleDefinitionId"} {
		if !strings.EqualFold(text(a, key), text(b, key)) {
			return false
		}
	}
	return true
}

// scope returns the canonical id of an existing scope of a role or a lock. Foreign resources are assumed to exist.
func (s *state) scope(id string) (string, error) {
	if foreign(id) {
		return id, nil
	}
	parts := strings.Split(strings.ToLower(id), "/")
	if len(parts) < 3 || parts[0] != "" || parts[1] != "subscriptions" {
		return "", armError(http.StatusNotFound, "MissingSubscription",
			"The request did not have a subscription or a valid tenant level resource provider.")
	}
	if uuid.Validate(parts[2]) != nil {
		return "", badRequest("InvalidSubscriptionId", "The provided subscription identifier '%s' is malformed or invalid.", parts[2])
	}
	if parts[2] != s.Subscription {
		return "", armError(http.StatusNotFound, "SubscriptionNotFound", "The subscription '%s' could not be found.", parts[2])
	}
	if len(parts) == 3 {
		return s.subscriptionID(), nil
	}
	if r := s.resource(id); r != nil {
		return r.ID, nil
	}
	original := strings.Split(id, "/")
	if len(original) < 5 || parts[3] != "resourcegroups" {
		return "", armError(http.StatusNotFound, "InvalidResourceType", "The scope '%s' could not be found.", id)
	}
	if _, err := s.group(original[4]); err != nil {
		return "", err
	}
	if len(original) < 9 {
		return "", armError(http.StatusNotFound, "InvalidResourceType", "The scope '%s' could not be found.", id)
	}
	return "", resourceNotFound(original[6]+"/"+original[7], original[8], original[4])
}

// role returns the GUID of a role definition. ARM accepts several forms, but returns only this one, and a program that uses
// another gets a diff after every refresh; so the double rejects the others.
func (s *state) role(id string) (string, error) {
	prefix := strings.ToLower(s.subscriptionID() + "/providers/Microsoft.Authorization/roleDefinitions/")
	guid, found := strings.CutPrefix(strings.ToLower(id), prefix)
	if !found || uuid.Validate(guid) != nil {
		return "", armError(http.StatusBadRequest, "InvalidRoleDefinitionId",
			"The role definition ID '%s' is not valid. It must be '%s/providers/Microsoft.Authorization/roleDefinitions/<GUID>'.",
			id, s.subscriptionID())
	}
	if _, known := roles[guid]; !known {
		return "", armError(http.StatusNotFound, "RoleDefinitionDoesNotExist",
			"The specified role definition with ID '%s' does not exist.", undashed(guid))
	}
	return guid, nil
}

// checkPrincipal applies the rules on a role's principal.
func (d *Double) checkPrincipal(s *state, in props) error {
	id, claimed := text(in, "principalId"), text(in, "principalType")
	if uuid.Validate(id) != nil {
		return armError(http.StatusBadRequest, "InvalidPrincipalId", "A valid principal ID must be provided for role assignment.")
	}
	if claimed != "" && !slices.Contains(principalTypes, claimed) {
		return armError(http.StatusBadRequest, "InvalidPrincipalType", "The principal type '%s' is not valid. Allowed values: %s.",
			claimed, strings.Join(principalTypes, ", "))
	}
	actual, created := s.principal(id)
	// With a principalType, ARM does not look the principal up in its copy of the directory: it accepts any group, user or pipeline
	// identity that was not created here. Azure also accepts the id of an application, a trap: no principal gets the role. The
	// double rejects it.
	waits := claimed == "" && actual == "ServicePrincipal" && d.now().Before(later(created, d.conditions.Load().Replication))
	switch {
	case actual == "" && (claimed == "" || s.isApplication(id)), waits:
		return armError(http.StatusBadRequest, "PrincipalNotFound", "Principal %s does not exist in the directory %s. Check that you"+
			" have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might"+
			" be related to a replication delay. In this case, set the role assignment principalType property to a value, such as"+
			" ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype", undashed(id), s.Tenant)
	case claimed != "" && actual != "" && claimed != actual:
		return armError(http.StatusBadRequest, "UnmatchedPrincipalType", "The PrincipalId '%s' has type '%s' , which is different from"+
			" specified PrinciaplType '%s'.", undashed(id), actual, claimed)
	}
	return nil
}

// later adds a delay to a time; Never is never reached.
func later(t time.Time, delay time.Duration) time.Time {
	if delay == Never {
		return time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)
	}
	return t.Add(delay)
}

func undashed(guid string) string { return strings.ReplaceAll(guid, "-", "") }

// roleAssignmentOutputs are the properties that ARM returns.
func roleAssignmentOutputs(s *state, r *armResource) props {
	kind := text(r.Settings, "principalType")
	if actual, _ := s.principal(text(r.Settings, "principalId")); actual != "" {
		kind = actual
	}
	return withSettings(props{
		"createdBy":     s.Owner,
		"createdOn":     r.Created.Format(time.RFC3339),
		"name":          text(r.Settings, "roleAssignmentName"),
		"principalType": kind,
		"type":          roleAssignmentType,
		"updatedBy":     s.Owner,
		"updatedOn":     r.Changed.Format(time.RFC3339),
	}, r.Settings, "condition", "conditionVersion", "delegatedManagedIdentityResourceId", "description", "principalId",
		"roleDefinitionId", "scope")
}
