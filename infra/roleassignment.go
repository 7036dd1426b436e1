package infra

import (
	// The version that is the SDK's default, in a package of its own: authorization/v2 takes the compiler 16 seconds of CPU, this
	// one a moment. A live stack stays as it is, for the SDK declares the types aliases of each other.
	authorization "github.com/pulumi/pulumi-azure-native-sdk/authorization/v2/v20220401"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/sdk"
)

// Built-in roles of registries in the mode "RBAC Registry + ABAC Repository Permissions", in which AcrPull and AcrPush say
// nothing: https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions
const (
	repositoryReaderRole = "b93aa761-3e63-49ed-ac28-beffa264f7ac" // Container Registry Repository Reader
	repositoryWriterRole = "2a1e307c-b015-4ebd-883e-5b7698a07328" // Container Registry Repository Writer
)

// roleAssignmentArgs say who may do what where.
type roleAssignmentArgs struct {
	// scope is the ARM id of what the role is for.
	scope pulumi.StringInput
	// role is the id of a built-in role, a GUID.
	role string
	// principal is the object id in Entra.
	principal pulumi.StringInput
	// principalType is the principal's kind. Said explicitly, ARM does not look the principal up, and does not fail with
	// PrincipalNotFound while Entra is still replicating it.
	principalType string
	// condition, empty for none, limits the role in Azure's language for attributes.
	condition string
}

// newRoleAssignment gives a principal a built-in role on a scope, and on nothing else.
func newRoleAssignment(ctx *pulumi.Context, name string, parent pulumi.Resource, args *roleAssignmentArgs) (*authorization.RoleAssignment, error) {
	definition := sdk.AzureSubscription(ctx, pulumi.Parent(parent)).ApplyT(func(subscription string) string {
		return roleDefinition(subscription, args.role)
	})
	inputs := &authorization.RoleAssignmentArgs{
		Scope:            args.scope,
		RoleDefinitionId: definition.(pulumi.StringOutput),
		PrincipalId:      args.principal,
		PrincipalType:    pulumi.String(args.principalType),
	}
	if args.condition != "" {
		inputs.Condition, inputs.ConditionVersion = pulumi.String(args.condition), pulumi.String("2.0")
	}
	// Azure changes nothing of an assignment but its condition.
	return authorization.NewRoleAssignment(ctx, name, inputs, pulumi.Parent(parent),
		replacedBy("scope", "roleDefinitionId", "principalId"))
}

// roleDefinition returns a built-in role's id in the form in which ARM stores it. ARM refuses a bare GUID, and answers
// any other form with this one, which then shows as a change at every update.
func roleDefinition(subscription, role string) string {
	return "/subscriptions/" + subscription + "/providers/Microsoft.Authorization/roleDefinitions/" + role
}
