package config

import (
	"encoding/json"
	"strings"
)

// autonaming is the setting pulumi:autonaming: https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming-configuration
type autonaming struct {
	Mode      string                `json:"mode"`
	Pattern   string                `json:"pattern"`
	Enforce   bool                  `json:"enforce"`
	Providers map[string]autonaming `json:"providers"`
	Resources map[string]autonaming `json:"resources"`
}

// says reports whether a section has its own rule; otherwise the rule of the enclosing section applies.
func (a autonaming) says() bool { return a.Mode != "" || a.Pattern != "" }

// checkAutonaming reports settings with which azure-native could not name a role assignment, whose name must be a UUID. It
// generates a UUID where a pattern is only proposed, but not where a pattern is enforced or automatic names are turned off.
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
		"gives role assignments no UUID as a name, which Azure requires; add "+
			`providers: {azure-native: {resources: {"azure-native:authorization/v20220401:RoleAssignment": {mode: default}}}}`)
	return found
}
