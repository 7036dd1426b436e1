package sdk

import (
	"maps"

	"github.com/pulumi/pulumi-azure-native-sdk/v2/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/internal/azure"
)

// Provider is an explicit provider, whose inputs have the provider's own names, as in the stack file.
type Provider struct{ pulumi.ProviderResourceState }

const (
	// entraVersion is the version of the provider azuread that belongs to its SDK.
	entraVersion = "5.53.5"
	// classicAzureVersion is the version of the provider azure. The stack uses it for two resources that azure-native does not have,
	// because in Azure they are actions and not resources: a token's password, and the run of a task.
	classicAzureVersion = "6.32.0"
)

// NewEntra returns the provider azuread.
func NewEntra(ctx *pulumi.Context, name string, inputs pulumi.Map) (*Provider, error) {
	return newProvider(ctx, "azuread", name, inputs, pulumi.Version(entraVersion))
}

// NewNativeAzure returns the provider azure-native.
func NewNativeAzure(ctx *pulumi.Context, name string, inputs pulumi.Map) (*Provider, error) {
	return newProvider(ctx, "azure-native", name, inputs, utilities.PkgResourceDefaultOpts(nil)...)
}

// NewClassicAzure returns the provider azure for the subscription in which azure-native works, with further inputs. It registers no
// resource providers, because that needs permissions on the whole subscription.
func NewClassicAzure(ctx *pulumi.Context, name string, settings pulumi.Map) (*Provider, error) {
	subscription, err := azure.Subscription(ctx)
	if err != nil {
		return nil, err
	}
	inputs := pulumi.Map{
		"subscriptionId":                pulumi.String(subscription),
		"resourceProviderRegistrations": pulumi.String("none"),
	}
	maps.Copy(inputs, settings)
	return newProvider(ctx, "azure", name, inputs, pulumi.Version(classicAzureVersion))
}

func newProvider(ctx *pulumi.Context, pkg, name string, inputs pulumi.Map, opts ...pulumi.ResourceOption) (*Provider, error) {
	provider := &Provider{}
	return provider, ctx.RegisterResource("pulumi:providers:"+pkg, name, inputs, provider, opts...)
}
