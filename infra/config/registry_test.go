package config

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestFeaturesHaveAKnownKeyAndSKU(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, feature := range registryFeatures {
		require.False(t, seen[feature.key], feature.key)
		seen[feature.key] = true
		require.Contains(t, skus, feature.sku)
		_, known := jsonField(reflect.TypeFor[Registry](), feature.key)
		require.True(t, known, feature.key)
		require.False(t, feature.used(&Registry{}), "%s is in use by default", feature.key)
	}
}

func TestPurgeSteps(t *testing.T) {
	t.Parallel()
	cfg, err := loadConfig(projecttest.ReadStack(t, "../testdata/valid-standard-features.yaml"))
	require.NoError(t, err)
	steps, err := cfg.Registry.Purge.TaskFile(cfg.PurgeFilters())
	require.NoError(t, err)
	projecttest.Golden(t, "purge.golden", string(steps))
}

func TestResourceGroupNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"shop": true, "-_.()1": true, "größe-магазин-店舗٣": true, strings.Repeat("ü", 90): true,
		"": false, "shop.": false, "my shop": false, "a/b": false, "a`b": false, "a[b": false, "a\u00a0b": false, "✓": false, strings.Repeat("a", 91): false,
	} {
		require.Equal(t, want, kinds["resourceGroup"].allows(name), name)
	}
}

func TestARMIDs(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n/subnets/s":  true,
		"/subscriptions/00000000-0000-0000-0000-000000000001/resourcegroups/g/providers/microsoft.network/virtualNetworks/n/subnets/s":  true,
		"/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n/subnets/":   false,
		"/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n":            false,
		"/subscriptions/mine/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n/subnets/s":                                  false,
		"/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n/subnets/s/": false,
		"subnet": false,
		"":       false,
	} {
		require.Equal(t, want, kinds["subnetId"].allows(id), id)
	}
}
