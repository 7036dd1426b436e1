package azuredouble

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

const registryType = "Microsoft.ContainerRegistry/registries"

// The names of registries and of their replicas.
const (
	nameMinLength = 5
	nameMaxLength = 50
)

var (
	alphanumeric = regexp.MustCompile(`^[a-zA-Z0-9]*$`)
	registrySKUs = []string{"Basic", "Standard", "Premium"}
)

func registryID(s *state, group, name string) string {
	return resourceGroupID(s, group) + "/providers/" + registryType + "/" + name
}

// loginServer is the host name of a registry's data plane.
func loginServer(name string) string { return strings.ToLower(name) + ".azurecr.io" }

// registry finds a registry by login server, in any case.
func (s *state) registry(server string) *armResource {
	for _, r := range s.Resources {
		if name := text(r.Settings, "registryName"); isRegistry(r) && strings.EqualFold(loginServer(name), server) {
			return r
		}
	}
	return nil
}

func isRegistry(r *armResource) bool {
	parts := strings.Split(r.ID, "/")
	return len(parts) == 9 && strings.EqualFold(parts[6]+"/"+parts[7], registryType)
}

func (d *Double) createRegistry(ctx context.Context, in props) (string, error) {
	var id string
	err := d.change(func(s *state) error {
		group, name := text(in, "resourceGroupName"), text(in, "registryName")
		if _, err := s.group(group); err != nil {
			return err
		}
		id = registryID(s, group, name)
		if err := s.mustBeNew(id); err != nil {
			return err
		}
		if d.taken[strings.ToLower(name)] || s.registry(loginServer(name)) != nil {
			return armError(http.StatusConflict, "AlreadyInUse", "The registry DNS name %s is already in use. You can check if the"+
				" name is already claimed using following API: "+
				"https://docs.microsoft.com/en-us/rest/api/containerregistry/registries/checknameavailability", loginServer(name))
		}
		if err := checkLocation(in, registryType); err != nil {
			return err
		}
		if err := checkRegistry(in); err != nil {
			return err
		}
		s.put(id, in, d.now())
		s.resource(id).Pending = true
		return nil
	})
	if err != nil {
		return "", err
	}
	return id, d.initializeRegistry(ctx, id)
}

func (d *Double) updateRegistry(ctx context.Context, id string, in props) error {
	err := d.change(func(s *state) error {
		r, err := s.find(id)
		if err != nil {
			return err
		}
		if err := checkRegistry(in); err != nil {
			return err
		}
		if sku := text(in, "sku", "name"); sku != "Premium" && len(s.replications(r)) > 0 {
			return armError(http.StatusBadRequest, "ReplicationNotSupported",
				"The requested feature replication is not supported for the SKU %s.", sku)
		}
		if zoneRedundancy(in) != zoneRedundancy(r.Settings) {
			return armError(http.StatusBadRequest, "InvalidZoneRedundancyUpdate", "The zone redundancy of a registry cannot be changed.")
		}
		s.put(id, in, d.now())
		return nil
	})
	if err != nil {
		return err
	}
	return d.initializeRegistry(ctx, id)
}

func zoneRedundancy(in props) string {
	if v := text(in, "zoneRedundancy"); v != "" {
		return v
	}
	return "Disabled"
}

func resourceNotFound(kind, name, group string) error {
	return armError(http.StatusNotFound, "ResourceNotFound", "The Resource '%s/%s' under resource group '%s' was not found."+
		" For more details please go to https://aka.ms/ARMResourceNotFoundFix", kind, name, group)
}

// initError says that a resource exists, but that what belongs to its creation has failed.
type initError struct{ error }

func (e initError) Unwrap() error { return e.error }

// initializeRegistry lets the owner of the double react to a new registry, once, without holding the state: it will want
// to talk to the data plane.
func (d *Double) initializeRegistry(ctx context.Context, id string) error {
	r := d.current().resource(id)
	if r == nil || r.Ready {
		return nil
	}
	var failed error
	if d.options.OnRegistry != nil {
		server := loginServer(text(r.Settings, "registryName"))
		if err := d.options.OnRegistry(ctx, server); err != nil {
			failed = initError{fmt.Errorf("registry %s: %w", server, err)}
		}
	}
	err := d.change(func(s *state) error {
		if r := s.resource(id); r != nil { // it may have been deleted meanwhile
			r.Pending, r.Ready = false, failed == nil
		}
		return nil
	})
	if err != nil {
		return err
	}
	return failed
}

// checkLocation refuses a location in which ARM does not offer that kind of resource.
func checkLocation(in props, kind string) error {
	if regions[normalLocation(text(in, "location"))] {
		return nil
	}
	return armError(http.StatusBadRequest, "LocationNotAvailableForResourceType", "The provided location '%s' is not available for"+
		" resource type '%s'. List of available regions for the resource type is '%s'.",
		text(in, "location"), kind, strings.Join(slices.Sorted(maps.Keys(regions)), ","))
}

// oneOf are the settings with few allowed values.
var oneOf = []struct {
	path    []string
	allowed []string
}{
	{[]string{"publicNetworkAccess"}, []string{"Enabled", "Disabled"}},
	{[]string{"zoneRedundancy"}, []string{"Enabled", "Disabled"}},
	{[]string{"networkRuleBypassOptions"}, []string{"AzureServices", "None"}},
	{[]string{"networkRuleSet", "defaultAction"}, []string{"Allow", "Deny"}},
	{[]string{"encryption", "status"}, []string{"enabled", "disabled"}},
	{[]string{"policies", "exportPolicy", "status"}, []string{"enabled", "disabled"}},
	{[]string{"policies", "quarantinePolicy", "status"}, []string{"enabled", "disabled"}},
	{[]string{"policies", "retentionPolicy", "status"}, []string{"enabled", "disabled"}},
	{[]string{"policies", "trustPolicy", "status"}, []string{"enabled", "disabled"}},
	{[]string{"policies", "trustPolicy", "type"}, []string{"Notary"}},
}

// checkRegistry applies ARM's rules to the settings of a registry.
func checkRegistry(in props) error {
	sku := text(in, "sku", "name")
	if !slices.Contains(registrySKUs, sku) {
		return armError(http.StatusBadRequest, "SkuNotSupported", "The SKU %s is not supported.", sku)
	}
	for _, o := range oneOf {
		if v := text(in, o.path...); v != "" && !slices.Contains(o.allowed, v) {
			return armError(http.StatusBadRequest, "InvalidParameter", "The value '%s' of %s is invalid. Allowed values: %s.",
				v, strings.Join(o.path, "."), strings.Join(o.allowed, ", "))
		}
	}
	if days, given := at(in, "policies", "retentionPolicy", "days").(float64); given && (days < 0 || days > 365) {
		return armError(http.StatusBadRequest, "InvalidRetentionDays", "The retention days must be between 0 and 365.")
	}
	if sku != "Premium" {
		return checkBelowPremium(in, sku)
	}
	if text(in, "policies", "exportPolicy", "status") == "disabled" && text(in, "publicNetworkAccess") != "Disabled" {
		return armError(http.StatusBadRequest, "ExportPolicyRequiresPrivateAccess",
			"Exports can be disabled only when public network access is disabled.")
	}
	return nil
}

// checkBelowPremium refuses the features that only the SKU Premium has.
// Source: https://learn.microsoft.com/azure/container-registry/container-registry-skus
func checkBelowPremium(in props, sku string) error {
	bad := func(code, format string, args ...any) error {
		return armError(http.StatusBadRequest, code, format, args...)
	}
	switch {
	case at(in, "networkRuleSet") != nil, text(in, "networkRuleBypassOptions") == "None":
		return bad("NetworkRuleNotSupported", "The requested feature virtual network rule is not supported for the SKU %s.", sku)
	case text(in, "publicNetworkAccess") == "Disabled":
		return bad("DisablingPublicNetworkAccessNotSupported", "Disabling public network access is not supported for the SKU %s."+
			" For more information, please visit https://aka.ms/acr/private-link.", sku)
	case truth(in, "dataEndpointEnabled"):
		return bad("DataEndpointNotSupported", "The requested feature data endpoint rule is not supported for the SKU %s.", sku)
	case text(in, "encryption", "status") == "enabled",
		text(in, "policies", "exportPolicy", "status") == "disabled",
		text(in, "policies", "quarantinePolicy", "status") == "enabled",
		text(in, "policies", "retentionPolicy", "status") == "enabled",
		text(in, "policies", "trustPolicy", "status") == "enabled":
		return bad("SkuNotSupported", "The SKU %s is not supported.", sku)
	}
	return nil
}

// registryDefaults is what ARM assumes for what is not given.
func registryDefaults(in props) props {
	defaults := props{
		"adminUserEnabled":         false,
		"dataEndpointEnabled":      false,
		"encryption":               props{"status": "disabled"},
		"networkRuleBypassOptions": "AzureServices",
		"policies": props{
			"exportPolicy":     props{"status": "enabled"},
			"quarantinePolicy": props{"status": "disabled"},
			"retentionPolicy":  props{"days": 7.0, "status": "disabled"},
			"trustPolicy":      props{"status": "disabled", "type": "Notary"},
		},
		"publicNetworkAccess": "Enabled",
		"zoneRedundancy":      "Disabled",
	}
	if text(in, "sku", "name") == "Premium" {
		defaults["networkRuleSet"] = props{"defaultAction": "Allow", "ipRules": []any{}}
	}
	return defaults
}

// registryOutputs are the properties that ARM answers.
func registryOutputs(s *state, r *armResource) props {
	full := merge(registryDefaults(r.Settings), r.Settings)
	name, location := text(full, "registryName"), normalLocation(text(full, "location"))
	outputs := props{
		"creationDate":               r.Created.Format(time.RFC3339),
		"dataEndpointHostNames":      []any{},
		"location":                   location,
		"loginServer":                loginServer(name),
		"name":                       name,
		"privateEndpointConnections": []any{},
		"provisioningState":          "Succeeded",
		"sku":                        props{"name": text(full, "sku", "name"), "tier": text(full, "sku", "name")},
		"systemData":                 systemData(s, r),
		"type":                       registryType,
	}
	if truth(full, "dataEndpointEnabled") {
		outputs["dataEndpointHostNames"] = []any{fmt.Sprintf("%s.%s.data.azurecr.io", strings.ToLower(name), location)}
	}
	withSettings(outputs, full, "adminUserEnabled", "dataEndpointEnabled", "encryption", "identity", "networkRuleBypassOptions",
		"networkRuleSet", "policies", "publicNetworkAccess", "tags", "zoneRedundancy")
	outputs["policies"] = merge(props{"retentionPolicy": props{"lastUpdatedTime": r.Created.Format(time.RFC3339)}},
		at(outputs, "policies").(props))
	return outputs
}

// systemData says who made a resource, and when.
func systemData(s *state, r *armResource) props {
	return props{
		"createdAt": r.Created.Format(time.RFC3339), "createdBy": s.Owner, "createdByType": "User",
		"lastModifiedAt": r.Changed.Format(time.RFC3339), "lastModifiedBy": s.Owner, "lastModifiedByType": "User",
	}
}

// adminPassword is the password of a registry's admin user. Unlike Azure's it changes with every start of the double,
// because what can be read back cannot be kept as a hash.
func (d *Double) adminPassword(registry string) string {
	return d.derive("admin " + strings.ToLower(registry))
}

// derive makes a password that lives as long as this process.
func (d *Double) derive(purpose string) string {
	mac := hmac.New(sha256.New, d.secret)
	mac.Write([]byte(purpose))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
