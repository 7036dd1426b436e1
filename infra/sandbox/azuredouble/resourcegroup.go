package azuredouble

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// resourceGroupName matches valid names: up to 90 letters, digits, underscores, parentheses, hyphens and periods, but no period
// at the end.
var resourceGroupName = regexp.MustCompile(`^[\p{L}\p{Nd}_().-]{0,89}[\p{L}\p{Nd}_()-]$`)

func resourceGroupID(s *state, name string) string {
	return s.subscriptionID() + "/resourceGroups/" + name
}

func isResourceGroup(r *armResource) bool { return strings.Count(r.ID, "/") == 4 }

// group looks up a resource group, ignoring case.
func (s *state) group(name string) (*armResource, error) {
	if r := s.resource(resourceGroupID(s, name)); r != nil {
		return r, nil
	}
	return nil, armError(http.StatusNotFound, "ResourceGroupNotFound", "Resource group '%s' could not be found.", name)
}

func checkResourceGroup(c change) error {
	if location := text(c.in, "location"); !regions[normalLocation(location)] {
		return armError(http.StatusBadRequest, "LocationNotAvailableForResourceGroup",
			"The provided location '%s' is not available for resource group. List of available regions is '%s'.",
			location, strings.Join(slices.Sorted(maps.Keys(regions)), ","))
	}
	return nil
}

// resourceGroupOutputs are the properties that ARM returns.
func resourceGroupOutputs(_ *state, r *armResource) props {
	return withSettings(props{
		"location":   normalLocation(text(r.Settings, "location")),
		"name":       text(r.Settings, "resourceGroupName"),
		"properties": props{"provisioningState": "Succeeded"},
		"type":       "Microsoft.Resources/resourceGroups",
	}, r.Settings, "managedBy", "tags")
}

// withSettings copies the named settings to the outputs, if present.
func withSettings(outputs, settings props, names ...string) props {
	for _, name := range names {
		if v, given := settings[name]; given {
			outputs[name] = v
		}
	}
	return outputs
}

// normalLocation is how ARM spells a location: "West Europe" is westeurope.
func normalLocation(location string) string {
	return strings.ToLower(strings.ReplaceAll(location, " ", ""))
}

// regions are the public regions in which a resource group and a registry can be.
// Source: https://learn.microsoft.com/azure/reliability/regions-list
var regions = func() map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(`australiacentral australiacentral2 australiaeast australiasoutheast austriaeast
		belgiumcentral brazilsouth brazilsoutheast canadacentral canadaeast centralindia centralus chilecentral eastasia eastus
		eastus2 francecentral francesouth germanynorth germanywestcentral indonesiacentral israelcentral italynorth japaneast
		japanwest jioindiacentral jioindiawest koreacentral koreasouth malaysiawest mexicocentral newzealandnorth
		northcentralus northeurope norwayeast norwaywest polandcentral qatarcentral southafricanorth southafricawest
		southcentralus southeastasia southindia spaincentral swedencentral swedensouth switzerlandnorth switzerlandwest
		uaecentral uaenorth uksouth ukwest westcentralus westeurope westindia westus westus2 westus3`) {
		set[name] = true
	}
	return set
}()
