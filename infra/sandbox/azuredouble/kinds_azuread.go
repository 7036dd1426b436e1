package azuredouble

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/pulumi/pulumi-azuread/sdk/v5/go/azuread"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// azureADVersion is the provider version that the SDK requires.
const azureADVersion = "5.53.5"

var signInAudiences = []string{
	"AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount",
}

func newAzureAD(d *Double) *provider {
	return newProvider(d, "azuread", azureADVersion, []*kind{
		{
			token:     "azuread:index/application:Application",
			owns:      func(id string) bool { return strings.HasPrefix(id, "/applications/") },
			inputs:    schemaOf(azuread.ApplicationArgs{}.ElementType()),
			outputs:   outputNames(azuread.Application{}),
			immutable: []string{"templateId"},
			local:     []string{"preventDuplicateNames"},
			defaults: func(props) props {
				return props{
					"description": "", "deviceOnlyAuthEnabled": false, "fallbackPublicClientEnabled": false, "notes": "",
					"oauth2PostResponseRequired": false, "owners": []any{}, "preventDuplicateNames": false,
					"signInAudience": "AzureADMyOrg", "tags": []any{},
				}
			},
			check: func(in props) []plugin.CheckFailure {
				failures := slices.Concat(notEmpty(in, "displayName"), guids(in, "owners"))
				if v, known := in["signInAudience"].(string); known && !slices.Contains(signInAudiences, v) {
					failures = append(failures, failure("signInAudience", "expected signInAudience to be one of %q, got %s", signInAudiences, v))
				}
				if in["password"] != nil {
					failures = append(failures, failure("password",
						"the Azure double has no passwords inside an application: use an ApplicationPassword"))
				}
				return failures
			},
			create: func(_ context.Context, d *Double, in props) (string, props, error) {
				id, err := d.createApplication(in)
				return id, nil, err
			},
			read: func(d *Double, id string) (props, props, error) {
				objectID, err := parseApplicationID(id)
				if err != nil {
					return nil, nil, err
				}
				s := d.current()
				a, err := s.application(objectID)
				if err != nil {
					return nil, nil, err
				}
				return merge(a.Settings, props{"owners": list(a.Owners)}), applicationOutputs(s, a), nil
			},
			update: func(_ context.Context, d *Double, id string, in props) error { return d.updateApplication(id, in) },
			remove: (*Double).deleteApplication,
		},
		{
			token:     "azuread:index/servicePrincipal:ServicePrincipal",
			owns:      func(id string) bool { return uuid.Validate(id) == nil },
			inputs:    schemaOf(azuread.ServicePrincipalArgs{}.ElementType()),
			outputs:   outputNames(azuread.ServicePrincipal{}),
			immutable: []string{"clientId", "applicationId"},
			local:     []string{"useExisting"},
			defaults: func(props) props {
				return props{
					"accountEnabled": true, "alternativeNames": []any{}, "appRoleAssignmentRequired": false, "description": "",
					"notes": "", "owners": []any{}, "tags": []any{}, "useExisting": false,
				}
			},
			check: func(in props) []plugin.CheckFailure {
				return slices.Concat(exactlyOne(in, "clientId", "applicationId"), guids(in, "clientId", "applicationId", "owners"))
			},
			create: func(_ context.Context, d *Double, in props) (string, props, error) {
				id, err := d.createServicePrincipal(in)
				return id, nil, err
			},
			read: func(d *Double, id string) (props, props, error) {
				s := d.current()
				p, err := s.principalByID(id)
				if err != nil {
					return nil, nil, err
				}
				return merge(p.Settings, props{"owners": list(p.Owners)}), servicePrincipalOutputs(s, p), nil
			},
			update: func(_ context.Context, d *Double, id string, in props) error { return d.updateServicePrincipal(id, in) },
			remove: (*Double).deleteServicePrincipal,
		},
		{
			token:   "azuread:index/applicationPassword:ApplicationPassword",
			owns:    func(id string) bool { return strings.Contains(id, "/password/") },
			inputs:  schemaOf(azuread.ApplicationPasswordArgs{}.ElementType()),
			outputs: outputNames(azuread.ApplicationPassword{}),
			immutable: []string{
				"applicationId", "applicationObjectId", "displayName", "endDate", "endDateRelative", "rotateWhenChanged", "startDate",
			},
			local:  []string{"endDateRelative", "rotateWhenChanged"},
			filled: []string{"applicationId", "applicationObjectId", "displayName", "endDate", "startDate"},
			once:   []string{"value"},
			check: func(in props) []plugin.CheckFailure {
				failures := slices.Concat(exactlyOne(in, "applicationId", "applicationObjectId"),
					guids(in, "applicationObjectId"), checkPasswordDates(in))
				if v, known := in["applicationId"].(string); known {
					if _, err := parseApplicationID(v); err != nil {
						failures = append(failures, failure("applicationId", "%s", err))
					}
				}
				return failures
			},
			owner: passwordOwner,
			create: func(_ context.Context, d *Double, in props) (string, props, error) {
				id, value, err := d.createApplicationPassword(in)
				return id, props{"value": value}, err
			},
			read: func(d *Double, id string) (props, props, error) {
				owner, one, err := d.current().password(id)
				if err != nil {
					return nil, nil, err
				}
				settings := passwordOutputs(one)
				settings["applicationId"], settings["applicationObjectId"] = applicationID(owner), owner
				return settings, settings, nil
			},
			remove: (*Double).deletePassword,
		},
	}, []*function{
		{
			token: "azuread:index/getClientConfig:getClientConfig",
			args:  &schema{kind: "object"},
			call: func(d *Double, _ props) (props, error) {
				s := d.current()
				return props{
					"clientId": cliClientID, "id": strings.Join([]string{s.Tenant, cliClientID, s.Owner}, "-"),
					"objectId": s.Owner, "tenantId": s.Tenant,
				}, nil
			},
		},
	})
}

// passwordOwner returns the object id of a password's application. The provider creates and deletes an application's passwords one
// at a time: LockByName in
// https://github.com/hashicorp/terraform-provider-azuread/blob/main/internal/services/applications/application_password_resource.go
func passwordOwner(in props, id string) string {
	if owner, _, err := parsePasswordID(id); err == nil {
		return owner
	}
	if owner, err := parseApplicationID(text(in, "applicationId")); err == nil {
		return owner
	}
	return text(in, "applicationObjectId")
}

// exactlyOne reports an error unless exactly one input is set.
func exactlyOne(in props, names ...string) []plugin.CheckFailure {
	given := 0
	for _, name := range names {
		if in[name] != nil {
			given++
		}
	}
	if given == 1 {
		return nil
	}
	return []plugin.CheckFailure{failure(names[0], "exactly one of %s must be specified", strings.Join(names, ", "))}
}

func notEmpty(in props, name string) []plugin.CheckFailure {
	if v, known := in[name].(string); known && strings.TrimSpace(v) == "" {
		return []plugin.CheckFailure{failure(name, "'%s' must not be empty", name)}
	}
	return nil
}

// guids reports inputs (strings or lists of strings) that are not GUIDs.
func guids(in props, names ...string) []plugin.CheckFailure {
	var failures []plugin.CheckFailure
	for _, name := range names {
		values, isList := in[name].([]any)
		if !isList {
			values = []any{in[name]}
		}
		for _, v := range values {
			if id, known := v.(string); known && uuid.Validate(id) != nil {
				failures = append(failures, failure(name, "expected '%s' to be a valid UUID, got %q", name, id))
			}
		}
	}
	return failures
}

func checkPasswordDates(in props) []plugin.CheckFailure {
	var failures []plugin.CheckFailure
	for _, name := range []string{"startDate", "endDate"} {
		if v, known := in[name].(string); known {
			if _, err := time.Parse(time.RFC3339, v); err != nil {
				failures = append(failures, failure(name, "expected '%s' to be a valid RFC3339 date, got %q", name, v))
			}
		}
	}
	failures = append(failures, notEmpty(in, "endDateRelative")...)
	if in["endDate"] != nil && in["endDateRelative"] != nil {
		failures = append(failures, failure("endDate", "'endDate' conflicts with 'endDateRelative'"))
	}
	return failures
}
