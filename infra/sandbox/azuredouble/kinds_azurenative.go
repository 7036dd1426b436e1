package azuredouble

import (
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"

	locks "github.com/pulumi/pulumi-azure-native-sdk/authorization/v2/v20200501"
	authorization "github.com/pulumi/pulumi-azure-native-sdk/authorization/v2/v20220401"
	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	resources "github.com/pulumi/pulumi-azure-native-sdk/resources/v2/v20220901"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// azureNativeVersion is the provider version that the SDK requires.
const azureNativeVersion = "2.90.0"

// cliClientID is the application with which `az login` signs a user in.
const cliClientID = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"

func newAzureNative(d *Double) *provider {
	return newProvider(d, "azure-native", azureNativeVersion, slices.Concat(
		coreKinds(), registryKinds(), networkKinds(),
	), append(aksFunctions(), []*function{
		{
			token: "azure-native:resources:getResourceGroup",
			args:  schemaOf(reflect.TypeFor[resources.LookupResourceGroupArgs]()),
			call: func(d *Double, in props) (props, error) {
				s := d.current()
				return lookUp(s, resourceGroupID(s, text(in, "resourceGroupName")), resourceGroupOutputs)
			},
		},
		{
			token: "azure-native:authorization:getClientConfig",
			args:  &schema{kind: "object"},
			call: func(d *Double, _ props) (props, error) {
				s := d.current()
				return props{
					"clientId": cliClientID, "objectId": s.Owner, "subscriptionId": s.Subscription, "tenantId": s.Tenant,
				}, nil
			},
		},
		{
			token: registryModule + "getRegistry",
			args:  schemaOf(reflect.TypeFor[acr.LookupRegistryArgs]()),
			call: func(d *Double, in props) (props, error) {
				s := d.current()
				return lookUp(s, registryID(s, text(in, "resourceGroupName"), text(in, "registryName")), registryOutputs)
			},
		},
	}...))
}

// coreKinds are the kinds of every deployment, with the types of azure-native's default API versions.
func coreKinds() []*kind {
	return []*kind{
		armKind(&kind{
			token:     "azure-native:resources:ResourceGroup",
			inputs:    schemaOf(resources.ResourceGroupArgs{}.ElementType()),
			outputs:   outputNames(resources.ResourceGroup{}),
			name:      autoname{property: "resourceGroupName"},
			located:   true,
			immutable: []string{"resourceGroupName", "location"},
			check: func(in props) []plugin.CheckFailure {
				if name, known := in["resourceGroupName"].(string); known && !resourceGroupName.MatchString(name) {
					return []plugin.CheckFailure{failure("resourceGroupName",
						"'resourceGroupName' does not match expression '%s'", resourceGroupName)}
				}
				return nil
			},
			arm: arm{
				is: isResourceGroup,
				id: func(s *state, in props) (string, error) {
					return resourceGroupID(s, text(in, "resourceGroupName")), nil
				},
				rules: checkResourceGroup, returns: resourceGroupOutputs,
			},
		}),
		armKind(&kind{
			token:     "azure-native:authorization:RoleAssignment",
			inputs:    schemaOf(authorization.RoleAssignmentArgs{}.ElementType()),
			outputs:   outputNames(authorization.RoleAssignment{}),
			name:      autoname{property: "roleAssignmentName", guid: true},
			immutable: []string{"roleAssignmentName", "scope", "principalId", "roleDefinitionId"},
			arm: arm{
				is: isRoleAssignment, id: extensionID(roleAssignmentType, "scope", "roleAssignmentName"),
				rules: checkRoleAssignment, returns: roleAssignmentOutputs,
			},
		}),
		armKind(&kind{
			token:     "azure-native:authorization:ManagementLockByScope",
			inputs:    schemaOf(locks.ManagementLockByScopeArgs{}.ElementType()),
			outputs:   outputNames(locks.ManagementLockByScope{}),
			name:      autoname{property: "lockName"},
			immutable: []string{"lockName", "scope"},
			check: func(in props) []plugin.CheckFailure {
				if name, known := in["lockName"].(string); known && !lockName.MatchString(name) {
					return []plugin.CheckFailure{failure("lockName", "'lockName' does not match expression '%s'", lockName)}
				}
				return nil
			},
			arm: arm{is: isLock, id: extensionID(lockType, "scope", "lockName"), rules: checkLock, returns: lockOutputs},
		}),
	}
}

// lookUp runs a function that reads an existing resource.
func lookUp(s *state, id string, outputs func(*state, *armResource) props) (props, error) {
	r, err := s.find(id)
	if err != nil {
		return nil, err
	}
	out := outputs(s, r)
	out["id"] = r.ID
	return out, nil
}

// find returns a resource, or ARM's error for a missing one.
func (s *state) find(id string) (*armResource, error) {
	if r := s.resource(id); r != nil {
		return r, nil
	}
	parts := strings.Split(id, "/")
	if len(parts) >= 5 {
		if _, err := s.group(parts[4]); err != nil {
			return nil, err
		}
	}
	if len(parts) == 9 {
		return nil, resourceNotFound(parts[6]+"/"+parts[7], parts[8], parts[4])
	}
	return nil, armError(http.StatusNotFound, "ResourceNotFound", "The Resource '%s' was not found.", id)
}

// apiVersion is in the type of a resource outside azure-native's default package.
var apiVersion = regexp.MustCompile(`/v\d{8}(preview)?:`)

// Unversioned removes the API version from an azure-native type token. All versions return the same objects.
func Unversioned(token string) string { return apiVersion.ReplaceAllString(token, ":") }
