package azuredouble

import (
	"crypto/subtle"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// tokenUser is the user name of a login with an access token instead of a password, as in `az acr login`.
const tokenUser = "00000000-0000-0000-0000-000000000000"

// A registry's errors for rejected logins.
var (
	errNoRegistry  = errors.New("registry not found")
	errNotGUID     = errors.New("unauthorized: aad access token with sp failed client id must be guid")
	errNoApp       = errors.New("unauthorized: Application not registered with AAD")
	errWrongSecret = errors.New("unauthorized: Invalid clientid or client secret")
	errFirewall    = errors.New("client with IP '" + ClientIP + "' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.") //nolint:staticcheck // ACR's words
	errNoAuth      = errors.New("unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information")
)

// ClientIP is the address from which the sandbox's node and all other clients on the machine reach a registry over the
// internet. It is unassigned (RFC 5737). A registry with IP rules accepts it if they contain it.
const ClientIP = "203.0.113.10"

// Reachable returns the error with which a registry's network rejects clients on this machine, or nil. They connect through a
// private endpoint if the registry has one whose connection is approved, and from [ClientIP] otherwise. A new registry is open
// until Options.OnRegistry succeeds, because that acts as a pipeline inside the network.
func (d *Double) Reachable(loginServer string) error {
	s := d.current()
	r := s.registry(loginServer)
	if r == nil || !r.Ready {
		return nil
	}
	for _, endpoint := range s.endpoints(r) {
		if text(s.connectionState(endpoint), "status") == "Approved" {
			return nil
		}
	}
	open := text(r.Settings, "networkRuleSet", "defaultAction") != "Deny"
	for _, rule := range objects(r.Settings, "networkRuleSet", "ipRules") {
		prefix, ok := ipRange(text(rule, "iPAddressOrRange"))
		open = open || ok && prefix.Contains(netip.MustParseAddr(ClientIP))
	}
	if open && text(r.Settings, "publicNetworkAccess") != "Disabled" {
		return nil
	}
	return errFirewall
}

// OwnerCredential returns the deploying user's login to a registry, as after `az acr login`: a fixed user name, and a password
// that is valid until the process ends. It permits everything on every registry.
func (d *Double) OwnerCredential() (username, password string) { return tokenUser, d.derive("owner") }

// RegistryExists reports whether a registry has that login server, such as "name.azurecr.io".
func (d *Double) RegistryExists(loginServer string) bool {
	return d.current().registry(loginServer) != nil
}

// Authenticate logs in to a registry and returns the principal for [Double.Allowed]. A service principal logs in with its
// client id and a password of its application. The error is the user-visible message.
func (d *Double) Authenticate(loginServer, username, password string) (principal string, err error) {
	s := d.current()
	r := s.registry(loginServer)
	if r == nil {
		return "", errNoRegistry
	}
	if username == tokenUser {
		if _, owner := d.OwnerCredential(); same(owner, password) {
			return s.Owner, nil
		}
		if _, kubelet := d.KubeletCredential(); same(kubelet, password) {
			return s.Kubelet, nil
		}
		return "", errNoAuth
	}
	if token := s.token(r, username); token != nil {
		if token.Credentials == nil || !token.Credentials.valid(password, d.now(), 0) {
			return "", errNoAuth
		}
		return tokenPrincipal + token.ID, nil
	}
	if uuid.Validate(username) != nil {
		return "", errNotGUID
	}
	app, p := s.byClient(username)
	if app == nil || p == nil {
		return "", errNoApp
	}
	if !enabled(p) || !app.valid(password, d.now(), d.conditions.Load().Replication) {
		return "", errWrongSecret
	}
	return p.ObjectID, nil
}

// Allowed reports whether a principal has permission for an action in a registry: "pull", "push" or "delete". This depends on
// its roles on the registry, its resource group or the subscription, once they have reached the registry, and for a token on
// its scope map. An anonymous caller (the empty principal) can pull from a registry with anonymous pull.
func (d *Double) Allowed(loginServer, principal, repository, action string) bool {
	s, conditions := d.current(), d.conditions.Load()
	r := s.registry(loginServer)
	if r == nil || !slices.Contains([]string{"pull", "push", "delete"}, action) {
		return false
	}
	switch principal {
	case s.Owner:
		return true
	case "":
		return action == "pull" && truth(r.Settings, "anonymousPullEnabled")
	}
	if id, isToken := strings.CutPrefix(principal, tokenPrincipal); isToken {
		return covers(r.ID, id) && s.tokenAllows(id, repository, action)
	}
	if principal != s.Kubelet {
		if p, err := s.principalByID(principal); err != nil || !enabled(p) {
			return false
		}
	}
	// Deleted assignments count until the deletion reaches the registry.
	assigned := slices.DeleteFunc(slices.Clone(s.Withdrawn), func(a *armResource) bool {
		return !d.now().Before(later(a.Changed, conditions.PullPropagation))
	})
	for _, a := range slices.AppendSeq(assigned, maps.Values(s.Resources)) {
		if !isRoleAssignment(a) || !strings.EqualFold(text(a.Settings, "principalId"), principal) {
			continue
		}
		reached := conditions.PullPropagation != Never && !d.now().Before(later(a.Created, conditions.PullPropagation))
		if reached && covers(text(a.Settings, "scope"), r.ID) && s.roleAllows(a, conditions.ABAC, repository, action) {
			return true
		}
	}
	return false
}

// roleAllows reports whether a role assignment allows an action on a repository in a registry with or without ABAC. No role
// applies in both modes.
func (s *state) roleAllows(assignment *armResource, abac bool, repository, action string) bool {
	guid, err := s.role(text(assignment.Settings, "roleDefinitionId"))
	if err != nil || roles[guid].abac != abac || !slices.Contains(roles[guid].actions, action) {
		return false
	}
	repositories, limited, err := parseCondition(text(assignment.Settings, "condition"))
	return err == nil && (!limited || slices.ContainsFunc(repositories, func(name string) bool { return strings.EqualFold(name, repository) }))
}

// covers reports whether a scope is a resource or contains it.
func covers(scope, id string) bool {
	scope, id = strings.ToLower(strings.TrimSuffix(scope, "/")), strings.ToLower(id)
	return scope == id || strings.HasPrefix(id, scope+"/")
}

func enabled(p *servicePrincipal) bool {
	on, given := p.Settings["accountEnabled"].(bool)
	return on || !given
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Describe returns the kind and the id of a registry's principal, or "" for an anonymous caller.
func (d *Double) Describe(principal string) string {
	token, isToken := strings.CutPrefix(principal, tokenPrincipal)
	switch {
	case principal == "":
		return ""
	case isToken:
		return "token " + token[strings.LastIndex(token, "/")+1:]
	case principal == d.current().Kubelet:
		return "the node's own identity"
	default:
		return "service principal " + principal
	}
}
