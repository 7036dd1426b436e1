package azuredouble

import (
	"net/http"
	"strings"
)

const diagnosticSettingType = "Microsoft.Insights/diagnosticSettings"

// maxDiagnosticSettings is the maximum per resource.
// Source: https://learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings
const maxDiagnosticSettings = 5

// sinks receive logs and metrics.
var sinks = []struct{ property, kind string }{
	{"workspaceId", "Microsoft.OperationalInsights/workspaces"},
	{"storageAccountId", "Microsoft.Storage/storageAccounts"},
	{"eventHubAuthorizationRuleId", "Microsoft.EventHub/namespaces/authorizationRules"},
	{"marketplacePartnerId", ""},
	{"serviceBusRuleId", ""},
}

// registryCategories are those of a registry.
// Source: https://learn.microsoft.com/azure/container-registry/monitor-container-registry-reference
var registryCategories = map[string]string{
	"ContainerRegistryRepositoryEvents": "log", "ContainerRegistryLoginEvents": "log",
	"allLogs": "group", "audit": "group", "AllMetrics": "metric",
}

func isDiagnosticSetting(r *armResource) bool { return isExtension(r.ID, diagnosticSettingType) }

// enabledCategories are those that a setting sends.
func enabledCategories(in props) []string {
	var names []string
	for _, key := range []string{"logs", "metrics"} {
		for _, item := range objects(in, key) {
			if truth(item, "enabled") {
				names = append(names, text(item, "category")+text(item, "categoryGroup"))
			}
		}
	}
	return names
}

func checkDiagnosticSetting(c change) error {
	in := c.in
	sunk := false
	for _, sink := range sinks {
		id := text(in, sink.property)
		if id == "" {
			continue
		}
		sunk = true
		if sink.kind == "" {
			continue
		}
		if err := checkReference("properties."+sink.property, id, sink.kind); err != nil {
			return err
		}
	}
	if !sunk {
		return badRequest("BadRequest", "At least one data sink needs to be specified.")
	}
	if v := text(in, "logAnalyticsDestinationType"); v != "" && v != "Dedicated" && v != "AzureDiagnostics" {
		return badRequest("BadRequest", "The log analytics destination type '%s' is not valid.", v)
	}
	if err := checkCategories(in); err != nil {
		return err
	}
	return checkSinksFree(c.state, in)
}

func checkCategories(in props) error {
	if len(enabledCategories(in)) == 0 {
		return badRequest("BadRequest", "At least one enabled log or metric category needs to be specified.")
	}
	for _, item := range append(objects(in, "logs"), objects(in, "metrics")...) {
		if truth(item, "retentionPolicy", "enabled") {
			return badRequest("BadRequest", "Diagnostic settings does not support retention for new diagnostic settings.")
		}
	}
	ofRegistry := strings.EqualFold(armType(text(in, "resourceUri")), registryType)
	for _, log := range objects(in, "logs") {
		category, group := text(log, "category"), text(log, "categoryGroup")
		switch {
		case (category == "") == (group == ""):
			return badRequest("BadRequest", "A log setting needs either a category or a category group.")
		case ofRegistry && category != "" && registryCategories[category] != "log":
			return badRequest("BadRequest", "Category '%s' is not supported.", category)
		case ofRegistry && group != "" && registryCategories[group] != "group":
			return badRequest("BadRequest", "Category group '%s' is not supported.", group)
		}
	}
	for _, metric := range objects(in, "metrics") {
		if category := text(metric, "category"); ofRegistry && registryCategories[category] != "metric" {
			return badRequest("BadRequest", "Metric category '%s' is not supported.", category)
		}
	}
	return nil
}

// checkSinksFree rejects sending a category of a resource to the same destination twice.
func checkSinksFree(s *state, in props) error {
	count := 1
	for _, other := range s.Resources {
		if !isDiagnosticSetting(other) || !strings.EqualFold(text(other.Settings, "resourceUri"), text(in, "resourceUri")) ||
			strings.EqualFold(text(other.Settings, "name"), text(in, "name")) {
			continue
		}
		count++
		for _, sink := range sinks {
			id := text(in, sink.property)
			if id == "" || !strings.EqualFold(text(other.Settings, sink.property), id) {
				continue
			}
			for _, mine := range enabledCategories(in) {
				for _, theirs := range enabledCategories(other.Settings) {
					if mine == theirs {
						return armError(http.StatusConflict, "Conflict", "Data sink '%s' is already used in diagnostic setting '%s' for category '%s'."+
							" Data sinks can't be reused in different settings on the same category for the same resource.",
							id, text(other.Settings, "name"), mine)
					}
				}
			}
		}
	}
	if count > maxDiagnosticSettings {
		return badRequest("BadRequest", "The limit of %d diagnostic settings was reached.", maxDiagnosticSettings)
	}
	return nil
}

// diagnosticSettingOutputs are the properties that ARM returns.
func diagnosticSettingOutputs(_ *state, r *armResource) props {
	return withSettings(props{
		"logs":       []any{},
		"metrics":    []any{},
		"name":       text(r.Settings, "name"),
		"systemData": systemData(r),
		"type":       diagnosticSettingType,
	}, r.Settings, "eventHubAuthorizationRuleId", "eventHubName", "logAnalyticsDestinationType", "logs", "marketplacePartnerId",
		"metrics", "serviceBusRuleId", "storageAccountId", "workspaceId")
}
