package registry

import (
	"fmt"
	"path"
	"strings"

	// The smallest version that has both resources: it takes the compiler 9 seconds of CPU, the SDK's default 90.
	network "github.com/pulumi/pulumi-azure-native-sdk/network/v2/v20210201"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/internal/azure"
)

// connection is the prefix of the properties of an endpoint's only connection.
const connection = "privateLinkServiceConnections[0]."

// privateEndpoint creates the endpoint and its entry in the private DNS zone. A cluster in the network cannot pull until both
// exist.
func (s *site) privateEndpoint() error {
	wanted := s.args.PrivateEndpoint
	if wanted == nil {
		return nil
	}
	location := s.Location
	if wanted.Location != "" {
		location = pulumi.String(wanted.Location).ToStringOutput()
	}
	endpoint, err := network.NewPrivateEndpoint(s.ctx, s.name, &network.PrivateEndpointArgs{
		ResourceGroupName: s.ResourceGroup,
		Location:          location,
		Subnet:            &network.SubnetArgs{Id: pulumi.String(wanted.SubnetID)},
		PrivateLinkServiceConnections: network.PrivateLinkServiceConnectionArray{&network.PrivateLinkServiceConnectionArgs{
			Name:                 pulumi.String(s.name),
			PrivateLinkServiceId: s.ID,
			// The only group of a registry; it includes the data endpoints of all replicas.
			GroupIds: pulumi.ToStringArray([]string{"registry"}),
		}},
		Tags: s.args.Tags,
	}, s.parent,
		// Azure does not change these in place. It does change the rest of the connection, such as its state.
		azure.ReplacedBy("location", "subnet", connection+"name", connection+"privateLinkServiceId", connection+"groupIds"),
		// Azure sets both. It sets the addresses when the endpoint is created, and removes them when a DNS zone has them.
		pulumi.IgnoreChanges([]string{"customDnsConfigs", connection + "privateLinkServiceConnectionState"}))
	if err != nil {
		return fmt.Errorf("private endpoint: %w", err)
	}
	if wanted.DNSZoneID == "" {
		return nil
	}
	if _, err := network.NewPrivateDnsZoneGroup(s.ctx, s.name, &network.PrivateDnsZoneGroupArgs{
		ResourceGroupName:       s.ResourceGroup,
		PrivateEndpointName:     endpoint.Name,
		PrivateDnsZoneGroupName: pulumi.String("default"), // an endpoint has only one
		PrivateDnsZoneConfigs: network.PrivateDnsZoneConfigArray{&network.PrivateDnsZoneConfigArgs{
			Name:             pulumi.String(strings.ReplaceAll(strings.ToLower(path.Base(wanted.DNSZoneID)), ".", "-")),
			PrivateDnsZoneId: pulumi.String(wanted.DNSZoneID),
		}},
	}, s.parent); err != nil {
		return fmt.Errorf("private DNS zone group: %w", err)
	}
	return nil
}
