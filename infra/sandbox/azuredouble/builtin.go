package azuredouble

import "strings"

// systemScopeMaps are in every registry, with what they allow on all repositories.
var systemScopeMaps = map[string][]string{
	"_repositories_admin": {"content/delete", "content/read", "content/write", "metadata/read", "metadata/write"},
	"_repositories_pull":  {"content/read"},
	"_repositories_push":  {"content/read", "content/write"},
}

// builtIn finds what comes with a registry and nobody has made: its system scope maps, and the home replica of a Premium
// registry, which has the name of its region. Neither belongs to an inventory, and neither counts towards a quota.
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
