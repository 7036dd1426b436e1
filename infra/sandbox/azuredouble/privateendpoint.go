package azuredouble

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const (
	privateEndpointType = "Microsoft.Network/privateEndpoints"
	subnetType          = "Microsoft.Network/virtualNetworks/subnets"
	privateZoneType     = "Microsoft.Network/privateDnsZones"

	// registryGroup is the only group of a registry that an endpoint can be connected to.
	registryGroup = "registry"
	// maxZones limits the private DNS zones of a group.
	maxZones = 5
)

func isPrivateEndpoint(r *armResource) bool {
	return strings.EqualFold(armType(r.ID), privateEndpointType)
}

func isZoneGroup(r *armResource) bool {
	return strings.EqualFold(armType(r.ID), privateEndpointType+"/privateDnsZoneGroups")
}

func privateEndpointID(s *state, in props) string {
	return resourceGroupID(s, text(in, "resourceGroupName")) + "/providers/" + privateEndpointType + "/" + text(in, "privateEndpointName")
}

// connections are all connections of an endpoint; manual ones wait for another user's approval.
func connections(endpoint props) []props {
	return append(objects(endpoint, "privateLinkServiceConnections"), objects(endpoint, "manualPrivateLinkServiceConnections")...)
}

// endpoints are the private endpoints of a registry.
func (s *state) endpoints(registry *armResource) []*armResource {
	var found []*armResource
	for _, id := range slices.Sorted(maps.Keys(s.Resources)) {
		r := s.Resources[id]
		if isPrivateEndpoint(r) && slices.ContainsFunc(connections(r.Settings), func(c props) bool {
			return strings.EqualFold(text(c, "privateLinkServiceId"), registry.ID)
		}) {
			found = append(found, r)
		}
	}
	return found
}

func newPrivateEndpoint(s *state, in props) (string, error) {
	_, err := s.group(text(in, "resourceGroupName"))
	return privateEndpointID(s, in), err
}

func checkPrivateEndpoint(c change) error {
	in := c.in
	if was, wanted := normalLocation(text(c.r.Settings, "location")), normalLocation(text(in, "location")); !c.isNew() && was != wanted {
		return armError(http.StatusConflict, "InvalidResourceLocation", "The resource '%s' already exists in location '%s' in resource"+
			" group '%s'. A resource with the same name cannot be created in location '%s'. Please select a new resource name.",
			text(in, "privateEndpointName"), was, text(in, "resourceGroupName"), wanted)
	}
	if !c.isNew() && !slices.EqualFunc(connections(c.r.Settings), connections(in), func(a, b props) bool {
		return strings.EqualFold(text(a, "privateLinkServiceId"), text(b, "privateLinkServiceId"))
	}) {
		return badRequest("CannotChangePrivateLinkConnectionOnPrivateEndpoint",
			"Cannot change the private link service connection of the private endpoint %s.", c.r.ID)
	}
	if err := checkLocation(c); err != nil {
		return err
	}
	if err := checkReference("properties.subnet.id", text(in, "subnet", "id"), subnetType); err != nil {
		return err
	}
	all := connections(in)
	if len(all) != 1 {
		return badRequest("PrivateEndpointInvalidConnections", "The private endpoint %s must have exactly one private link service"+
			" connection, not %d.", text(in, "privateEndpointName"), len(all))
	}
	target := text(all[0], "privateLinkServiceId")
	if foreign(target) {
		return nil
	}
	if err := checkReference("properties.privateLinkServiceConnections.privateLinkServiceId", target, registryType); err != nil {
		return err
	}
	registry, err := c.find(target)
	if err != nil {
		return err
	}
	if text(all[0], "name") == "" {
		return badRequest("InvalidRequestFormat", "The private link service connection must have a name.")
	}
	if sku := text(registry.Settings, "sku", "name"); sku != "Premium" {
		return errNoPrivateEndpoint(sku)
	}
	if groups := texts(all[0], "groupIds"); len(groups) != 1 || groups[0] != registryGroup {
		return badRequest("InvalidGroupId", "The group ids [%s] are invalid for the resource %s. Allowed values: %s.",
			strings.Join(groups, ", "), registry.ID, registryGroup)
	}
	return nil
}

func errNoPrivateEndpoint(sku string) error {
	return badRequest("PrivateEndpointNotSupported", "The requested feature private endpoint is not supported for the SKU %s.", sku)
}

// connected reports whether an endpoint is connected to its resource: the connection is approved and the resource still exists.
func (s *state) connected(endpoint *armResource) bool {
	for _, c := range objects(endpoint.Settings, "privateLinkServiceConnections") {
		if target := text(c, "privateLinkServiceId"); foreign(target) || s.resource(target) != nil {
			return true
		}
	}
	return false
}

func (s *state) connectionState(endpoint *armResource) props {
	switch {
	case len(objects(endpoint.Settings, "manualPrivateLinkServiceConnections")) > 0:
		return props{"actionsRequired": "None", "description": "", "status": "Pending"}
	case s.connected(endpoint):
		return props{"actionsRequired": "None", "description": "Auto-Approved", "status": "Approved"}
	default:
		return props{"actionsRequired": "None", "description": "Deleted state", "status": "Disconnected"}
	}
}

// registryConnections is a registry's view of its private endpoint connections.
func (s *state) registryConnections(registry *armResource) []any {
	out := []any{}
	for _, endpoint := range s.endpoints(registry) {
		// The name is the registry's plus 32 hexadecimal digits; the state has no actionsRequired.
		name := text(registry.Settings, "registryName") + "." + undashed(derivedGUID(endpoint.ID))
		state := s.connectionState(endpoint)
		delete(state, "actionsRequired")
		if text(state, "description") == "" {
			delete(state, "description")
		}
		out = append(out, props{
			"id":                                registry.ID + "/privateEndpointConnections/" + name,
			"name":                              name,
			"privateEndpoint":                   props{"id": endpoint.ID},
			"privateLinkServiceConnectionState": state,
			"provisioningState":                 "Succeeded",
			"type":                              registryType + "/privateEndpointConnections",
		})
	}
	return out
}

// privateEndpointOutputs are the properties that ARM returns.
func privateEndpointOutputs(s *state, r *armResource) props {
	outputs := withSettings(props{
		"customDnsConfigs":           s.customDNSConfigs(r),
		"customNetworkInterfaceName": "",
		"etag":                       etag(r),
		"ipConfigurations":           []any{},
		"location":                   normalLocation(text(r.Settings, "location")),
		"name":                       text(r.Settings, "privateEndpointName"),
		"networkInterfaces": []any{props{
			"id": strings.Replace(r.ID, "/privateEndpoints/", "/networkInterfaces/", 1) + ".nic." + derivedGUID(r.ID),
		}},
		"provisioningState": "Succeeded",
		"resourceGuid":      derivedGUID(r.ID),
		"type":              privateEndpointType,
	}, r.Settings, "applicationSecurityGroups", "customNetworkInterfaceName", "extendedLocation",
		"ipConfigurations", "tags")
	outputs["subnet"] = props{"id": text(r.Settings, "subnet", "id")} // only the id, although the SDK sends defaults
	for _, key := range []string{"privateLinkServiceConnections", "manualPrivateLinkServiceConnections"} {
		list := []any{}
		for _, c := range objects(r.Settings, key) {
			list = append(list, merge(props{
				"etag": etag(r), "id": r.ID + "/" + key + "/" + text(c, "name"), "provisioningState": "Succeeded",
				"privateLinkServiceConnectionState": s.connectionState(r), "type": privateEndpointType + "/" + key,
			}, c))
		}
		outputs[key] = list
	}
	return outputs
}

// customDNSConfigs are the DNS names of an endpoint's addresses, for the DNS administrator: for a registry, its own name and the
// data endpoint of each region. They are empty before the connection is approved, and if a DNS zone group manages the names. The
// addresses are invented.
// Source: https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/resources/private_endpoint
func (s *state) customDNSConfigs(endpoint *armResource) []any {
	configs := []any{}
	if !s.connected(endpoint) {
		return configs
	}
	for _, other := range s.Resources {
		if isZoneGroup(other) && covers(endpoint.ID, other.ID) {
			return configs
		}
	}
	registry := s.resource(text(connections(endpoint.Settings)[0], "privateLinkServiceId"))
	if registry == nil { // a foreign resource
		return append(configs, props{"fqdn": "target.example", "ipAddresses": []any{"10.0.0.4"}})
	}
	names := []string{registry.loginServer()}
	for _, region := range append([]*armResource{registry}, s.children(registry, "replications")...) {
		names = append(names, dataEndpoint(text(registry.Settings, "registryName"), normalLocation(text(region.Settings, "location"))))
	}
	for i, name := range names {
		configs = append(configs, props{"fqdn": name, "ipAddresses": []any{fmt.Sprintf("10.0.0.%d", 4+i)}})
	}
	return configs
}

// etag changes with the resource.
func etag(r *armResource) string { return fmt.Sprintf("W/%q", derivedGUID(r.ID+r.Changed.String())) }

func newZoneGroup(s *state, in props) (string, error) {
	endpoint, err := s.find(privateEndpointID(s, in))
	if err != nil {
		return "", err
	}
	return endpoint.ID + "/privateDnsZoneGroups/" + text(in, "privateDnsZoneGroupName"), nil
}

func checkZoneGroup(c change) error {
	for _, other := range c.Resources {
		if c.isNew() && isZoneGroup(other) && covers(parentID(c.r.ID), other.ID) {
			return badRequest("MoreThanOnePrivateDnsZoneGroupNotAllowed", "The private endpoint %s has the private DNS zone group %s already;"+
				" it cannot have more than one.", parentID(c.r.ID), text(other.Settings, "privateDnsZoneGroupName"))
		}
	}
	zones := objects(c.in, "privateDnsZoneConfigs")
	if len(zones) > maxZones {
		return badRequest("PrivateDnsZoneGroupTooManyZones", "A private DNS zone group can have at most %d private DNS zones.", maxZones)
	}
	seen := map[string]bool{}
	for _, zone := range zones {
		name, id := text(zone, "name"), text(zone, "privateDnsZoneId")
		if name == "" || seen[name] {
			return badRequest("InvalidRequestFormat", "Each private DNS zone configuration must have a name of its own.")
		}
		seen[name] = true
		if err := checkReference("properties.privateDnsZoneConfigs.privateDnsZoneId", id, privateZoneType); err != nil {
			return err
		}
	}
	return nil
}

// zoneGroupOutputs are the properties that ARM returns.
func zoneGroupOutputs(_ *state, r *armResource) props {
	zones := []any{}
	for _, zone := range objects(r.Settings, "privateDnsZoneConfigs") {
		zones = append(zones, merge(props{"recordSets": []any{}}, zone))
	}
	return props{
		"etag": etag(r), "name": text(r.Settings, "privateDnsZoneGroupName"), "privateDnsZoneConfigs": zones,
		"provisioningState": "Succeeded",
	}
}
