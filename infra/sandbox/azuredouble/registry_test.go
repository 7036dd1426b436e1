package azuredouble

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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

func TestRegistryNamesAreUniqueInTheWorld(t *testing.T) {
	e := newEngine(t, Options{TakenNames: []string{"Hello"}})
	e.group()
	e.create(groupType, "other", props{"resourceGroupName": "other", "location": "westeurope"})
	_, err := e.try(registryTok, "r", registryInputs(props{"registryName": "heLLo"}))
	require.ErrorContains(t, err, `Status=409 Code="AlreadyInUse" Message="The registry DNS name hello.azurecr.io is already in use.`)
	assert.Equal(t, codes.AlreadyExists, status.Code(err))
	e.registry(nil)
	_, err = e.try(registryTok, "r", registryInputs(props{"registryName": "ACME12345", "resourceGroupName": "other"}))
	require.ErrorContains(t, err, "AlreadyInUse")
	_, err = e.try(registryTok, "r", registryInputs(nil))
	require.ErrorContains(t, err, "cannot create already existing resource")
}

func TestRegistryRules(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	private := props{"publicNetworkAccess": "Disabled"}
	policy := func(name, status string) props { return props{"policies": props{name: props{"status": status}}} }
	for name, c := range map[string]struct {
		in   props
		want string // "" if Premium takes it
	}{
		"unknown SKU":          {props{"sku": props{"name": "Gold"}}, `Code="SkuNotSupported" Message="The SKU Gold is not supported."`},
		"SKU in lower case":    {props{"sku": props{"name": "premium"}}, `Message="The SKU premium is not supported."`},
		"unknown location":     {props{"location": "atlantis"}, `Code="LocationNotAvailableForResourceType" Message="The provided location 'atlantis' is not available for resource type 'Microsoft.ContainerRegistry/registries'.`},
		"unknown value":        {props{"publicNetworkAccess": "off"}, "Allowed values: Enabled, Disabled."},
		"too many days":        {props{"policies": props{"retentionPolicy": props{"days": 366.0}}}, "between 0 and 365"},
		"exports need privacy": {merge(policy("exportPolicy", "disabled"), props{"sku": props{"name": "Premium"}}), "public network access"},

		"network rules":     {props{"networkRuleSet": props{"defaultAction": "Deny"}}, ""},
		"no trusted bypass": {props{"networkRuleBypassOptions": "None"}, ""},
		"private":           {private, ""},
		"data endpoints":    {props{"dataEndpointEnabled": true}, ""},
		"customer's key":    {props{"encryption": props{"status": "enabled"}}, ""},
		"retention":         {policy("retentionPolicy", "enabled"), ""},
		"quarantine":        {policy("quarantinePolicy", "enabled"), ""},
		"content trust":     {policy("trustPolicy", "enabled"), ""},
		"no exports":        {merge(policy("exportPolicy", "disabled"), private), ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			for _, sku := range []string{"Basic", "Standard"} {
				want := c.want
				if want == "" {
					want = "SKU " + sku
				}
				_, err := e.try(registryTok, "r", registryInputs(merge(props{"sku": props{"name": sku}}, c.in)))
				require.ErrorContains(t, err, want)
			}
			if c.want != "" {
				return
			}
			registry := e.registry(merge(props{"sku": props{"name": "Premium"}}, c.in))
			// A downgrade is possible only without what Premium alone has.
			require.ErrorContains(t, e.update(registry, registryInputs(c.in)), "SKU Basic")
			require.NoError(t, e.update(registry, registryInputs(nil)))
			assert.Equal(t, "Basic", registry.out("sku", "name"))
			e.destroy(registry)
		})
	}
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
