package infra

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/azure"
	"example.com/acr-microservices/infra/registry"
	"example.com/acr-microservices/infra/sdk"
)

// openRegistry creates the stack's own registry, or finds the existing one, and creates the providers of what belongs to it.
func (s *stack) openRegistry() error {
	open := s.createRegistry
	if s.cfg.Registry.Existing != nil {
		open = s.findRegistry
	}
	if err := open(); err != nil {
		return err
	}
	return s.addProviders()
}

func (s *stack) createRegistry() error {
	subscription, err := azure.Subscription(s.ctx)
	if err != nil {
		return err
	}
	s.cfg.NameRegistry(subscription, s.ctx.Project(), s.ctx.Stack())
	created, err := s.pushHint()
	if err != nil {
		return err
	}
	s.own, err = registry.New(s.ctx, registryName(s.ctx.Project()), &registry.Args{
		Registry: s.cfg.Registry, LoginServer: s.cfg.LoginServer(s.cfg.Registry.Name), Location: s.cfg.Location,
		PurgeFilters: s.cfg.PurgeFilters(), Tags: tags(s.cfg.Tags), AfterCreate: created,
	})
	if err != nil {
		return err
	}
	s.registry = &s.own.Ref
	s.registry.ID = s.registry.ID.ApplyT(func(id string) (string, error) { return id, checkSubscription(id, subscription) }).(pulumi.StringOutput)
	return nil
}

// checkSubscription refuses to go on in another subscription than the registry's. The provider azure-native would leave the registry
// where it is, because to it another subscription is no change (DiffConfig in provider/pkg/provider/provider.go of v2), but replace the
// role assignment, whose role names the subscription.
func checkSubscription(registryID, subscription string) error {
	found, ok := config.ParseRegistryID(registryID)
	if !ok || strings.EqualFold(found.Subscription, subscription) {
		return nil
	}
	return fmt.Errorf("azure-native:subscriptionId: %q is not the subscription of the stack's registry, which is %s: select that one again", subscription, found.Subscription)
}

// pushHint returns the hook that says, when the registry is new, also in a preview, which images must be pushed: their releases wait
// for them, until they time out.
func (s *stack) pushHint() (*pulumi.ResourceHook, error) {
	images := s.cfg.PushedImages()
	if len(images) == 0 {
		return nil, nil //nolint:nilnil // no hook
	}
	return s.ctx.RegisterResourceHook("pushHint", func(*pulumi.ResourceHookArgs) error {
		return s.ctx.Log.Info(fmt.Sprintf("the registry is new and empty: while the releases wait for their images, log in with `az acr login --name %s` and push %s",
			s.cfg.Registry.Name, strings.Join(images, ", ")), nil)
	}, &pulumi.ResourceHookOptions{OnDryRun: true})
}

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
		native, err := sdk.NewNativeAzure(s.ctx, "registry", settings)
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
// azuread, if it must be told the cloud. The default provider reads the stack file and the environment itself, but the stack file
// sets the cloud only for azure-native.
func (s *stack) addProviders() error {
	if s.cfg.NeedsClassicAzure() {
		classic, err := sdk.NewClassicAzure(s.ctx, "azure", s.azureSettings())
		if err != nil {
			return err
		}
		s.providers = append(s.providers, classic)
	}
	if !s.cfg.TellsCloud || !slices.Contains(s.cfg.PullModes(), config.PullByServicePrincipal) {
		return nil
	}
	settings := pulumi.Map{"environment": pulumi.String(s.cfg.Cloud.Name)}
	maps.Copy(settings, settingsOf(s.ctx, "azuread", config.EntraSettings))
	entra, err := sdk.NewEntra(s.ctx, "entra", settings)
	s.providers = append(s.providers, entra)
	return err
}

// azureSettings returns the settings that select the identity and the cloud of azure-native, for explicit providers that need the
// same.
func (s *stack) azureSettings() pulumi.Map {
	settings := settingsOf(s.ctx, "azure-native", config.ProviderSettings)
	if s.cfg.TellsCloud {
		settings["environment"] = pulumi.String(s.cfg.Cloud.Name)
	}
	return settings
}

// registryName returns the logical name of the registry and of its resources: the project's name without the characters that Azure
// does not allow in names that begin with the logical name.
func registryName(project string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, project)
	return name[:min(len(name), maxLogicalName)]
}

const maxLogicalName = 42 // Azure allows 50, and the provider adds 8
