package infra

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/sdk"
)

const lockType = "acr-microservices:index:Lock"

// Lock keeps everybody from deleting a resource of Azure and what belongs to it, until the lock is removed.
type Lock struct {
	pulumi.ResourceState
}

// NewLock locks what has the given ARM id. What has been made below that id, role assignments included, comes before the
// lock, for only then does a destroy remove the lock first.
func NewLock(ctx *pulumi.Context, name string, id pulumi.StringInput, before []pulumi.Resource, opts ...pulumi.ResourceOption) (*Lock, error) {
	lock := &Lock{}
	if err := ctx.RegisterComponentResource(lockType, name, lock, opts...); err != nil {
		return nil, fmt.Errorf("lock %q: %w", name, err)
	}
	_, err := sdk.NewAzureResource(ctx, "authorization/v20200501:ManagementLockByScope", name, pulumi.Map{
		"scope":    id,
		"lockName": pulumi.String(name),
		"level":    pulumi.String("CanNotDelete"),
		"notes":    pulumi.String("Set by Pulumi: registry.lock of the stack that made it."),
	}, pulumi.Parent(lock), pulumi.DependsOn(before))
	if err != nil {
		return nil, fmt.Errorf("lock %q: %w", name, err)
	}
	return lock, ctx.RegisterResourceOutputs(lock, pulumi.Map{})
}
