package config

import (
	"fmt"
	"slices"
	"strings"
)

// Modes in which a cluster pulls.
const (
	// PullByServicePrincipal: a service principal of the stack pulls for all services; its password is in each namespace's pull secret.
	PullByServicePrincipal = "servicePrincipal"
	// PullByKubeletIdentity: the cluster's nodes pull as themselves, without any secret.
	PullByKubeletIdentity = "kubeletIdentity"
	// PullByToken: each service has a token for its own repositories; its password is in the namespace's pull secret.
	PullByToken = "token"
)

// AllPullModes are the modes that exist.
var AllPullModes = []string{PullByServicePrincipal, PullByKubeletIdentity, PullByToken}

// PullModes returns the stack's mode, followed by the additional modes.
func (c *Config) PullModes() []string {
	return append([]string{c.Registry.Pull.Mode}, c.Registry.Pull.Also...)
}

// PullingServices returns the services whose image is in the registry.
func (c *Config) PullingServices() []string {
	return slices.DeleteFunc(c.ServiceNames(), func(name string) bool { return c.Services[name].Image.Foreign() })
}

// RepositoriesOf returns the repositories from which a service pulls, sorted.
func (c *Config) RepositoriesOf(service string) []string {
	repositories := append([]string{c.Services[service].Image.Repository}, c.Services[service].PullRepositories...)
	slices.Sort(repositories)
	return slices.Compact(repositories)
}

// TokenName returns the name of a service's tokens, which differs from those of the other stacks that share the registry.
func (c *Config) TokenName(service, stack string) string {
	return service + "-" + strings.NewReplacer("_", "-", ".", "-").Replace(stack)
}

// HasPullSecrets reports whether services log in to the registry with pull secrets.
func (c *Config) HasPullSecrets() bool {
	byLogin := func(mode string) bool { return mode != PullByKubeletIdentity }
	return c.UsesACR() && slices.ContainsFunc(c.PullModes(), byLogin) && len(c.PullingServices()) > 0
}

// NeedsClassicAzure reports whether the stack has resources of the provider azure.
func (c *Config) NeedsClassicAzure() bool {
	if !c.UsesACR() {
		return false
	}
	if slices.Contains(c.PullModes(), PullByToken) {
		return true
	}
	return slices.ContainsFunc(c.ServiceNames(), func(name string) bool { return c.Services[name].Image.made() })
}

// MakerOf returns the name of the service whose image task makes a service's image, or "" if the stack neither imports nor builds
// it. Services that run the same image share the task of the first of them.
func (c *Config) MakerOf(service string) string {
	image := c.Services[service].Image
	for _, name := range c.PullingServices() {
		if other := c.Services[name].Image; other.made() && other.Reference("") == image.Reference("") {
			return name
		}
	}
	return ""
}

// Makers are the services whose image tasks make images, for themselves and for others that run the same image.
func (c *Config) Makers() []string {
	return slices.DeleteFunc(c.PullingServices(), func(name string) bool { return c.MakerOf(name) != name })
}

// PushedImages returns the services' images that the stack's registry neither makes nor caches, so that they must be pushed, sorted.
func (c *Config) PushedImages() []string {
	var images []string
	for _, name := range c.PullingServices() {
		image := c.Services[name].Image
		if image.Deployable() && c.MakerOf(name) == "" && !c.Registry.caches(image.Repository) {
			images = append(images, image.Reference(""))
		}
	}
	slices.Sort(images)
	return slices.Compact(images)
}

// PullActions returns the actions of a scope map that allow pulls from the repositories.
func PullActions(repositories []string) []string {
	var actions []string
	for _, repository := range repositories {
		actions = append(actions, "repositories/"+repository+"/content/read", "repositories/"+repository+"/metadata/read")
	}
	return actions
}

// RepositoryCondition returns the condition that limits the role Container Registry Repository Reader to some repositories, at least
// one. Their order does not matter.
// https://learn.microsoft.com/azure/role-based-access-control/conditions-format
func RepositoryCondition(repositories []string) string {
	const registries = "Microsoft.ContainerRegistry/registries/repositories"
	var names []string
	for _, repository := range slices.Compact(slices.Sorted(slices.Values(repositories))) {
		names = append(names, "@Request["+registries+":name] StringEqualsIgnoreCase '"+repository+"'")
	}
	return "((!(ActionMatches{'" + registries + "/content/read'}) AND !(ActionMatches{'" + registries + "/metadata/read'})) OR (" +
		strings.Join(names, " OR ") + "))"
}

// Limits of Azure.
const (
	maxCondition    = 8 << 10 // bytes in a role assignment's condition
	maxScopeActions = 500     // actions in a token's scope map
)

// maxTokens is how many tokens a registry can have:
// https://learn.microsoft.com/azure/container-registry/container-registry-skus#service-tier-features-and-limits
var maxTokens = map[string]int{SKUBasic: 100, SKUStandard: 500, SKUPremium: 50000}

// validatePull reports problems of the pull settings.
func (c *Config) validatePull(found *problems) {
	pull, seen := c.Registry.Pull, map[string]bool{}
	for i, mode := range c.PullModes() {
		key := "registry.pull.mode"
		if i > 0 {
			key = fmt.Sprintf("registry.pull.also.%d", i-1)
		}
		found.addUnless(!seen[mode], key, mode, "is listed twice; list each mode once, as mode or in also")
		seen[mode] = true
	}
	found.addUnless(len(pull.Owners) == 0 || seen[PullByServicePrincipal], "registry.pull.owners", nil,
		"is used only with the pull mode servicePrincipal; other modes create nothing in Entra")
	found.addUnless(pull.KubeletPrincipalID == "" || seen[PullByKubeletIdentity], "registry.pull.kubeletPrincipalId", nil,
		"is used only with the pull mode kubeletIdentity")
	found.addUnless(!pull.Assigned || seen[PullByKubeletIdentity], "registry.pull.assigned", nil, "is used only with the pull mode kubeletIdentity")
	found.addUnless(!pull.Assigned || pull.KubeletPrincipalID == "", "registry.pull.kubeletPrincipalId", nil,
		"is not used, because registry.pull.assigned is true; leave one of them out")
	found.addUnless(!seen[PullByKubeletIdentity] || pull.Assigned || pull.KubeletPrincipalID != "" || c.Cluster.AKS != nil,
		"registry.pull.kubeletPrincipalId", nil, "is missing; the pull mode kubeletIdentity needs it, unless cluster.aks or assigned is set")
	c.validateTokens(found, seen[PullByToken])
	if c.Registry.ABAC && (seen[PullByServicePrincipal] || seen[PullByKubeletIdentity] && !pull.Assigned) {
		var repositories []string
		for _, service := range c.PullingServices() {
			repositories = append(repositories, c.RepositoriesOf(service)...)
		}
		found.addUnless(len(repositories) > 0, "registry.abac", nil,
			"needs a service with an image in the registry; the role is limited to the services' repositories")
		length := len(RepositoryCondition(repositories))
		found.addUnless(length <= maxCondition, "registry.abac", nil, fmt.Sprintf(
			"needs a condition of %d bytes in one role assignment; Azure allows %d, and the pull mode token has no such limit", length, maxCondition))
	}
}

// validateTokens reports too many tokens for the registry's SKU, scope maps with too many actions, and names that a token cannot have:
// https://github.com/hashicorp/terraform-provider-azurerm/pull/11607
func (c *Config) validateTokens(found *problems, used bool) {
	if !used {
		return
	}
	services := c.PullingServices()
	tokens := tokensPerService * len(services)
	if allowed, known := maxTokens[c.Registry.SKU]; known && tokens > allowed { // The SKU of an existing registry is not known.
		found.add("registry.pull.mode", PullByToken, fmt.Sprintf("needs %d tokens for %d services; registry.sku %s allows %d%s",
			tokens, len(services), c.Registry.SKU, allowed, cheapestWith(maxTokens, tokens)))
	}
	for _, service := range services {
		found.addUnless(!beginsWithDigit(service), "services."+service, nil,
			"does not begin with a letter, but the names of registry tokens, which begin with it, must; choose another name or another pull mode")
		actions := len(PullActions(c.RepositoriesOf(service)))
		found.addUnless(actions <= maxScopeActions, "services."+service+".pullRepositories", nil,
			fmt.Sprintf("and image.repository need %d actions in one token; Azure allows %d", actions, maxScopeActions))
	}
}
