package azuredouble

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReplication(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	in := props{"resourceGroupName": testGroup, "registryName": testRegistry, "replicationName": "uksouth", "location": "UK South"}
	_, err := e.try(replicaTok, "r", in)
	require.ErrorContains(t, err, "ResourceNotFound")
	registry := e.registry(nil)
	_, err = e.try(replicaTok, "r", in)
	require.ErrorContains(t, err, "replication is not supported for the SKU Basic")
	require.NoError(t, e.update(registry, registryInputs(props{"sku": props{"name": "Premium"}})))
	for location, want := range map[string]string{
		"atlantis":    "LocationNotAvailableForResourceType",
		"West Europe": "already has a replica in the location 'westeurope'",
	} {
		_, err = e.try(replicaTok, "r", merge(in, props{"location": location}))
		require.ErrorContains(t, err, want)
	}
	replica := e.create(replicaTok, "r", in)
	assert.Equal(t, registry.id+"/replications/uksouth", replica.id)
	assert.Equal(t, "uksouth", replica.out("location"))
	_, err = e.try(replicaTok, "again", merge(in, props{"replicationName": "again"}))
	require.ErrorContains(t, err, "already has a replica in the location 'uksouth'")

	require.NoError(t, e.update(replica, merge(in, props{"regionEndpointEnabled": false})))
	require.ErrorContains(t, e.update(replica, merge(in, props{"zoneRedundancy": "Enabled"})), "cannot be changed")
	_, diff := e.plan(replica, merge(in, props{"location": "ukwest"}))
	assert.Equal(t, []string{"location"}, diff.GetReplaces())
	err = e.update(registry, registryInputs(nil))
	require.ErrorContains(t, err, "replication is not supported for the SKU Basic", "a registry with replicas cannot leave Premium")

	e.destroy(registry)
	assert.False(t, e.refresh(replica))
}
