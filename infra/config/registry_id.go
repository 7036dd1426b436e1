package config

import "regexp"

// RegistryID holds the parts of a registry's ARM id.
type RegistryID struct {
	// Subscription is the id of the subscription.
	Subscription string
	// GroupID is the ARM id of the resource group.
	GroupID string
	// ResourceGroup and Name are the names of both.
	ResourceGroup, Name string
}

var registryIDPattern = regexp.MustCompile(
	`(?i)^(/subscriptions/([^/]+)/resourceGroups/([^/]+))/providers/Microsoft\.ContainerRegistry/registries/([^/]+)$`)

// ParseRegistryID splits the ARM id of a registry, and reports whether it is one.
func ParseRegistryID(id string) (RegistryID, bool) {
	match := registryIDPattern.FindStringSubmatch(id)
	if match == nil {
		return RegistryID{}, false
	}
	return RegistryID{Subscription: match[2], GroupID: match[1], ResourceGroup: match[3], Name: match[4]}, true
}
