package azuredouble

import (
	"net/http"
	"time"
)

const replicationType = registryType + "/replications"

func (d *Double) createReplication(in props) (string, error) {
	var id string
	err := d.change(func(s *state) error {
		registry, child, err := s.newChild(in, "replications", "replicationName")
		if err != nil {
			return err
		}
		id = child
		if sku := text(registry.Settings, "sku", "name"); sku != "Premium" {
			return armError(http.StatusBadRequest, "ReplicationNotSupported",
				"The requested feature replication is not supported for the SKU %s.", sku)
		}
		if err := checkLocation(in, replicationType); err != nil {
			return err
		}
		if policy(registry.Settings, "softDeletePolicy") {
			return errSoftDeleteReplicated()
		}
		location := normalLocation(text(in, "location"))
		for _, other := range append(s.children(registry, "replications"), registry) {
			if normalLocation(text(other.Settings, "location")) == location {
				return armError(http.StatusConflict, "ReplicationLocationInUse",
					"The registry '%s' already has a replica in the location '%s'.", text(registry.Settings, "registryName"), location)
			}
		}
		return s.put(id, in, d.now())
	})
	return id, err
}

func (d *Double) updateReplication(id string, in props) error {
	return d.change(func(s *state) error {
		r, err := s.find(id)
		if err != nil {
			return err
		}
		if zoneRedundancy(in) != zoneRedundancy(r.Settings) {
			return armError(http.StatusBadRequest, "InvalidZoneRedundancyUpdate", "The zone redundancy of a replica cannot be changed.")
		}
		return s.put(id, in, d.now())
	})
}

func replicationDefaults(props) props {
	return props{"regionEndpointEnabled": true, "zoneRedundancy": "Disabled"}
}

// replicationOutputs are the properties that ARM returns.
func replicationOutputs(_ *state, r *armResource) props {
	full := merge(replicationDefaults(nil), r.Settings)
	return withSettings(props{
		"location":          normalLocation(text(full, "location")),
		"name":              text(full, "replicationName"),
		"provisioningState": "Succeeded",
		"status":            props{"displayStatus": "Ready", "timestamp": r.Created.Format(time.RFC3339)},
		"systemData":        systemData(r),
		"tags":              props{},
		"type":              replicationType,
	}, full, "regionEndpointEnabled", "tags", "zoneRedundancy")
}
