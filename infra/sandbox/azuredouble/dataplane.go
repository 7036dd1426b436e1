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

// tokenUser is the user name that goes with an access token instead of a password, as `az acr login` uses it.
const tokenUser = "00000000-0000-0000-0000-000000000000"

// adminPrincipal marks a registry's admin user among the principals; the registry's id follows.
const adminPrincipal = "admin:"

// What a registry answers to those who may not log in.
var (
	errNoRegistry  = errors.New("registry not found")
	errNotGUID     = errors.New("unauthorized: aad access token with sp failed client id must be guid")
	errNoApp       = errors.New("unauthorized: Application not registered with AAD")
	errWrongSecret = errors.New("unauthorized: Invalid clientid or client secret")
	errFirewall    = errors.New("client with IP '" + ClientIP + "' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.") //nolint:staticcheck // ACR's words
	errNoAuth      = errors.New("unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information")
)

// ClientIP is the address with which the sandbox's node and everybody else on the machine comes to a registry from the
// internet. It belongs to nobody (RFC 5737), and a registry with IP rules lets it in if they contain it.
const ClientIP = "203.0.113.10"

// Reachable tells why a registry's network refuses everybody on this machine; nil if it lets them in. They come through a
// private endpoint if the registry has one whose connection is approved, and from [ClientIP] otherwise. A new registry is
// open until Options.OnRegistry has succeeded: what fills it stands for a pipeline inside the network.
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

// OwnerCredential is what the deploying user logs in to a registry with, as after `az acr login`: a user name that is
// always the same and a password that is good for as long as the process lives. It allows everything on every registry.
func (d *Double) OwnerCredential() (username, password string) { return tokenUser, d.derive("owner") }

// RegistryExists tells whether there is a registry with that login server, such as "name.azurecr.io".
func (d *Double) RegistryExists(loginServer string) bool {
	return d.current().registry(loginServer) != nil
}

// Authenticate logs in to a registry and gives the principal, for [Double.Allowed]. A service principal logs in with its
// client id and one of the passwords of itself or of its application. The error is what a person sees.
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
	if truth(r.Settings, "adminUserEnabled") && strings.EqualFold(username, text(r.Settings, "registryName")) {
		if same(d.adminPassword(r.ID), password) {
			return adminPrincipal + r.ID, nil
		}
		return "", errNoAuth
	}
	if uuid.Validate(username) != nil {
		return "", errNotGUID
	}
	app, p := s.byClient(username)
	if app == nil || p == nil {
		return "", errNoApp
	}
	now, replication := d.now(), d.conditions.Load().Replication
	if !enabled(p) || (!app.valid(password, now, replication) && !p.valid(password, now, replication)) {
		return "", errWrongSecret
	}
	return p.ObjectID, nil
}

// Allowed tells whether a principal may do something in a registry: "pull", "push" or "delete". That depends on the roles
// it has on the registry, its resource group or the subscription, if they have had the time to reach the registry, and for a
// token on its scope map. Nobody in particular, the empty principal, may pull from a registry with anonymous pull, but not
// list its repositories, for which the repository is empty.
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
		return action == "pull" && repository != "" && truth(r.Settings, "anonymousPullEnabled")
	}
	if id, isAdmin := strings.CutPrefix(principal, adminPrincipal); isAdmin {
		return strings.EqualFold(id, r.ID) && truth(r.Settings, "adminUserEnabled")
	}
	if id, isToken := strings.CutPrefix(principal, tokenPrincipal); isToken {
		return covers(r.ID, id) && s.tokenAllows(id, repository, action)
	}
	if principal != s.Kubelet {
		if p, err := s.principalByID(principal); err != nil || !enabled(p) {
			return false
		}
	}
	// What has been withdrawn counts until the registry has heard of it.
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

// roleAllows tells whether a role assignment allows an action on a repository, in a registry in the one mode or the other:
// none of the roles counts in both.
func (s *state) roleAllows(assignment *armResource, abac bool, repository, action string) bool {
	guid, err := s.role(text(assignment.Settings, "roleDefinitionId"))
	if err != nil || roles[guid].abac != abac || !slices.Contains(roles[guid].actions, action) {
		return false
	}
	repositories, limited, err := parseCondition(text(assignment.Settings, "condition"))
	return err == nil && (!limited || slices.ContainsFunc(repositories, func(name string) bool { return strings.EqualFold(name, repository) }))
}

// covers tells that a scope is a resource or something that contains it.
func covers(scope, id string) bool {
	scope, id = strings.ToLower(strings.TrimSuffix(scope, "/")), strings.ToLower(id)
	return scope == id || strings.HasPrefix(id, scope+"/")
}

func enabled(p *servicePrincipal) bool {
	on, given := p.Settings["accountEnabled"].(bool)
	return on || !given
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Describe says what kind of principal has logged in to a registry, and which; nothing for nobody in particular.
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
