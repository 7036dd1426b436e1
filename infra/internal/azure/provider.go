package azure

import (
	"github.com/pulumi/pulumi-azure-native-sdk/v2/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Provider is an explicit provider of one of the packages for Azure and Entra.
type Provider struct{ pulumi.ProviderResourceState }

// entraVersion is the version of the provider azuread that belongs to its SDK.
const entraVersion = "5.53.5"

// NewEntra returns the provider azuread with inputs by its own names.
func NewEntra(ctx *pulumi.Context, name string, inputs pulumi.Map, opts ...pulumi.ResourceOption) (*Provider, error) {
	provider := &Provider{}
	return provider, ctx.RegisterResource("pulumi:providers:azuread", name, inputs, provider, append(opts, pulumi.Version(entraVersion))...)
}

// NewNative returns the provider azure-native with inputs by its own names. Its generated package would be one more to compile.
func NewNative(ctx *pulumi.Context, name string, inputs pulumi.Map, opts ...pulumi.ResourceOption) (*Provider, error) {
	provider := &Provider{}
	return provider, ctx.RegisterResource("pulumi:providers:azure-native", name, inputs, provider, utilities.PkgResourceDefaultOpts(opts)...)
}

// Settings returns a package's settings in the stack file, as secrets if they are encrypted. An explicit provider does not read
// them itself.
func Settings(ctx *pulumi.Context, pkg string, keys []string) pulumi.Map {
	settings := pulumi.Map{}
	for _, key := range keys {
		value, given := ctx.GetConfig(pkg + ":" + key)
		if !given {
			continue
		}
		settings[key] = pulumi.String(value)
		if ctx.IsConfigSecret(pkg + ":" + key) {
			settings[key] = pulumi.ToSecret(settings[key])
		}
	}
	return settings
}
