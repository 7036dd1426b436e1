package registry

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDownFromPremium(t *testing.T) {
	t.Parallel()
	const below = "urn:pulumi:dev::acr-microservices::acr-microservices:index:Registry$azure-native:"
	others := []string{
		below + "containerregistry/v20231101preview:Registry::acr", below + "containerregistry/v20231101preview:Webhook::acr-hook",
		"urn:pulumi:dev::acr-microservices::kubernetes:core/v1:Namespace::Replication",
	}
	require.NoError(t, downFromPremium("Basic", others))
	err := downFromPremium("Basic", append(others, below+"network/v20210201:PrivateEndpoint::acr",
		below+"containerregistry/v20231101preview:Replication::acr-northeurope", below+"containerregistry/v20231101preview:Replication::acr-eastus"))
	require.EqualError(t, err, "registry.sku: Azure changes a registry from Premium to Basic only when it has no replicas and no private endpoints, "+
		"but an update deletes them after it changes the registry; run two updates: one that removes registry.privateEndpoint and registry.replicas "+
		"and leaves registry.sku Premium, then one with registry.sku Basic")
}
