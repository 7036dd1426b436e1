package sdk

import (
	tasks "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20190601preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// NewTask creates an ACR Task. It returns the task and the principal ID of the task's own identity, if it has one.
func NewTask(
	ctx *pulumi.Context, name string, args *tasks.TaskArgs, opts ...pulumi.ResourceOption,
) (pulumi.CustomResource, pulumi.StringPtrOutput, error) {
	task, err := tasks.NewTask(ctx, name, args, opts...)
	if err != nil {
		return nil, pulumi.StringPtrOutput{}, err
	}
	return task, task.Identity.PrincipalId(), nil
}
