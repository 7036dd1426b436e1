package config

import "regexp"

// RegistryID is what the ARM id of a registry says.
type RegistryID struct {
	// GroupID is the ARM id of the resource group.
	GroupID string
	// ResourceGroup and Name are the names of both.
	ResourceGroup, Name string
}

var registryIDPattern = regexp.MustCompile(
	`(?i)^(/subscriptions/[^/]+/resourceGroups/([^/]+))/providers/Microsoft\.ContainerRegistry/registries/([^/]+)$`)

// ParseRegistryID splits the ARM id of a registry, and says whether it is one.
func ParseRegistryID(id string) (RegistryID, bool) {
	match := registryIDPattern.FindStringSubmatch(id)
	if match == nil {
		return RegistryID{}, false
	}
	return RegistryID{GroupID: match[1], ResourceGroup: match[2], Name: match[3]}, true
}

// ResourceGroupIDOf returns the ARM id of the resource group in a registry's id, empty if that is empty.
func ResourceGroupIDOf(id string) string {
	parsed, _ := ParseRegistryID(id)
	return parsed.GroupID
}
