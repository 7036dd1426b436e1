package infra

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

const pushAccessType = "acr-microservices:index:PushAccess"

// acrPushRole is the id of the built-in role AcrPush, which may pull as well:
// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/containers#acrpush
const acrPushRole = "8311e382-0749-4cb8-b61a-304f252e45ec"

// PushAccessArgs are the inputs of a PushAccess.
type PushAccessArgs struct {
	// RegistryID is the ARM resource id of the registry, and of nothing else.
	RegistryID pulumi.StringInput
	// ABAC says that the registry knows other roles.
	ABAC bool
	// Principals that may push.
	Principals []config.Push
}

// PushAccess lets principals that are there already, such as a pipeline's, push to one registry.
type PushAccess struct {
	pulumi.ResourceState

	grants []pulumi.Resource
}

// NewPushAccess assigns the roles. Their names come from the principals, so that the list's order does not matter.
func NewPushAccess(ctx *pulumi.Context, name string, args *PushAccessArgs, opts ...pulumi.ResourceOption) (*PushAccess, error) {
	access := &PushAccess{}
	if err := ctx.RegisterComponentResource(pushAccessType, name, access, opts...); err != nil {
		return nil, fmt.Errorf("push access %q: %w", name, err)
	}
	role := acrPushRole
	if args.ABAC {
		role = repositoryWriterRole
	}
	for _, principal := range args.Principals {
		id := strings.ToLower(principal.PrincipalID)
		grant, err := newRoleAssignment(ctx, name+"-"+id, access, &roleAssignmentArgs{
			scope: args.RegistryID, role: role, principal: pulumi.String(id), principalType: cmp.Or(principal.PrincipalType, config.ServicePrincipal),
		})
		if err != nil {
			return nil, fmt.Errorf("push access %q: principal %s: %w", name, id, err)
		}
		access.grants = append(access.grants, grant)
	}
	return access, ctx.RegisterResourceOutputs(access, pulumi.Map{})
}
