package azuredouble

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	scopeMapType = registryType + "/scopeMaps"
	tokenType    = registryType + "/tokens"
)

var (
	scopeMapName  = regexp.MustCompile(`^[a-zA-Z0-9-_]*$`)
	tokenName     = regexp.MustCompile(`^[a-zA-Z0-9-]*$`)
	scopeMapRight = regexp.MustCompile(`^repositories/([a-z0-9]+([._/-]+[a-z0-9]+)*(/\*)?|\*)/(content/(read|write|delete)|metadata/(read|write))$`)
)

// maxTokens limits a registry's tokens, and also its scope maps.
// Source: https://learn.microsoft.com/azure/container-registry/container-registry-skus
var maxTokens = map[string]int{"Basic": 100, "Standard": 500, "Premium": 50000}

// maxScopeActions limits the actions of a scope map.
// Source: https://learn.microsoft.com/azure/container-registry/container-registry-skus
const maxScopeActions = 500

// checkQuota limits the children of a kind.
func checkQuota(c change, kind string) error {
	allowed := maxTokens[text(c.registry().Settings, "sku", "name")]
	if c.isNew() && len(c.children(c.registry(), kind)) >= allowed {
		return badRequest("QuotaExceeded", "The number of %s of the registry exceeds the allowed quota %d.", kind, allowed)
	}
	return nil
}

func checkScopeMap(c change) error {
	if err := checkQuota(c, "scopeMaps"); err != nil {
		return err
	}
	actions := texts(c.in, "actions")
	if len(actions) == 0 {
		return badRequest("ScopeMapActionsRequired", "The scope map must have at least one action.")
	}
	if len(actions) > maxScopeActions {
		return badRequest("ScopeMapActionsExceeded", "The scope map must not have more than %d actions.", maxScopeActions)
	}
	for _, action := range actions {
		if !scopeMapRight.MatchString(action) {
			return badRequest("InvalidScopeMapAction", "The action '%s' is invalid.", action)
		}
	}
	return nil
}

// keepScopeMap rejects deleting a scope map that a token uses.
func keepScopeMap(s *state, r *armResource) error {
	for _, token := range s.children(s.resource(parentID(r.ID)), "tokens") {
		if strings.EqualFold(text(token.Settings, "scopeMapId"), r.ID) {
			return armError(http.StatusConflict, "ScopeMapInUse", "The scope map '%s' is associated with the token '%s'.",
				text(r.Settings, "scopeMapName"), text(token.Settings, "tokenName"))
		}
	}
	return nil
}

// scopeMapOutputs are the properties that ARM returns.
func scopeMapOutputs(_ *state, r *armResource) props {
	return withSettings(props{}, r.Settings, "actions", "description")
}

// checkToken also deletes the passwords that an update does not name, because it is a PUT.
// Source: https://github.com/Azure/acr/issues/667
func checkToken(c change) error {
	if err := checkQuota(c, "tokens"); err != nil {
		return err
	}
	scopeMap := text(c.in, "scopeMapId")
	if err := checkReference("properties.scopeMapId", scopeMap, scopeMapType); err != nil {
		return err
	}
	if _, err := c.find(scopeMap); err != nil {
		return err
	}
	if !covers(parentID(c.r.ID), scopeMap) {
		return badRequest("InvalidScopeMap", "The scope map '%s' belongs to another registry.", scopeMap)
	}
	if status := text(c.in, "status"); status != "" && status != "enabled" && status != "disabled" {
		return badRequest("InvalidTokenStatus", "The token status '%s' is invalid.", status)
	}
	if c.r.Credentials != nil {
		c.r.Credentials.Passwords = slices.DeleteFunc(c.r.Credentials.Passwords, func(one *password) bool {
			return !slices.ContainsFunc(objects(c.in, "credentials", "passwords"), func(named props) bool {
				return text(named, "name") == one.DisplayName
			})
		})
	}
	return nil
}

// tokenOutputs are the properties that ARM returns.
func tokenOutputs(_ *state, r *armResource) props {
	shown := []any{}
	if r.Credentials != nil {
		for _, one := range r.Credentials.Passwords {
			shown = append(shown, props{
				"creationTime": one.Created.Format(time.RFC3339), "expiry": one.End.Format(time.RFC3339), "name": one.DisplayName,
			})
		}
	}
	outputs := props{"status": "enabled", "credentials": props{"passwords": shown}}
	return withSettings(outputs, r.Settings, "scopeMapId", "status")
}

// tokenPrincipal precedes a token's id in a principal.
const tokenPrincipal = "token:"

// token finds an enabled token of a registry by name.
func (s *state) token(registry *armResource, name string) *armResource {
	r := s.resource(registry.ID + "/tokens/" + name)
	if r == nil || text(r.Settings, "status") == "disabled" {
		return nil
	}
	return r
}

// tokenAllows reports if a token's scope map allows an action ("pull", "push" or "delete") on a repository.
func (s *state) tokenAllows(id, repository, action string) bool {
	r := s.resource(id)
	if r == nil || text(r.Settings, "status") == "disabled" {
		return false
	}
	scope := s.resource(text(r.Settings, "scopeMapId"))
	right := map[string]string{"pull": "content/read", "push": "content/write", "delete": "content/delete"}[action]
	return scope != nil && slices.ContainsFunc(texts(scope.Settings, "actions"), func(allowed string) bool {
		of, what, _ := strings.Cut(strings.TrimPrefix(allowed, "repositories/"), "/content/")
		below, all := strings.CutSuffix(of, "/*")
		return "content/"+what == right && (of == repository || of == "*" || all && strings.HasPrefix(repository, below+"/"))
	})
}
