package azuredouble

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRegistry(t *testing.T) {
	var double atomic.Pointer[Double]
	told := make(chan string, 2)
	e := newEngine(t, Options{OnRegistry: func(_ context.Context, server string) error {
		told <- server
		if !double.Load().RegistryExists(server) {
			return errors.New("the data plane does not answer yet")
		}
		return nil
	}})
	double.Store(e.double)
	_, err := e.try(registryTok, "r", registryInputs(props{"location": "westeurope"}))
	require.ErrorContains(t, err, `Code="ResourceGroupNotFound" Message="Resource group 'rg' could not be found."`)
	e.group()
	registry := e.registry(props{"registryName": "Acme12345", "sku": props{"name": "Standard"}})
	assert.Equal(t, "acme12345.azurecr.io", <-told)
	assert.Equal(t, "acme12345.azurecr.io", registry.out("loginServer"))
	assert.Equal(t, "Acme12345", registry.out("name"))
	assert.Equal(t, "Standard", registry.out("sku", "tier"))
	assert.Equal(t, "Succeeded", registry.out("provisioningState"))
	assert.Equal(t, "disabled", registry.out("policies", "retentionPolicy", "status"))
	assert.False(t, truth(toProps(registry.outputs), "adminUserEnabled"))
	assert.Equal(t, e.double.current().subscriptionID()+
		"/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/Acme12345", registry.id)

	e.destroy(registry)
	assert.False(t, e.double.RegistryExists("acme12345.azurecr.io"))
	e.registry(props{"registryName": "acme12345"}) // the name is free again
}

func TestRegistryNamesAreGloballyUnique(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	e.create(groupType, "other", props{"resourceGroupName": "other", "location": "westeurope"})
	e.registry(nil)
	_, err := e.try(registryTok, "r", registryInputs(props{"registryName": "ACME12345", "resourceGroupName": "other"}))
	require.ErrorContains(t, err, `Status=409 Code="RegistryNameAlreadyInUse" Message="The registry name ACME12345 is already in use.`)
	_, err = e.try(registryTok, "r", registryInputs(nil))
	require.ErrorContains(t, err, "cannot create already existing resource")
}

func TestRegistryRules(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	sku := func(name string) props { return props{"sku": props{"name": name}} }
	private := props{"publicNetworkAccess": "Disabled"}
	policy := func(name, status string) props { return props{"policies": props{name: props{"status": status}}} }
	rules := func(addresses ...string) props {
		var all []any
		for _, a := range addresses {
			all = append(all, props{"action": "Allow", "iPAddressOrRange": a})
		}
		return props{"networkRuleSet": props{"defaultAction": "Deny", "ipRules": all}}
	}
	many := make([]string, maxIPRules+1)
	for i := range many {
		many[i] = fmt.Sprintf("52.0.%d.%d", i/256, i%256)
	}
	users := props{"type": "UserAssigned", "userAssignedIdentities": []any{userIdentity}}
	key := props{"status": "enabled", "keyVaultProperties": props{"keyIdentifier": vaultKey, "identity": otherGUID}}
	all, above, only := []string{"Basic", "Standard", "Premium"}, []string{"Standard", "Premium"}, []string{"Premium"}
	for name, c := range map[string]struct {
		in   props
		skus []string // those with the feature, if the settings are valid
		want string   // the error, in the last of these
	}{
		"unknown SKU":       {sku("Gold"), nil, `Code="SkuNotSupported" Message="The SKU Gold is not supported."`},
		"SKU in lower case": {sku("premium"), nil, `Message="The SKU premium is not supported."`},
		"unknown location":  {props{"location": "atlantis"}, nil, `Code="LocationNotAvailableForResourceType" Message="The provided location 'atlantis' is not available for resource type 'Microsoft.ContainerRegistry/registries'.`},
		"unknown value":     {props{"publicNetworkAccess": "off"}, nil, "Allowed values: Enabled, Disabled."},
		"too many days":     {props{"policies": props{"retentionPolicy": props{"days": 366.0}}}, nil, "between 0 and 365"},

		"anonymous pull":  {props{"anonymousPullEnabled": true}, above, ""},
		"soft delete":     {policy("softDeletePolicy", "enabled"), all, ""},
		"metadata search": {props{"metadataSearch": "Yes"}, nil, "metadataSearch"},
		"soft delete, zero days": {
			props{"policies": props{"softDeletePolicy": props{"status": "enabled", "retentionDays": 0.0}}}, nil, "between 1 and 90",
		},
		"soft delete, too many days": {
			props{"policies": props{"softDeletePolicy": props{"status": "enabled", "retentionDays": 91.0}}}, nil, "between 1 and 90",
		},
		"soft delete and retention": {
			merge(policy("retentionPolicy", "enabled"), policy("softDeletePolicy", "enabled")), nil, "cannot be enabled at the same time",
		},

		"network rules":                       {props{"networkRuleSet": props{"defaultAction": "Deny"}}, only, ""},
		"no bypass for Azure services":        {props{"networkRuleBypassOptions": "None"}, only, ""},
		"no public access":                    {private, only, ""},
		"data endpoints":                      {props{"dataEndpointEnabled": true}, only, ""},
		"retention":                           {policy("retentionPolicy", "enabled"), only, ""},
		"quarantine":                          {policy("quarantinePolicy", "enabled"), only, ""},
		"content trust":                       {policy("trustPolicy", "enabled"), only, ""},
		"exports disabled":                    {merge(policy("exportPolicy", "disabled"), private), only, ""},
		"exports disabled, public access":     {policy("exportPolicy", "disabled"), only, "only when public network access is disabled"},
		"IP rules":                            {rules("52.1.2.3", "52.1.3.0/24"), only, ""},
		"too many IP rules":                   {rules(many...), only, "The requested feature IP rule exceeds allowed quota 200 for the SKU Premium."},
		"private IP address":                  {rules("10.1.2.3"), only, "The IP rule '10.1.2.3' is invalid."},
		"IP rule for all addresses":           {rules("0.0.0.0/0"), only, "The IP rule '0.0.0.0/0' is invalid."},
		"IPv6 address":                        {rules("2001:db8::1"), only, "The IP rule '2001:db8::1' is invalid."},
		"range with host bits":                {rules("52.1.2.3/24"), only, "The IP rule '52.1.2.3/24' is invalid."},
		"duplicate IP rule":                   {rules("52.1.2.3", "52.1.2.3/32"), only, "given more than once"},
		"key without an identity":             {props{"encryption": key}, only, "A user assigned identity is required"},
		"key with a system-assigned identity": {props{"encryption": key, "identity": props{"type": "SystemAssigned"}}, only, "A user assigned identity is required"},
		"encryption without a key":            {props{"encryption": props{"status": "enabled"}, "identity": users}, only, "InvalidKeyIdentifier"},
		"key with content trust": {
			merge(policy("trustPolicy", "enabled"), props{"encryption": key, "identity": users}), only, "Content trust is not supported",
		},

		"system-assigned identity":                  {props{"identity": props{"type": "SystemAssigned"}}, all, ""},
		"user-assigned identity":                    {props{"identity": users}, all, ""},
		"both identity types":                       {props{"identity": merge(users, props{"type": "SystemAssigned, UserAssigned"})}, all, ""},
		"unknown identity type":                     {props{"identity": props{"type": "Mine"}}, nil, "InvalidIdentityType"},
		"user-assigned type without an identity":    {props{"identity": props{"type": "UserAssigned"}}, nil, "InvalidIdentityValues"},
		"system-assigned type with a user identity": {props{"identity": merge(users, props{"type": "SystemAssigned"})}, nil, "InvalidIdentityValues"},
		"identity by its name":                      {props{"identity": merge(users, props{"userAssignedIdentities": []any{"me"}})}, nil, "LinkedInvalidPropertyId"},
		"vault as an identity":                      {props{"identity": merge(users, props{"userAssignedIdentities": []any{vault}})}, nil, "InvalidResourceReference"},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			var registry *deployed
			for _, name := range all {
				want := c.want
				if !slices.Contains(c.skus, name) && c.skus != nil {
					want = name
				}
				made, err := e.try(registryTok, "registry", registryInputs(merge(sku(name), c.in)))
				if want != "" {
					require.ErrorContains(t, err, want)
					continue
				}
				require.NoError(t, err, name)
				if registry = made; name != "Premium" {
					e.destroy(registry)
				}
			}
			if registry == nil {
				return
			}
			// A downgrade is rejected while a feature needs the higher SKU.
			if cheaper := slices.Index(all, c.skus[0]) - 1; cheaper >= 0 {
				require.ErrorContains(t, e.update(registry, registryInputs(merge(sku(all[cheaper]), c.in))), all[cheaper])
			}
			require.NoError(t, e.update(registry, registryInputs(nil)))
			assert.Equal(t, "Basic", registry.out("sku", "name"))
			e.destroy(registry)
		})
	}
}

func TestCustomerManagedKey(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	in := func(key string, more props) props {
		return registryInputs(merge(props{
			"sku":        props{"name": "Premium"},
			"identity":   props{"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": []any{userIdentity}},
			"encryption": props{"status": "enabled", "keyVaultProperties": props{"keyIdentifier": key, "identity": otherGUID}},
		}, more))
	}
	registry := e.create(registryTok, "registry", in(vaultKey, nil))
	assert.True(t, truth(toProps(registry.outputs), "encryption", "keyVaultProperties", "keyRotationEnabled"))
	assert.NotEmpty(t, registry.out("identity", "principalId"))
	assert.NotEmpty(t, registry.out("identity", "userAssignedIdentities", userIdentity, "clientId"))
	before := registry.out("identity", "principalId")
	require.NoError(t, e.update(registry, in(vaultKey+"/0123", nil)), "the key can be changed")
	assert.False(t, truth(toProps(registry.outputs), "encryption", "keyVaultProperties", "keyRotationEnabled"))
	assert.Equal(t, before, registry.out("identity", "principalId"))
	premium := props{"sku": props{"name": "Premium"}}
	require.ErrorContains(t, e.update(registry, registryInputs(premium)), "cannot be disabled")
	require.ErrorContains(t, e.update(registry, in(vaultKey, props{"identity": props{"type": "SystemAssigned", "userAssignedIdentities": []any{}}})),
		"A user assigned identity is required")
	require.ErrorContains(t, e.update(registry, registryInputs(nil)), "cannot be disabled")

	e.destroy(registry)
	registry = e.registry(premium)
	require.ErrorContains(t, e.update(registry, in(vaultKey, nil)), "only when the registry is created")
}

func TestSoftDeleteExcludesReplicas(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	premium := props{"sku": props{"name": "Premium"}}
	soft := merge(premium, props{"policies": props{"softDeletePolicy": props{"status": "enabled", "retentionDays": 30.0}}})
	registry := e.registry(soft)
	replica := props{"resourceGroupName": testGroup, "registryName": testRegistry, "replicationName": "uksouth", "location": "uksouth"}
	_, err := e.try(replicaTok, "r", replica)
	require.ErrorContains(t, err, "not supported in a geo-replicated registry")
	require.NoError(t, e.update(registry, registryInputs(premium)))
	e.create(replicaTok, "r", replica)
	require.ErrorContains(t, e.update(registry, registryInputs(soft)), "not supported in a geo-replicated registry")
}

func TestSKUIsChangedInPlace(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry := e.registry(nil)
	for _, sku := range []string{"Standard", "Premium", "Basic"} {
		require.NoError(t, e.update(registry, registryInputs(props{"sku": props{"name": sku}})))
		assert.Equal(t, sku, registry.out("sku", "name"))
	}
	err := e.update(registry, registryInputs(props{"zoneRedundancy": "Enabled"}))
	require.ErrorContains(t, err, "zone redundancy of a registry cannot be changed")
}
