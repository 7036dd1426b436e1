package azuredouble

import (
	"net/http"
	"time"
)

func checkReplication(c change) error {
	if !c.isNew() {
		if zoneRedundancy(c.in) != zoneRedundancy(c.r.Settings) {
			return armError(http.StatusBadRequest, "InvalidZoneRedundancyUpdate", "The zone redundancy of a replica cannot be changed.")
		}
		return nil
	}
	registry := c.registry()
	if sku := text(registry.Settings, "sku", "name"); sku != "Premium" {
		return armError(http.StatusBadRequest, "ReplicationNotSupported",
			"The requested feature replication is not supported for the SKU %s.", sku)
	}
	if err := checkLocation(c); err != nil {
		return err
	}
	if policy(registry.Settings, "softDeletePolicy") {
		return errSoftDeleteReplicated()
	}
	location := normalLocation(text(c.in, "location"))
	for _, other := range append(c.children(registry, "replications"), registry) {
		if normalLocation(text(other.Settings, "location")) == location {
			return armError(http.StatusConflict, "ReplicationLocationInUse",
				"The registry '%s' already has a replica in the location '%s'.", text(registry.Settings, "registryName"), location)
		}
	}
	return nil
}

func replicationOutputs(_ *state, r *armResource) props {
	return withSettings(props{
		"status": props{"displayStatus": "Ready", "timestamp": r.Created.Format(time.RFC3339)},
		"tags":   props{},
	}, merge(props{"regionEndpointEnabled": true, "zoneRedundancy": "Disabled"}, r.Settings), "regionEndpointEnabled", "tags", "zoneRedundancy")
}
