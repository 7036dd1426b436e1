package registrydouble

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	typeRepository = "repository"

	actionPull          = "pull"
	actionPush          = "push"
	actionDelete        = "delete"
	actionMetadataRead  = "metadata_read"
	actionMetadataWrite = "metadata_write"
	actionAll           = "*"
)

// permissions maps each action of a repository scope to the Authority's permission.
var permissions = map[string]string{
	actionPull:          actionPull,
	actionPush:          actionPush,
	actionDelete:        actionDelete,
	actionMetadataRead:  actionPull,
	actionMetadataWrite: actionPush,
}

// access is an entry of a token's "access" claim, or a request's need.
type access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// String returns the access as a client requests it: type:name:action,action.
func (a access) String() string {
	return a.Type + ":" + a.Name + ":" + strings.Join(a.Actions, ",")
}

// repositoryName is the grammar of the distribution specification.
var repositoryName = regexp.MustCompile(
	`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)

func validRepository(name string) bool {
	return len(name) <= 255 && repositoryName.MatchString(name)
}

// parseScopes reads the scope parameters of a token request. A client can repeat the parameter, and can put several scopes,
// separated by spaces, into one. Scopes of the same type and name are merged; actions are sorted and unique.
func parseScopes(parameters []string) ([]access, error) {
	var scopes []access
	for _, parameter := range parameters {
		for scope := range strings.FieldsSeq(parameter) {
			parsed, err := parseScope(scope)
			if err != nil {
				return nil, err
			}
			same := slices.IndexFunc(scopes, func(a access) bool { return a.Type == parsed.Type && a.Name == parsed.Name })
			if same < 0 {
				scopes = append(scopes, parsed)
				same = len(scopes) - 1
			} else {
				scopes[same].Actions = append(scopes[same].Actions, parsed.Actions...)
			}
			slices.Sort(scopes[same].Actions)
			scopes[same].Actions = slices.Compact(scopes[same].Actions)
		}
	}
	return scopes, nil
}

func parseScope(scope string) (access, error) {
	parts := strings.Split(scope, ":")
	if len(parts) != 3 {
		return access{}, fmt.Errorf("scope %q is not of the form type:name:action[,action]", scope)
	}
	a := access{Type: parts[0], Name: parts[1], Actions: strings.Split(parts[2], ",")}
	switch {
	case a.Type != typeRepository:
		return access{}, fmt.Errorf("scope %q: unknown resource %s:%s", scope, a.Type, a.Name)
	case !validRepository(a.Name):
		return access{}, fmt.Errorf("scope %q: %q is not the name of a repository", scope, a.Name)
	}
	for _, action := range a.Actions {
		if _, known := permissions[action]; !known && action != actionAll {
			return access{}, fmt.Errorf("scope %q: unknown action %q", scope, action)
		}
	}
	return a, nil
}

// grant reduces the wanted scopes to the allowed actions. It omits a scope without any.
func grant(wanted []access, allowed func(repository, permission string) bool) []access {
	granted := []access{}
	for _, want := range wanted {
		actions := want.Actions
		if slices.Contains(actions, actionAll) {
			actions = []string{actionDelete, actionMetadataRead, actionMetadataWrite, actionPull, actionPush}
		}
		var kept []string
		for _, action := range actions {
			if allowed(want.Name, permissions[action]) {
				kept = append(kept, action)
			}
		}
		if len(kept) > 0 {
			granted = append(granted, access{Type: want.Type, Name: want.Name, Actions: kept})
		}
	}
	return granted
}

// covers reports whether the granted access contains all needed access.
func covers(granted []access, needed access) bool {
	for _, action := range needed.Actions {
		if !slices.ContainsFunc(granted, func(a access) bool {
			return a.Type == needed.Type && a.Name == needed.Name && slices.Contains(a.Actions, action)
		}) {
			return false
		}
	}
	return true
}
