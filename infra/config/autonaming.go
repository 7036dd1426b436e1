package config

import (
	"encoding/json"
	"strings"
)

// autonaming is what pulumi:autonaming says of names: https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming-configuration
type autonaming struct {
	Mode      string                `json:"mode"`
	Pattern   string                `json:"pattern"`
	Enforce   bool                  `json:"enforce"`
	Providers map[string]autonaming `json:"providers"`
	Resources map[string]autonaming `json:"resources"`
}

// says tells whether a section has a rule of its own; otherwise the one around it holds.
func (a autonaming) says() bool { return a.Mode != "" || a.Pattern != "" }

// checkAutonaming reports settings with which azure-native could not name a role assignment, which has to be a UUID: it keeps to
// UUIDs where names are proposed, and gives way only where a pattern is enforced or names are switched off. All other resources
// of the stack have names of their own.
func checkAutonaming(text string) problems {
	var found problems
	var settings autonaming
	if err := json.Unmarshal([]byte(text), &settings); err != nil {
		return found // The engine says what is wrong.
	}
	rule, provider := settings, settings.Providers["azure-native"]
	if provider.says() {
		rule = provider
	}
	for token, own := range provider.Resources {
		if strings.HasSuffix(token, ":RoleAssignment") && own.says() {
			rule = own
		}
	}
	found.addUnless(!rule.Enforce && rule.Mode != "verbatim" && rule.Mode != "disabled", "pulumi:autonaming", nil,
		"leaves no UUID for role assignments, which Azure demands; add "+
			`providers: {azure-native: {resources: {"azure-native:authorization/v20220401:RoleAssignment": {mode: default}}}}`)
	return found
}
