package infra

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const kubeletAccessType = "acr-microservices:index:KubeletAccess"

// KubeletAccessArgs are the inputs of a KubeletAccess.
type KubeletAccessArgs struct {
	// PrincipalID is the object id in Entra of the identity with which the cluster's nodes pull.
	PrincipalID string
	// Right to pull.
	Right pullRight
}

// KubeletAccess lets the nodes of a cluster pull as themselves, as `az aks update --attach-acr` does.
type KubeletAccess struct {
	pulumi.ResourceState

	grant pulumi.Resource
}

// NewKubeletAccess assigns the role on the registry.
func NewKubeletAccess(ctx *pulumi.Context, name string, args *KubeletAccessArgs, opts ...pulumi.ResourceOption) (*KubeletAccess, error) {
	access := &KubeletAccess{}
	if err := ctx.RegisterComponentResource(kubeletAccessType, name, access, opts...); err != nil {
		return nil, fmt.Errorf("kubelet access %q: %w", name, err)
	}
	grant, err := args.Right.grant(ctx, name, access, pulumi.String(args.PrincipalID))
	if err != nil {
		return nil, fmt.Errorf("kubelet access %q: role assignment: %w", name, err)
	}
	access.grant = grant
	return access, ctx.RegisterResourceOutputs(access, pulumi.Map{})
}
