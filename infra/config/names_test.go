package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNameRegistry(t *testing.T) {
	t.Parallel()
	const subscription = "00000000-0000-0000-0000-00000000000A"
	named := func(subscription, project, stack string) Registry {
		cfg := &Config{}
		cfg.NameRegistry(subscription, project, stack)
		return cfg.Registry
	}
	seen := map[string]string{}
	for _, stack := range [][3]string{
		{subscription, "acr-microservices", "dev"},
		{"00000000-0000-0000-0000-00000000000b", "acr-microservices", "dev"},
		{subscription, "acr-microservices", "prod"},
		{subscription, "acr", "microservices-dev"},
		{subscription, "acr-microservicesdev", "_"},
		{subscription, "a", "1"},
		{subscription, "___", "..."},
		{subscription, strings.Repeat("Project.", 12), strings.Repeat("stack_", 16) + "a"},
		{subscription, strings.Repeat("Project.", 12), strings.Repeat("stack_", 16) + "b"},
	} {
		got := named(stack[0], stack[1], stack[2])
		require.Regexp(t, `^[a-z0-9]{8,50}$`, got.Name, stack)
		require.Regexp(t, `^[-\w.()]{1,89}[-\w()]$`, got.ResourceGroup.Name, stack)
		for _, name := range []string{got.Name, got.ResourceGroup.Name} {
			require.NotContains(t, seen, name, stack)
			seen[name] = stack[1]
		}
		require.Equal(t, got, named(strings.ToLower(stack[0]), stack[1], stack[2]), "the case of the subscription's id does not matter")
	}
	for name, want := range map[string]bool{
		"windowsservices": true, "notMicrosoft": true, "login12345": true, "Outlook": true,
		"mylogin": false, "outlookapi": false, "shop1": false,
	} {
		require.Equal(t, want, reservedName.MatchString(name), name)
	}
	require.Regexp(t, `^registry[0-9a-f]{8}$`, named(subscription, "windows-services", "dev").Name)
	require.Regexp(t, `^dotnet[0-9a-f]{8}$`, named(subscription, "dot", "net").Name, "with the hash, it is not reserved")
	cfg := &Config{Registry: Registry{Name: "Shop", ResourceGroup: ResourceGroup{Name: "shop"}}}
	cfg.NameRegistry(subscription, "acr-microservices", "dev")
	require.Equal(t, []string{"Shop", "shop"}, []string{cfg.Registry.Name, cfg.Registry.ResourceGroup.Name}, "given names are kept")
}
