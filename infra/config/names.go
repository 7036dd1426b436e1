package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// Names that Azure allows: letters and digits, at most 50, for a registry; at most 90 characters for a resource group.
const (
	maxRegistryName = 50
	maxGroupName    = 90
	nameHash        = 8 // hexadecimal digits
)

// reservedName matches the names with which Azure creates no registry:
// https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-reserved-resource-name
var reservedName = regexp.MustCompile(`(?i)microsoft|windows|^login|^(access|azure|bizspark|biztalk|cortana|directx|dotnet|dynamics|excel|` +
	`exchange|forefront|groove|hololens|hyperv|kinect|office|office365|onedrive|onenote|outlook|powerpoint|sharepoint|skype|visio|visualstudio)$`)

// NameRegistry fills in the names of the registry and its resource group, where the configuration gives none. The names follow from
// project, stack and subscription, so they are known at preview, are the same in each update, and differ from those of other
// stacks. A registry's name must be globally unique; the hash makes it so.
func (c *Config) NameRegistry(subscription, project, stack string) {
	sum := sha256.Sum256([]byte(strings.ToLower(subscription) + "/" + project + "/" + stack))
	hash := hex.EncodeToString(sum[:])[:nameHash]
	alphanumeric := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(project+stack))
	name := alphanumeric[:min(len(alphanumeric), maxRegistryName-nameHash)] + hash
	if reservedName.MatchString(name) {
		name = "registry" + hash
	}
	group := project + "-" + stack
	c.Registry.Name = cmp.Or(c.Registry.Name, name)
	c.Registry.ResourceGroup.Name = cmp.Or(c.Registry.ResourceGroup.Name, group[:min(len(group), maxGroupName-nameHash-1)]+"-"+hash)
}

// LoginServer is the host of the registry with the given name. A registry with a domain name label has another host, but the stack
// never requests a label.
func (c *Config) LoginServer(name string) string {
	return strings.ToLower(name) + "." + c.Cloud.RegistrySuffix
}
