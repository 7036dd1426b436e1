package azuredouble

import (
	"cmp"
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

// The length of registry and replica names.
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
func (r *armResource) loginServer() string {
	return strings.ToLower(text(r.Settings, "registryName")+r.Label) + ".azurecr.io"
}

// registry looks up a login server, ignoring case.
func (s *state) registry(server string) *armResource {
	for _, r := range s.Resources {
		if isRegistry(r) && strings.EqualFold(r.loginServer(), server) {
			return r
		}
	}
	return nil
}

func isRegistry(r *armResource) bool {
	parts := strings.Split(r.ID, "/")
	return len(parts) == 9 && strings.EqualFold(parts[6]+"/"+parts[7], registryType)
}

// isChild recognizes a registry's direct children of a kind.
func isChild(kind string) func(*armResource) bool {
	return func(r *armResource) bool {
		parts := strings.Split(r.ID, "/")
		return len(parts) == 11 && strings.EqualFold(parts[6]+"/"+parts[7], registryType) && strings.EqualFold(parts[9], kind)
	}
}

// children are a registry's direct children of a kind, such as webhooks, ordered by id.
func (s *state) children(registry *armResource, kind string) []*armResource {
	var found []*armResource
	for _, id := range slices.Sorted(maps.Keys(s.Resources)) {
		if r := s.Resources[id]; isChild(kind)(r) && covers(registry.ID, r.ID) {
			found = append(found, r)
		}
	}
	return found
}

func newRegistry(s *state, in props) (string, error) {
	group := text(in, "resourceGroupName")
	_, err := s.group(group)
	return registryID(s, group, text(in, "registryName")), err
}

// checkRegistry applies ARM's rules to a registry.
func checkRegistry(c change) error {
	name, isNew := text(c.in, "registryName"), c.isNew()
	for _, other := range c.Resources {
		if isNew && isRegistry(other) && strings.EqualFold(text(other.Settings, "registryName"), name) {
			return errNameTaken(name)
		}
	}
	if err := checkLocation(c); err != nil {
		return err
	}
	if err := checkRegistrySettings(c.in); err != nil {
		return err
	}
	if !isNew {
		key := []string{"encryption", "keyVaultProperties", "keyIdentifier"}
		if text(c.in, key...) != text(c.r.Settings, key...) {
			c.r.Rotated = c.d.now()
		}
		return checkRegistryChange(c.state, c.r, c.in)
	}
	c.r.Pending = true
	if slices.ContainsFunc(c.d.conditions.Load().Labelled, func(one string) bool { return strings.EqualFold(one, name) }) {
		c.r.Label = "-" + undashed(derivedGUID(c.r.ID))[:16]
	}
	return nil
}

func zoneRedundancy(in props) string { return cmp.Or(text(in, "zoneRedundancy"), "Disabled") }

func resourceNotFound(kind, name, group string) error {
	return armError(http.StatusNotFound, "ResourceNotFound", "The Resource '%s/%s' under resource group '%s' was not found."+
		" For more details please go to https://aka.ms/ARMResourceNotFoundFix", kind, name, group)
}

// initError means that a resource exists, but that its initialization has failed.
type initError struct{ error }

func (e initError) Unwrap() error { return e.error }

// initializeRegistry notifies the owner of the double of a new registry, once, without holding the state, because the owner uses
// the data plane. It ignores other resources.
func (d *Double) initializeRegistry(ctx context.Context, id string) error {
	r := d.current().resource(id)
	if r == nil || r.Ready || !isRegistry(r) {
		return nil
	}
	var failed error
	if d.options.OnRegistry != nil {
		server := r.loginServer()
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

// checkLocation rejects a location where ARM does not offer that kind of resource.
func checkLocation(c change) error {
	if regions[normalLocation(text(c.in, "location"))] {
		return nil
	}
	return armError(http.StatusBadRequest, "LocationNotAvailableForResourceType", "The provided location '%s' is not available for"+
		" resource type '%s'. List of available regions for the resource type is '%s'.",
		text(c.in, "location"), armType(c.r.ID), strings.Join(slices.Sorted(maps.Keys(regions)), ","))
}

// registryDefaults are ARM's values of missing settings.
func registryDefaults(in props) props {
	defaults := props{
		"adminUserEnabled":         false,
		"anonymousPullEnabled":     false,
		"dataEndpointEnabled":      false,
		"encryption":               props{"status": "disabled"},
		"metadataSearch":           "Disabled",
		"networkRuleBypassOptions": "AzureServices",
		"policies": props{
			"azureADAuthenticationAsArmPolicy": props{"status": "enabled"},
			"exportPolicy":                     props{"status": "enabled"},
			"quarantinePolicy":                 props{"status": "disabled"},
			"retentionPolicy":                  props{"days": 7.0, "status": "disabled"},
			"softDeletePolicy":                 props{"retentionDays": 7.0, "status": "disabled"},
			"trustPolicy":                      props{"status": "disabled", "type": "Notary"},
		},
		"publicNetworkAccess": "Enabled",
		"zoneRedundancy":      "Disabled",
	}
	if text(in, "sku", "name") == "Premium" {
		defaults["networkRuleSet"] = props{"defaultAction": "Allow", "ipRules": []any{}}
	}
	return defaults
}

// registryOutputs are the properties that ARM returns.
func registryOutputs(s *state, r *armResource) props {
	full := merge(registryDefaults(r.Settings), r.Settings)
	name, location := text(full, "registryName"), normalLocation(text(full, "location"))
	outputs := props{
		"creationDate":               r.Created.Format(time.RFC3339),
		"dataEndpointHostNames":      []any{},
		"location":                   location,
		"loginServer":                r.loginServer(),
		"name":                       name,
		"privateEndpointConnections": s.registryConnections(r),
		"provisioningState":          "Succeeded",
		"sku":                        props{"name": text(full, "sku", "name"), "tier": text(full, "sku", "name")},
		"systemData":                 systemData(r),
		"tags":                       props{},
		"type":                       registryType,
	}
	if truth(full, "dataEndpointEnabled") {
		outputs["dataEndpointHostNames"] = []any{dataEndpoint(name, location)}
	}
	for _, r := range s.children(r, "replications") {
		if truth(full, "dataEndpointEnabled") {
			outputs["dataEndpointHostNames"] = append(outputs["dataEndpointHostNames"].([]any),
				dataEndpoint(name, normalLocation(text(r.Settings, "location"))))
		}
	}
	withSettings(outputs, full, "adminUserEnabled", "anonymousPullEnabled", "dataEndpointEnabled", "encryption", "metadataSearch",
		"networkRuleBypassOptions", "networkRuleSet", "policies", "publicNetworkAccess", "tags", "zoneRedundancy")
	if identity := identityOutputs(s, r); identity != nil {
		outputs["identity"] = identity
	}
	if key := text(full, "encryption", "keyVaultProperties", "keyIdentifier"); key != "" {
		_, path, _ := strings.Cut(key, "/keys/")
		shown := props{"keyRotationEnabled": !strings.Contains(path, "/"), "versionedKeyIdentifier": key}
		if !r.Rotated.IsZero() {
			shown["lastKeyRotationTimestamp"] = r.Rotated.Format(time.RFC3339)
		}
		outputs["encryption"] = merge(props{"keyVaultProperties": shown}, outputs["encryption"].(props))
	}
	if rules := objects(full, "networkRuleSet", "ipRules"); len(rules) > 0 {
		allowed := make([]any, 0, len(rules))
		for _, rule := range rules { // whatever action was sent
			allowed = append(allowed, props{"action": "Allow", "iPAddressOrRange": text(rule, "iPAddressOrRange")})
		}
		outputs["networkRuleSet"] = merge(outputs["networkRuleSet"].(props), props{"ipRules": allowed})
	}
	updated := props{"lastUpdatedTime": r.Changed.Format(time.RFC3339)} // set by each PUT
	outputs["policies"] = merge(props{"retentionPolicy": updated, "softDeletePolicy": updated}, outputs["policies"].(props))
	return outputs
}

func dataEndpoint(registry, location string) string {
	return fmt.Sprintf("%s.%s.data.azurecr.io", strings.ToLower(registry), location)
}

// signInName is the deploying user's sign-in name.
const signInName = "deployer@acme.example"

// systemData says who made a resource, and when.
func systemData(r *armResource) props {
	return props{
		"createdAt": r.Created.Format(time.RFC3339), "createdBy": signInName, "createdByType": "User",
		"lastModifiedAt": r.Changed.Format(time.RFC3339), "lastModifiedBy": signInName, "lastModifiedByType": "User",
	}
}

// derive returns a password for the life of this process.
func (d *Double) derive(purpose string) string {
	mac := hmac.New(sha256.New, d.secret)
	mac.Write([]byte(purpose))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
