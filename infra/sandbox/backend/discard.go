package backend

import (
	"fmt"
	"regexp"
	"slices"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
)

// kinds map a cloud object's id to its resource type; the first match counts.
var kinds = []struct {
	token string
	id    *regexp.Regexp
}{
	{"azure-native:authorization:ManagementLockByScope", regexp.MustCompile(`(?i)/providers/Microsoft\.Authorization/locks/[^/]+$`)},
	{"azure-native:authorization:RoleAssignment", regexp.MustCompile(`(?i)/providers/Microsoft\.Authorization/roleAssignments/[^/]+$`)},
	{"azure-native:insights:DiagnosticSetting", regexp.MustCompile(`(?i)/diagnosticSettings/[^/]+$`)},
	{"azure-native:network:PrivateDnsZoneGroup", regexp.MustCompile(`(?i)/privateDnsZoneGroups/[^/]+$`)},
	{"azure-native:network:PrivateEndpoint", regexp.MustCompile(`(?i)/privateEndpoints/[^/]+$`)},
	{"azure-native:containerregistry:Task", regexp.MustCompile(`(?i)/tasks/[^/]+$`)},
	{"azure-native:containerregistry:Replication", regexp.MustCompile(`(?i)/replications/[^/]+$`)},
	{"azure-native:containerregistry:Webhook", regexp.MustCompile(`(?i)/webhooks/[^/]+$`)},
	{"azure-native:containerregistry:CacheRule", regexp.MustCompile(`(?i)/cacheRules/[^/]+$`)},
	{"azure-native:containerregistry:CredentialSet", regexp.MustCompile(`(?i)/credentialSets/[^/]+$`)},
	{"azure:containerservice/tokenPassword:TokenPassword", regexp.MustCompile(`(?i)/tokens/[^/]+/passwords/password$`)},
	{"azure-native:containerregistry:Token", regexp.MustCompile(`(?i)/tokens/[^/]+$`)},
	{"azure-native:containerregistry:ScopeMap", regexp.MustCompile(`(?i)/scopeMaps/[^/]+$`)},
	{"azure-native:containerregistry:Registry", regexp.MustCompile(`(?i)/registries/[^/]+$`)},
	{"azure-native:resources:ResourceGroup", regexp.MustCompile(`(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+$`)},
	{"azuread:index/applicationPassword:ApplicationPassword", regexp.MustCompile(`/password/[^/]+$`)},
	{"azuread:index/servicePrincipal:ServicePrincipal", regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)},
	{"azuread:index/application:Application", regexp.MustCompile(`^/applications/[^/]+$`)},
}

// Discard deletes the cloud objects of the given types, except those with a known id.
func (r *running) Discard(types, known []string) error {
	types = slices.Clone(types)
	for i, token := range types {
		types[i] = azuredouble.Unversioned(token)
	}
	for _, id := range r.azure.Inventory() {
		if slices.Contains(known, id) {
			continue
		}
		for _, kind := range kinds {
			if !kind.id.MatchString(id) {
				continue
			}
			if slices.Contains(types, kind.token) {
				if err := r.azure.Delete(id); err != nil {
					return fmt.Errorf("%s %s: %w", kind.token, id, err)
				}
			}
			break
		}
	}
	return nil
}
