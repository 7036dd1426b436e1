package registry

import (
	"fmt"

	authorization "github.com/pulumi/pulumi-azure-native-sdk/authorization/v2/v20200501"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const lockType = "acr-microservices:index:Lock"

// LockArgs are the inputs of a Lock.
type LockArgs struct {
	// Scope is the ARM id of the resource that is locked.
	Scope pulumi.StringInput
	// Belongings are created below Scope, role assignments included. The lock is created after them, because then a destroy
	// removes the lock first.
	Belongings []pulumi.Resource
}

// Lock prevents everyone from deleting an Azure resource and the resources below it, until the lock is removed.
type Lock struct {
	pulumi.ResourceState
}

// NewLock creates the lock.
func NewLock(ctx *pulumi.Context, name string, args *LockArgs, opts ...pulumi.ResourceOption) (*Lock, error) {
	lock := &Lock{}
	if err := ctx.RegisterComponentResource(lockType, name, lock, opts...); err != nil {
		return nil, fmt.Errorf("lock %q: %w", name, err)
	}
	if _, err := authorization.NewManagementLockByScope(ctx, name, &authorization.ManagementLockByScopeArgs{
		Scope:    args.Scope,
		LockName: pulumi.String(name),
		Level:    pulumi.String("CanNotDelete"),
		Notes:    pulumi.String("Set by Pulumi: registry.lock of the stack that made it."),
	}, pulumi.Parent(lock), pulumi.DependsOn(args.Belongings)); err != nil {
		return nil, fmt.Errorf("lock %q: %w", name, err)
	}
	return lock, ctx.RegisterResourceOutputs(lock, pulumi.Map{})
}
