package azuredouble

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func endpointInputs(registry *deployed, more props) props {
	return merge(props{
		"resourceGroupName": testGroup, "location": "westeurope", "subnet": props{"id": subnetID},
		"privateLinkServiceConnections": connectionTo(registry.id, nil),
	}, more)
}

func connectionTo(id string, more props) []any {
	return []any{merge(props{"name": "acme", "privateLinkServiceId": id, "groupIds": []any{"registry"}}, more)}
}

func zoneGroupInputs(endpoint *deployed, more props) props {
	return merge(props{
		"resourceGroupName": testGroup, "privateEndpointName": endpoint.out("name"), "privateDnsZoneGroupName": "default",
		"privateDnsZoneConfigs": []any{props{"name": "privatelink-azurecr-io", "privateDnsZoneId": zone}},
	}, more)
}

func TestPrivateEndpointRules(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	basic := e.registry(nil)
	premium := e.create(registryTok, "premium", registryInputs(props{"registryName": "premium12345", "sku": props{"name": "Premium"}}))
	link := func(id string, more props) props {
		return props{"privateLinkServiceConnections": connectionTo(id, more)}
	}
	for name, c := range map[string]struct {
		change props
		want   string
	}{
		"unknown resource group": {props{"resourceGroupName": "none"}, "ResourceGroupNotFound"},
		"unknown location":       {props{"location": "atlantis"}, "LocationNotAvailableForResourceType"},
		"subnet by its name":     {props{"subnet": props{"id": "nodes"}}, "LinkedInvalidPropertyId"},
		"network as a subnet":    {props{"subnet": props{"id": elsewhere + "Microsoft.Network/virtualNetworks/hub"}}, "InvalidResourceReference"},
		"no connection":          {props{"privateLinkServiceConnections": []any{}}, "exactly one private link service connection, not 0"},
		"two connections": {
			props{"privateLinkServiceConnections": append(connectionTo(premium.id, nil), connectionTo(premium.id, nil)...)},
			"exactly one private link service connection, not 2",
		},
		"unknown registry":              {link(premium.id+"x", nil), "ResourceNotFound"},
		"registry by its name":          {link("premium12345", nil), "LinkedInvalidPropertyId"},
		"webhook as a registry":         {link(premium.id+"/webhooks/deploy", nil), "InvalidResourceReference"},
		"registry below Premium":        {link(basic.id, nil), "private endpoint is not supported for the SKU Basic"},
		"connection without a name":     {link(premium.id, props{"name": ""}), "must have a name"},
		"connection without a group id": {link(premium.id, props{"groupIds": []any{}}), "The group ids [] are invalid"},
		"group id of another service":   {link(premium.id, props{"groupIds": []any{"vault"}}), "Allowed values: registry."},
		"two group ids":                 {link(premium.id, props{"groupIds": []any{"registry", "vault"}}), "Allowed values: registry."},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			_, err := e.try(endpointTok, "acme", endpointInputs(premium, c.change))
			require.ErrorContains(t, err, c.want)
		})
	}
	e.create(endpointTok, "vault", endpointInputs(premium, link(vault, props{"groupIds": []any{"vault"}})))
}

func TestPrivateEndpoint(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry := e.registry(props{"sku": props{"name": "Premium"}})
	endpoint := e.create(endpointTok, "acme", endpointInputs(registry, nil))
	assert.Regexp(t, `/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/acme[0-9a-f]{8}$`, endpoint.id)
	state := func() string {
		require.True(t, e.refresh(endpoint))
		c := objects(toProps(endpoint.outputs), "privateLinkServiceConnections")
		return text(c[0], "privateLinkServiceConnectionState", "status")
	}
	assert.Equal(t, "Approved", state())
	require.True(t, e.refresh(registry))
	seen := objects(toProps(registry.outputs), "privateEndpointConnections")
	require.Len(t, seen, 1)
	assert.Equal(t, endpoint.id, text(seen[0], "privateEndpoint", "id"))

	require.NoError(t, e.update(endpoint, endpointInputs(registry, props{"tags": props{"a": "b"}})))
	_, diff := e.plan(endpoint, endpointInputs(registry, props{"subnet": props{"id": subnetID + "2"}}))
	assert.Equal(t, []string{"subnet.id"}, diff.GetReplaces())
	require.ErrorContains(t, e.update(endpoint, endpointInputs(registry, props{"location": "uksouth"})),
		"already exists in location 'westeurope' in resource group 'rg'")
	require.ErrorContains(t, e.update(endpoint, endpointInputs(registry, props{"privateLinkServiceConnections": connectionTo(vault, nil)})),
		"CannotChangePrivateLinkConnectionOnPrivateEndpoint")
	require.ErrorContains(t, e.update(registry, registryInputs(nil)), "private endpoint is not supported for the SKU Basic",
		"a registry with a private endpoint cannot leave Premium")

	group := e.create(zoneGroupTok, "acme", zoneGroupInputs(endpoint, nil))
	e.destroy(registry)
	assert.Equal(t, "Disconnected", state(), "the endpoint remains when the registry is deleted")
	e.destroy(endpoint)
	assert.False(t, e.refresh(group), "the zone group is deleted with the endpoint")
}

func TestZoneGroupRules(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	endpoint := e.create(endpointTok, "acme", endpointInputs(e.registry(props{"sku": props{"name": "Premium"}}), nil))
	zones := func(n int) props {
		var all []any
		for i := range n {
			all = append(all, props{"name": fmt.Sprint("zone", i), "privateDnsZoneId": zone})
		}
		return props{"privateDnsZoneConfigs": all}
	}
	for name, c := range map[string]struct {
		change props
		want   string
	}{
		"unknown endpoint":    {props{"privateEndpointName": "none"}, "The Resource 'Microsoft.Network/privateEndpoints/none'"},
		"zone without a name": {props{"privateDnsZoneConfigs": []any{props{"privateDnsZoneId": zone}}}, "must have a name of its own"},
		"zone by its name":    {props{"privateDnsZoneConfigs": []any{props{"name": "a", "privateDnsZoneId": "privatelink.azurecr.io"}}}, "LinkedInvalidPropertyId"},
		"vault as a zone":     {props{"privateDnsZoneConfigs": []any{props{"name": "a", "privateDnsZoneId": vault}}}, "InvalidResourceReference"},
		"too many zones":      {zones(6), "at most 5 private DNS zones"},
		"duplicate name": {
			props{"privateDnsZoneConfigs": append(zones(1)["privateDnsZoneConfigs"].([]any), zones(1)["privateDnsZoneConfigs"].([]any)...)},
			"must have a name of its own",
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			_, err := e.try(zoneGroupTok, "acme", zoneGroupInputs(endpoint, c.change))
			require.ErrorContains(t, err, c.want)
		})
	}
	group := e.create(zoneGroupTok, "acme", zoneGroupInputs(endpoint, nil))
	assert.Equal(t, endpoint.id+"/privateDnsZoneGroups/default", group.id)
	_, err := e.try(zoneGroupTok, "second", zoneGroupInputs(endpoint, props{"privateDnsZoneGroupName": "second"}))
	require.ErrorContains(t, err, "cannot have more than one")
	require.ErrorContains(t, e.update(group, zoneGroupInputs(endpoint, zones(6))), "at most 5")
	require.NoError(t, e.update(group, zoneGroupInputs(endpoint, zones(5))))
	for _, key := range []string{"privateEndpointName", "privateDnsZoneGroupName", "resourceGroupName"} {
		_, diff := e.plan(group, zoneGroupInputs(endpoint, merge(zones(5), props{key: "other"})))
		assert.Equal(t, []string{key}, diff.GetReplaces())
	}
}
