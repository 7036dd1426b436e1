package infra

import "strings"

// Built-in roles of registries in the mode "RBAC Registry + ABAC Repository Permissions", in which AcrPull and AcrPush say
// nothing: https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions
const (
	repositoryReaderRole = "b93aa761-3e63-49ed-ac28-beffa264f7ac" // Container Registry Repository Reader
	repositoryWriterRole = "2a1e307c-b015-4ebd-883e-5b7698a07328" // Container Registry Repository Writer
)

// repositoryCondition limits the role Container Registry Repository Reader to some repositories: what it allows is allowed
// where the repository is one of them. https://learn.microsoft.com/azure/role-based-access-control/conditions-format
func repositoryCondition(repositories []string) string {
	const registries = "Microsoft.ContainerRegistry/registries/repositories"
	names := make([]string, 0, len(repositories))
	for _, repository := range repositories {
		names = append(names, "@Request["+registries+":name] StringEqualsIgnoreCase '"+repository+"'")
	}
	return "((!(ActionMatches{'" + registries + "/content/read'}) AND !(ActionMatches{'" + registries + "/metadata/read'})) OR (" +
		strings.Join(names, " OR ") + "))"
}
