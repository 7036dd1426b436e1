package infra

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

// classicAzureVersion is the version of the provider azure. Of it the stack takes the two resources that azure-native lacks,
// for Azure has actions there, and azure-native only what is put and got: a token's password, and the run of a task.
const classicAzureVersion = "6.32.0"

// classicAzure is the provider azure.
type classicAzure struct{ pulumi.ProviderResourceState }

// newClassicAzure returns the provider for the subscription in which azure-native works, or nil if the stack takes nothing of
// it. It registers no resource
// providers, for which it would want rights on the whole subscription.
func newClassicAzure(ctx *pulumi.Context, cfg *config.Config) (*classicAzure, error) {
	if !usesClassicAzure(cfg) {
		return nil, nil //nolint:nilnil // no such provider is needed
	}
	provider := &classicAzure{}
	return provider, ctx.RegisterResource("pulumi:providers:azure", "azure", pulumi.Map{
		"subscriptionId":                azureSubscription(ctx),
		"resourceProviderRegistrations": pulumi.String("none"),
	}, provider, pulumi.Version(classicAzureVersion))
}

// usesClassicAzure says whether the stack takes something of the provider azure.
func usesClassicAzure(cfg *config.Config) bool {
	if slices.Contains(cfg.PullModes(), config.PullByToken) {
		return true
	}
	return slices.ContainsFunc(cfg.ServiceNames(), func(name string) bool { return cfg.Services[name].Image.Made() })
}

// taskRun is one run of an ACR Task, which has succeeded:
// https://www.pulumi.com/registry/packages/azure/api-docs/containerservice/registrytaskschedulerunnow
type taskRun struct{ pulumi.CustomResourceState }

// newTaskRun runs a task, and waits for its end. A run that fails is tried again by the next update.
func newTaskRun(ctx *pulumi.Context, name string, task pulumi.IDOutput, opts ...pulumi.ResourceOption) (*taskRun, error) {
	run := &taskRun{}
	return run, ctx.RegisterResource("azure:containerservice/registryTaskScheduleRunNow:RegistryTaskScheduleRunNow", name, pulumi.Map{
		"containerRegistryTaskId": task,
	}, run, append(opts, pulumi.Version(classicAzureVersion))...)
}
