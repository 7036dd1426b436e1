package azuredouble

import (
	"net/http"
	"strings"
	"time"
)

const replicationType = registryType + "/replications"

// isReplication tells a replica of a registry from other resources.
func isReplication(r *armResource) bool {
	parts := strings.Split(strings.ToLower(r.ID), "/")
	return len(parts) == 11 && parts[9] == "replications"
}

// replications are the replicas of a registry, besides the registry itself.
func (s *state) replications(registry *armResource) []*armResource {
	var found []*armResource
	for _, r := range s.Resources {
		if isReplication(r) && covers(registry.ID, r.ID) {
			found = append(found, r)
		}
	}
	return found
}

func (d *Double) createReplication(in props) (string, error) {
	var id string
	err := d.change(func(s *state) error {
		registry, err := s.find(registryID(s, text(in, "resourceGroupName"), text(in, "registryName")))
		if err != nil {
			return err
		}
		id = registry.ID + "/replications/" + text(in, "replicationName")
		if err := s.mustBeNew(id); err != nil {
			return err
		}
		if sku := text(registry.Settings, "sku", "name"); sku != "Premium" {
			return armError(http.StatusBadRequest, "ReplicationNotSupported",
				"The requested feature replication is not supported for the SKU %s.", sku)
		}
		if err := checkLocation(in, replicationType); err != nil {
			return err
		}
		location := normalLocation(text(in, "location"))
		for _, other := range append(s.replications(registry), registry) {
			if normalLocation(text(other.Settings, "location")) == location {
				return armError(http.StatusConflict, "ReplicationLocationInUse",
					"The registry '%s' already has a replica in the location '%s'.", text(registry.Settings, "registryName"), location)
			}
		}
		s.put(id, in, d.now())
		return nil
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
		s.put(id, in, d.now())
		return nil
	})
}

func replicationDefaults(props) props {
	return props{"regionEndpointEnabled": true, "zoneRedundancy": "Disabled"}
}

// replicationOutputs are the properties that ARM answers.
func replicationOutputs(s *state, r *armResource) props {
	full := merge(replicationDefaults(nil), r.Settings)
	return withSettings(props{
		"location":          normalLocation(text(full, "location")),
		"name":              text(full, "replicationName"),
		"provisioningState": "Succeeded",
		"status":            props{"displayStatus": "Ready", "message": "", "timestamp": r.Created.Format(time.RFC3339)},
		"systemData":        systemData(s, r),
		"type":              replicationType,
	}, full, "regionEndpointEnabled", "tags", "zoneRedundancy")
}
