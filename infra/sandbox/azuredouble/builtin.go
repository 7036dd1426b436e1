package azuredouble

import "strings"

// systemScopeMaps exist in every registry, with these actions on all repositories.
var systemScopeMaps = map[string][]string{
	"_repositories_admin": {"content/delete", "content/read", "content/write", "metadata/read", "metadata/write"},
	"_repositories_pull":  {"content/read"},
	"_repositories_push":  {"content/read", "content/write"},
}

// builtIn finds a resource that Azure creates with a registry: a system scope map, or the home replica of a Premium registry,
// which is named after its region. Neither appears in an inventory or counts towards a quota.
func (s *state) builtIn(id string) *armResource {
	parts := strings.Split(id, "/")
	if len(parts) != 11 {
		return nil
	}
	registry := s.Resources[strings.ToLower(strings.Join(parts[:9], "/"))]
	if registry == nil || !isRegistry(registry) {
		return nil
	}
	settings := props{"registryName": registry.Settings["registryName"], "resourceGroupName": registry.Settings["resourceGroupName"]}
	name := strings.ToLower(parts[10])
	switch strings.ToLower(parts[9]) {
	case "scopemaps":
		actions := []any{}
		for _, action := range systemScopeMaps[name] {
			actions = append(actions, "repositories/*/"+action)
		}
		if len(actions) == 0 {
			return nil
		}
		settings["scopeMapName"], settings["actions"] = name, actions
	case "replications":
		if text(registry.Settings, "sku", "name") != "Premium" || name != normalLocation(text(registry.Settings, "location")) {
			return nil
		}
		settings["replicationName"], settings["location"] = name, name
		settings["zoneRedundancy"] = zoneRedundancy(registry.Settings)
	default:
		return nil
	}
	return &armResource{ID: id, Settings: settings, Created: registry.Created, Changed: registry.Changed}
}
