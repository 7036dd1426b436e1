package sdk

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// classicAzureVersion is the version of the provider azure. Of it the stack takes the two resources that azure-native lacks,
// for Azure has actions there, and azure-native only what is put and got: a token's password, and the run of a task.
const classicAzureVersion = "6.32.0"

// ClassicAzure is the provider azure.
type ClassicAzure struct{ pulumi.ProviderResourceState }

// NewClassicAzure returns the provider for the subscription in which azure-native works. It registers no resource providers,
// for which it would want rights on the whole subscription.
func NewClassicAzure(ctx *pulumi.Context, name string, opts ...pulumi.ResourceOption) (*ClassicAzure, error) {
	provider := &ClassicAzure{}
	return provider, ctx.RegisterResource("pulumi:providers:azure", name, pulumi.Map{
		"subscriptionId":                AzureSubscription(ctx),
		"resourceProviderRegistrations": pulumi.String("none"),
	}, provider, append(opts, pulumi.Version(classicAzureVersion))...)
}

// TaskRun is one run of an ACR Task, which has succeeded:
// https://www.pulumi.com/registry/packages/azure/api-docs/containerservice/registrytaskschedulerunnow
type TaskRun struct{ pulumi.CustomResourceState }

// NewTaskRun runs a task, and waits for its end. A run that fails is tried again by the next update.
func NewTaskRun(ctx *pulumi.Context, name string, task pulumi.IDOutput, opts ...pulumi.ResourceOption) (*TaskRun, error) {
	run := &TaskRun{}
	return run, ctx.RegisterResource("azure:containerservice/registryTaskScheduleRunNow:RegistryTaskScheduleRunNow", name, pulumi.Map{
		"containerRegistryTaskId": task,
	}, run, append(opts, pulumi.Version(classicAzureVersion))...)
}
