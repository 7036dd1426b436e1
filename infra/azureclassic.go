package infra

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/sdk"
)

// newClassicAzure returns the provider azure, or nil if the stack takes nothing of it.
func newClassicAzure(ctx *pulumi.Context, cfg *config.Config) (*sdk.ClassicAzure, error) {
	if !usesClassicAzure(cfg) {
		return nil, nil //nolint:nilnil // no such provider is needed
	}
	return sdk.NewClassicAzure(ctx, "azure")
}

// usesClassicAzure says whether the stack takes something of the provider azure.
func usesClassicAzure(cfg *config.Config) bool {
	if slices.Contains(cfg.PullModes(), config.PullByToken) {
		return true
	}
	return slices.ContainsFunc(cfg.ServiceNames(), func(name string) bool { return cfg.Services[name].Image.Made() })
}
