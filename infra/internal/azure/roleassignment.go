package azure

import (
	// The SDK's default version, as a separate package: authorization/v2 takes the compiler 16 seconds of CPU, this one less than half
	// a second. The SDK declares the types of both as aliases.
	authorization "github.com/pulumi/pulumi-azure-native-sdk/authorization/v2/v20220401"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Built-in roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
const (
	RoleAcrPull = "7f951dda-4ed3-4680-a7ca-43fe172d538d" // AcrPull
	RoleAcrPush = "8311e382-0749-4cb8-b61a-304f252e45ec" // AcrPush, which includes the permission to pull
	// Roles of registries in the mode "RBAC Registry + ABAC Repository Permissions", in which AcrPull and AcrPush have no effect:
	// https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions
	RoleRepositoryReader = "b93aa761-3e63-49ed-ac28-beffa264f7ac" // Container Registry Repository Reader
	RoleRepositoryWriter = "2a1e307c-b015-4ebd-883e-5b7698a07328" // Container Registry Repository Writer
	RoleDataImporter     = "577a9874-89fd-4f24-9dbd-b5034d0ad23a" // Container Registry Data Importer and Data Reader
	RoleVaultSecretsUser = "4633458b-17de-408a-b874-0445c86b69e6" //nolint:gosec // G101: the id of the role Key Vault Secrets User
)

// RoleAssignmentArgs say which principal gets which role on what.
type RoleAssignmentArgs struct {
	// Scope is the ARM id of the resource on which the principal gets the role.
	Scope pulumi.StringInput
	// Role is the id of a built-in role, a GUID.
	Role string
	// Principal is the object id in Entra.
	Principal pulumi.StringInput
	// PrincipalType is the principal's kind. Because it is given, ARM does not look the principal up, and does not fail with
	// PrincipalNotFound while Entra is still replicating it.
	PrincipalType string
	// Condition limits the role, in Azure's language for attributes. Empty means no limit.
	Condition string
}

// NewRoleAssignment assigns a built-in role on exactly one scope.
func NewRoleAssignment(ctx *pulumi.Context, name string, args *RoleAssignmentArgs, parent pulumi.Resource) (*authorization.RoleAssignment, error) {
	subscription, err := Subscription(ctx, pulumi.Parent(parent))
	if err != nil {
		return nil, err
	}
	inputs := &authorization.RoleAssignmentArgs{
		Scope:            args.Scope,
		RoleDefinitionId: pulumi.String(roleDefinition(subscription, args.Role)),
		PrincipalId:      args.Principal,
		PrincipalType:    pulumi.String(args.PrincipalType),
	}
	if args.Condition != "" {
		inputs.Condition, inputs.ConditionVersion = pulumi.String(args.Condition), pulumi.String("2.0")
	}
	// The condition is the only part of an assignment that Azure changes in place.
	return authorization.NewRoleAssignment(ctx, name, inputs, pulumi.Parent(parent), ReplacedBy("scope", "roleDefinitionId", "principalId"))
}

// roleDefinition returns a built-in role's id in the form in which ARM stores it. ARM refuses a bare GUID, and answers any other
// form with this one, which then shows as a change at every update.
func roleDefinition(subscription, role string) string {
	return "/subscriptions/" + subscription + "/providers/Microsoft.Authorization/roleDefinitions/" + role
}
