package infra

import (
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/azure"
	"example.com/acr-microservices/infra/registry"
	"example.com/acr-microservices/infra/sdk"
)

// findRegistry finds a registry that the stack does not own, perhaps in another subscription.
func (s *stack) findRegistry() error {
	found, err := registry.Find(s.ctx, s.cfg.Registry.Existing)
	if err != nil {
		return err
	}
	var look []pulumi.InvokeOption
	own, err := azure.Subscription(s.ctx)
	if err != nil {
		return err
	}
	if found.Subscription != "" && !strings.EqualFold(found.Subscription, own) {
		settings := s.azureSettings()
		settings["subscriptionId"] = pulumi.String(found.Subscription)
		native, err := azure.NewNative(s.ctx, "registry", settings)
		if err != nil {
			return err
		}
		s.providers = append(s.providers, native)
		look = append(look, pulumi.Provider(native))
	}
	s.registry, err = found.Look(s.ctx, look...)
	return err
}

// addProviders creates the other explicit providers of what belongs to the registry: azure, if the stack has resources of it, and
// azuread, if it needs the name of the cloud. The default provider reads the stack file and the environment itself, but the stack
// file sets the cloud only for azure-native.
func (s *stack) addProviders() error {
	if s.cfg.NeedsClassicAzure() {
		classic, err := sdk.NewClassicAzure(s.ctx, "azure", s.azureSettings())
		if err != nil {
			return err
		}
		s.providers = append(s.providers, classic)
	}
	if s.cfg.Cloud.Public() || !slices.Contains(s.cfg.PullModes(), config.PullByServicePrincipal) {
		return nil
	}
	settings := azure.Settings(s.ctx, "azuread", config.EntraSettings)
	settings["environment"] = pulumi.String(s.cfg.Cloud.Name)
	entra, err := azure.NewEntra(s.ctx, "entra", settings)
	s.providers = append(s.providers, entra)
	return err
}

// azureSettings returns the settings that select the identity and the cloud of azure-native, for explicit providers that need the
// same.
func (s *stack) azureSettings() pulumi.Map {
	settings := azure.Settings(s.ctx, "azure-native", config.ProviderSettings)
	if !s.cfg.Cloud.Public() {
		settings["environment"] = pulumi.String(s.cfg.Cloud.Name)
	}
	return settings
}
