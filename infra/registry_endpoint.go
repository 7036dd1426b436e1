package infra

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/sdk"
)

// privateEndpoint creates the endpoint and its entry in the private DNS zone. Until both are there, a cluster in the
// network cannot pull.
func (s *registrySite) privateEndpoint() error {
	wanted := s.args.PrivateEndpoint
	if wanted == nil {
		return nil
	}
	location := s.location
	if wanted.Location != "" {
		location = pulumi.String(wanted.Location).ToStringOutput()
	}
	endpoint, err := sdk.NewAzureResource(s.ctx, "network:PrivateEndpoint", s.name, pulumi.Map{
		"resourceGroupName": s.group,
		"location":          location,
		"subnet":            pulumi.Map{"id": pulumi.String(wanted.SubnetID)},
		"privateLinkServiceConnections": pulumi.Array{pulumi.Map{
			"name":                 pulumi.String(s.name),
			"privateLinkServiceId": s.id,
			// The one group of a registry; it brings the data endpoints of all replicas along.
			"groupIds": pulumi.ToStringArray([]string{"registry"}),
		}},
		"tags": s.args.Tags,
	}, s.parent, replacedBy("location", "privateLinkServiceConnections"))
	if err != nil {
		return fmt.Errorf("private endpoint: %w", err)
	}
	s.parts, s.pulledThrough = append(s.parts, endpoint), append(s.pulledThrough, endpoint)
	if wanted.DNSZoneID == "" {
		return nil
	}
	zone, err := sdk.NewAzureResource(s.ctx, "network:PrivateDnsZoneGroup", s.name, pulumi.Map{
		"resourceGroupName":       s.group,
		"privateEndpointName":     endpoint.Name,
		"privateDnsZoneGroupName": pulumi.String("default"), // an endpoint has only one
		"privateDnsZoneConfigs": pulumi.Array{pulumi.Map{
			"name":             pulumi.String("privatelink-azurecr-io"),
			"privateDnsZoneId": pulumi.String(wanted.DNSZoneID),
		}},
	}, s.parent)
	if err != nil {
		return fmt.Errorf("private DNS zone group: %w", err)
	}
	s.parts, s.pulledThrough = append(s.parts, zone), append(s.pulledThrough, zone)
	return nil
}
