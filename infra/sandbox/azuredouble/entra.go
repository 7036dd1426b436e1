package azuredouble

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// application is an app registration of the tenant.
type application struct {
	ObjectID string    `json:"objectId"`
	ClientID string    `json:"clientId"`
	Settings props     `json:"settings"`
	Created  time.Time `json:"created"`
	// Owners are the object ids of its owners.
	Owners []string `json:"owners,omitempty"`
	passwords
}

// servicePrincipal represents an application in the tenant's directory: it has roles and signs in.
type servicePrincipal struct {
	ObjectID string    `json:"objectId"`
	ClientID string    `json:"clientId"`
	Settings props     `json:"settings"`
	Created  time.Time `json:"created"`
	Owners   []string  `json:"owners,omitempty"`
}

// passwords are those of an application or of a token. Any number can be valid at the same time.
type passwords struct {
	Passwords []*password `json:"passwords,omitempty"`
}

// password is the stored part of a generated password, enough to verify it.
type password struct {
	KeyID       string    `json:"keyId"`
	DisplayName string    `json:"displayName,omitempty"`
	Created     time.Time `json:"created"`
	Start       time.Time `json:"start"`
	End         time.Time `json:"end"`
	Salt        []byte    `json:"salt"`
	Hash        []byte    `json:"hash"`
}

// defaultPasswordYears is the default lifetime of a password in Entra.
const defaultPasswordYears = 2

const (
	passwordLength   = 40
	passwordAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.~"
)

// newPassword generates a password in Entra's format, with a digit, Q and tilde near its start.
func newPassword() string {
	out := make([]byte, 0, passwordLength)
	for len(out) < passwordLength {
		var random [1]byte
		_, _ = rand.Read(random[:])                           // never fails, as documented
		if i := int(random[0]); i < 3*len(passwordAlphabet) { // all characters equally likely
			out = append(out, passwordAlphabet[i%len(passwordAlphabet)])
		}
	}
	copy(out[3:], "8Q~")
	return string(out)
}

// hash needs no slow function: a password has more than 200 random bits, too many for brute force.
func hash(salt []byte, value string) []byte {
	sum := sha256.Sum256(slices.Concat(salt, []byte(value)))
	return sum[:]
}

func (p *password) matches(value string) bool {
	return subtle.ConstantTimeCompare(p.Hash, hash(p.Salt, value)) == 1
}

func (p *passwords) find(keyID string) *password {
	for _, one := range p.Passwords {
		if strings.EqualFold(one.KeyID, keyID) {
			return one
		}
	}
	return nil
}

// add generates a password for the given time. Only add returns its value.
func (p *passwords) add(in props, end string, now time.Time) (keyID, value string, err error) {
	one := &password{KeyID: uuid.NewString(), DisplayName: text(in, "displayName"), Created: now, Start: now, Salt: make([]byte, 16)}
	if v := text(in, "startDate"); v != "" {
		if one.Start, err = time.Parse(time.RFC3339, v); err != nil {
			return "", "", fmt.Errorf("startDate %q: %w", v, err)
		}
	}
	one.End = now.AddDate(defaultPasswordYears, 0, 0)
	if end != "" {
		if one.End, err = time.Parse(time.RFC3339, end); err != nil {
			return "", "", fmt.Errorf("endDate %q: %w", end, err)
		}
	}
	if !one.End.After(one.Start) {
		return "", "", graphError(http.StatusBadRequest, "KeyCredentialsInvalidEndDate", "Credential's end date is invalid.")
	}
	value = newPassword()
	_, _ = rand.Read(one.Salt)
	one.Hash = hash(one.Salt, value)
	p.Passwords = append(p.Passwords, one)
	return one.KeyID, value, nil
}

func (p *passwords) drop(keyID string) {
	p.Passwords = slices.DeleteFunc(p.Passwords, func(one *password) bool { return strings.EqualFold(one.KeyID, keyID) })
}

// valid reports whether value is one of the passwords, is replicated in all of Entra, has started and has not expired.
func (p *passwords) valid(value string, now time.Time, replication time.Duration) bool {
	return slices.ContainsFunc(p.Passwords, func(one *password) bool {
		return one.matches(value) && !now.Before(later(one.Created, replication)) && !now.Before(one.Start) && now.Before(one.End)
	})
}

// list makes an array property of strings.
func list(texts []string) []any {
	out := make([]any, 0, len(texts))
	for _, one := range texts {
		out = append(out, one)
	}
	return out
}

func applicationID(objectID string) string { return "/applications/" + objectID }

// parseApplicationID returns the object id in an application's resource id.
func parseApplicationID(id string) (string, error) {
	objectID, found := strings.CutPrefix(id, "/applications/")
	if !found || uuid.Validate(objectID) != nil {
		return "", fmt.Errorf("expected an application's resource ID of the form \"/applications/<object id>\", got %q", id)
	}
	return objectID, nil
}

func passwordID(owner, keyID string) string { return owner + "/password/" + keyID }

// parsePasswordID splits a password's id into the object id of its owner and its key id.
func parsePasswordID(id string) (owner, keyID string, err error) {
	parts := strings.Split(id, "/")
	if len(parts) != 3 || parts[1] != "password" {
		return "", "", fmt.Errorf("expected a password's ID of the form \"<object id>/password/<key id>\", got %q", id)
	}
	return parts[0], parts[2], nil
}

func objectNotFound(objectID string) error {
	return graphError(http.StatusNotFound, "Request_ResourceNotFound",
		"Resource '%s' does not exist or one of its queried reference-property objects are not present.", objectID)
}

// application finds an application; object ids ignore case.
func (s *state) application(objectID string) (*application, error) {
	if a := s.Applications[strings.ToLower(objectID)]; a != nil {
		return a, nil
	}
	return nil, objectNotFound(objectID)
}

// principalByID finds a service principal; object ids ignore case.
func (s *state) principalByID(objectID string) (*servicePrincipal, error) {
	if p := s.ServicePrincipals[strings.ToLower(objectID)]; p != nil {
		return p, nil
	}
	return nil, objectNotFound(objectID)
}

// byClient finds the application and the service principal with a client id. Either can be nil.
func (s *state) byClient(clientID string) (*application, *servicePrincipal) {
	var app *application
	for _, a := range s.Applications {
		if strings.EqualFold(a.ClientID, clientID) {
			app = a
		}
	}
	for _, p := range s.ServicePrincipals {
		if strings.EqualFold(p.ClientID, clientID) {
			return app, p
		}
	}
	return app, nil
}

// principal returns the kind of an object id's principal ("" for none) and its creation time.
func (s *state) principal(objectID string) (kind string, created time.Time) {
	if strings.EqualFold(objectID, s.Owner) {
		return "User", time.Time{}
	}
	if strings.EqualFold(objectID, s.Kubelet) {
		return "ServicePrincipal", time.Time{}
	}
	if p := s.ServicePrincipals[strings.ToLower(objectID)]; p != nil {
		return "ServicePrincipal", p.Created
	}
	for _, r := range s.Resources {
		if r.Principal != "" && strings.EqualFold(r.Principal, objectID) {
			return "ServicePrincipal", r.Created // a managed identity is one
		}
	}
	return "", time.Time{}
}

// isApplication reports whether id is an application's client id or object id. Neither is a principal's id.
func (s *state) isApplication(id string) bool {
	for _, a := range s.Applications {
		if strings.EqualFold(a.ClientID, id) || strings.EqualFold(a.ObjectID, id) {
			return true
		}
	}
	return false
}

// checkOwners rejects owners that are not in the directory.
func (s *state) checkOwners(in props) error {
	owners, _ := in["owners"].([]any)
	for _, o := range owners {
		id, _ := o.(string)
		if kind, _ := s.principal(id); kind == "" {
			return objectNotFound(id)
		}
	}
	return nil
}

// checkUniqueName applies preventDuplicateNames.
func (s *state) checkUniqueName(in props, self string) error {
	if !truth(in, "preventDuplicateNames") {
		return nil
	}
	for _, a := range s.Applications {
		if a.ObjectID != self && text(a.Settings, "displayName") == text(in, "displayName") {
			return fmt.Errorf("existing application with the display name %q (object ID %s) was found and preventDuplicateNames"+
				" was specified", text(in, "displayName"), a.ObjectID)
		}
	}
	return nil
}

// createApplication follows the provider: the caller is an owner during the creation, and is removed from the owners afterwards
// unless the program names it.
// Source: applicationResourceCreate in internal/services/applications/application_resource.go of
// hashicorp/terraform-provider-azuread, v2.53.1
func (d *Double) createApplication(in props) (string, error) {
	a := &application{
		ObjectID: uuid.NewString(), ClientID: uuid.NewString(), Settings: in, Created: d.now(), Owners: texts(in, "owners"),
	}
	err := d.change(func(s *state) error {
		if err := errors.Join(s.checkUniqueName(in, ""), s.checkOwners(in), d.mayCreate(s)); err != nil {
			return fmt.Errorf("could not create application: %w", err)
		}
		s.Applications[a.ObjectID] = a
		return nil
	})
	return applicationID(a.ObjectID), err
}

func (d *Double) updateApplication(id string, in props) error {
	objectID, err := parseApplicationID(id)
	if err != nil {
		return err
	}
	return d.change(func(s *state) error {
		a, err := s.application(objectID)
		if err != nil {
			return err
		}
		if err := errors.Join(s.checkUniqueName(in, a.ObjectID), s.checkOwners(in), d.mayChange(s, a.Owners)); err != nil {
			return fmt.Errorf("could not update application with object ID %q: %w", a.ObjectID, err)
		}
		a.Settings, a.Owners = in, texts(in, "owners")
		return nil
	})
}

// deleteApplication deletes an application, its passwords, and its service principal, as Entra does. The service principal's
// role assignments remain as orphans.
// Source: https://github.com/hashicorp/terraform-provider-azuread/blob/v2.53.1/internal/services/applications/application_resource.go
func (d *Double) deleteApplication(id string) error {
	objectID, err := parseApplicationID(id)
	if err != nil {
		return err
	}
	return d.change(func(s *state) error {
		a, err := s.application(objectID)
		if err != nil {
			return fmt.Errorf("retrieving Application with object ID %q: Application was not found", objectID)
		}
		if err := d.mayChange(s, a.Owners); err != nil {
			return fmt.Errorf("deleting application with object ID %q, got status 403: %w", a.ObjectID, err)
		}
		if _, p := s.byClient(a.ClientID); p != nil {
			s.dropPrincipal(p.ObjectID, d.now())
		}
		delete(s.Applications, a.ObjectID)
		s.keepDeleted(a.ObjectID, d.now())
		return nil
	})
}

// clientOf returns the client id of a service principal's inputs. applicationId is its deprecated name.
func clientOf(in props) string { return cmp.Or(text(in, "clientId"), text(in, "applicationId")) }

func (d *Double) createServicePrincipal(in props) (string, error) {
	p := &servicePrincipal{ObjectID: uuid.NewString(), Settings: in, Created: d.now(), Owners: texts(in, "owners")}
	err := d.change(func(s *state) error {
		app, existing := s.byClient(clientOf(in))
		switch {
		case app == nil:
			return fmt.Errorf("could not create service principal: %w", graphError(http.StatusBadRequest, "Request_BadRequest",
				"The appId '%s' of the service principal does not reference a valid application object.", clientOf(in)))
		case existing != nil && truth(in, "useExisting"):
			p.ObjectID = existing.ObjectID
			existing.Settings, existing.Owners = in, p.Owners
			return d.mayChange(s, existing.Owners)
		case existing != nil:
			return fmt.Errorf("a resource with the ID %q already exists - to be managed by this provider it needs to be imported."+
				" Please see the resource documentation for \"azuread_service_principal\" for more information", existing.ObjectID)
		}
		if err := errors.Join(s.checkOwners(in), d.mayChange(s, app.Owners), d.mayCreate(s)); err != nil {
			return fmt.Errorf("could not create service principal: %w", err)
		}
		p.ClientID = app.ClientID
		s.ServicePrincipals[p.ObjectID] = p
		return nil
	})
	return p.ObjectID, err
}

func (d *Double) updateServicePrincipal(id string, in props) error {
	return d.change(func(s *state) error {
		p, err := s.principalByID(id)
		if err != nil {
			return err
		}
		if err := errors.Join(s.checkOwners(in), d.mayChange(s, p.Owners)); err != nil {
			return fmt.Errorf("updating service principal with object ID %q: %w", p.ObjectID, err)
		}
		p.Settings, p.Owners = in, texts(in, "owners")
		return nil
	})
}

// deleteServicePrincipal deletes also an existing one that the program adopted (useExisting), but then ignores that it is not allowed to.
// Source: https://github.com/hashicorp/terraform-provider-azuread/blob/v2.53.1/internal/services/serviceprincipals/service_principal_resource.go
func (d *Double) deleteServicePrincipal(id string) error {
	return d.change(func(s *state) error {
		p, err := s.principalByID(id)
		if err != nil {
			return fmt.Errorf("retrieving service principal with object ID %q: Service Principal was not found", id)
		}
		if err := d.mayChange(s, p.Owners); err != nil {
			if truth(p.Settings, "useExisting") {
				return nil
			}
			return fmt.Errorf("deleting service principal with object ID %q, got status 403: %w", p.ObjectID, err)
		}
		s.dropPrincipal(p.ObjectID, d.now())
		return nil
	})
}

// createApplicationPassword ignores endDateRelative, like the provider azuread 5.53.5: the password is valid for two years.
// Source: https://github.com/hashicorp/terraform-provider-azuread/issues/1424
func (d *Double) createApplicationPassword(in props) (id, value string, err error) {
	objectID := text(in, "applicationObjectId")
	if v := text(in, "applicationId"); v != "" {
		if objectID, err = parseApplicationID(v); err != nil {
			return "", "", err
		}
	}
	err = d.change(func(s *state) error {
		a, err := s.application(objectID)
		if err != nil {
			return fmt.Errorf("retrieving application with object ID %q: %w", objectID, err)
		}
		if err := d.mayChange(s, a.Owners); err != nil {
			return fmt.Errorf("adding password for application with object ID %q: %w", a.ObjectID, err)
		}
		var keyID string
		keyID, value, err = a.add(in, text(in, "endDate"), d.now())
		id = passwordID(a.ObjectID, keyID)
		return err
	})
	return id, value, err
}

// deletePassword removes the password of an application. The provider hands on Graph's refusal to remove one that does not exist. Its
// text is the one that another client ignores, https://github.com/hashicorp/vault-plugin-secrets-azure/blob/main/client.go; its status and
// code are assumed.
// Source: https://github.com/hashicorp/terraform-provider-azuread/blob/v2.53.1/internal/services/applications/application_password_resource.go
func (d *Double) deletePassword(id string) error {
	owner, keyID, err := parsePasswordID(id)
	if err != nil {
		return err
	}
	return d.change(func(s *state) error {
		a, err := s.application(owner)
		if err != nil || a.find(keyID) == nil {
			return fmt.Errorf("removing password credential %q from object %q: unexpected status 400 with OData error: Request_BadRequest: "+
				"No password credential found with keyId", keyID, owner)
		}
		if err := d.mayChange(s, a.Owners); err != nil {
			return fmt.Errorf("removing password credential %q from object %q: %w", keyID, owner, err)
		}
		a.drop(keyID)
		return nil
	})
}

// password finds a password by id, with the object id of its owner.
func (s *state) password(id string) (owner string, one *password, err error) {
	owner, keyID, err := parsePasswordID(id)
	if err != nil {
		return "", nil, err
	}
	if a, err := s.application(owner); err == nil {
		one = a.find(keyID)
	}
	if one == nil {
		return "", nil, objectNotFound(keyID)
	}
	return owner, one, nil
}

// passwordOutputs are the properties that Graph returns after creation, without the password.
func passwordOutputs(one *password) props {
	out := props{
		"endDate":   one.End.UTC().Format(time.RFC3339),
		"keyId":     one.KeyID,
		"startDate": one.Start.UTC().Format(time.RFC3339),
	}
	if one.DisplayName != "" {
		out["displayName"] = one.DisplayName
	}
	return out
}

func applicationOutputs(s *state, a *application) props {
	return merge(props{
		"appRoleIds":               props{},
		"applicationId":            a.ClientID,
		"clientId":                 a.ClientID,
		"disabledByMicrosoft":      "<nil>",
		"logoUrl":                  "",
		"owners":                   list(a.Owners),
		"oauth2PermissionScopeIds": props{},
		"objectId":                 a.ObjectID,
		"publisherDomain":          s.Tenant + ".example",
		"signInAudience":           "AzureADMyOrg",
	}, a.Settings)
}

func servicePrincipalOutputs(s *state, p *servicePrincipal) props {
	app, _ := s.byClient(p.ClientID)
	if app == nil {
		app = &application{}
	}
	return merge(props{
		"accountEnabled":           true,
		"appRoleIds":               props{},
		"appRoles":                 []any{},
		"applicationId":            p.ClientID,
		"applicationTenantId":      s.Tenant,
		"clientId":                 p.ClientID,
		"displayName":              text(app.Settings, "displayName"),
		"homepageUrl":              "",
		"logoutUrl":                "",
		"oauth2PermissionScopeIds": props{},
		"oauth2PermissionScopes":   []any{},
		"owners":                   list(p.Owners),
		"objectId":                 p.ObjectID,
		"redirectUris":             []any{},
		"samlMetadataUrl":          "",
		"servicePrincipalNames":    []any{}, // the provider leaves the client id out
		"signInAudience":           cmp.Or(text(app.Settings, "signInAudience"), "AzureADMyOrg"),
		"type":                     "Application",
	}, p.Settings)
}
