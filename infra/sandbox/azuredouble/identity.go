package azuredouble

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
)

const userIdentityType = "Microsoft.ManagedIdentity/userAssignedIdentities"

// identityTypes are the values of identity.type.
var identityTypes = []string{"None", "SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned"}

// userIdentities are the ids of a resource's user-assigned identities. The newer API versions of the SDK send a list, the
// default one a map.
func userIdentities(in props) []string {
	if byID, isMap := at(in, "identity", "userAssignedIdentities").(props); isMap {
		return slices.Sorted(maps.Keys(byID))
	}
	return texts(in, "identity", "userAssignedIdentities")
}

func systemAssigned(in props) bool {
	return strings.HasPrefix(strings.ToLower(text(in, "identity", "type")), "systemassigned")
}

// checkIdentity applies ARM's rules on managed identities.
func checkIdentity(in props) error {
	if at(in, "identity") == nil {
		return nil
	}
	kind, given := text(in, "identity", "type"), userIdentities(in)
	if !slices.ContainsFunc(identityTypes, func(known string) bool { return strings.EqualFold(known, kind) }) {
		return badRequest("InvalidIdentityType", "The identity type '%s' is invalid. Allowed values: '%s'.",
			kind, strings.Join(identityTypes, "', '"))
	}
	switch users := strings.HasSuffix(strings.ToLower(kind), "userassigned"); {
	case users && len(given) == 0:
		return badRequest("InvalidIdentityValues", "The user assigned identities must be given for the identity type '%s'.", kind)
	case !users && len(given) > 0:
		return badRequest("InvalidIdentityValues", "The identity type '%s' does not take user assigned identities.", kind)
	}
	for _, id := range given {
		if err := checkReference("identity.userAssignedIdentities", id, userIdentityType); err != nil {
			return err
		}
	}
	return nil
}

// derivedGUID is a reproducible id of another user's object.
func derivedGUID(of string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.ToLower(of))).String()
}

// identityOutputs is ARM's view of a resource's identity; nil if it has none.
func identityOutputs(s *state, r *armResource) props {
	identity, _ := at(r.Settings, "identity").(props)
	if identity == nil {
		return nil
	}
	out := props{"type": text(identity, "type")}
	if !isChild("tasks")(r) { // the registry service, unlike that of tasks, returns lower-case first letters
		out["type"] = strings.NewReplacer("System", "system", "User", "user").Replace(text(identity, "type"))
	}
	if r.Principal != "" {
		out["principalId"], out["tenantId"] = r.Principal, s.Tenant
	}
	users := props{}
	for _, id := range userIdentities(r.Settings) {
		users[id] = props{"clientId": derivedGUID(id + "#client"), "principalId": derivedGUID(id + "#principal")}
	}
	if len(users) > 0 {
		out["userAssignedIdentities"] = users
	}
	return out
}
