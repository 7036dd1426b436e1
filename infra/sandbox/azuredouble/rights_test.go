package azuredouble

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const kubeconfig = `{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}], users: [{name: a, user: {}}]}`

// permissionCase is a mode or a feature, and its roles from the table in infra/docs/security.md.
type permissionCase struct {
	registry string
	// more is additional stack configuration.
	more []string
	// roles maps role names to scopes; "" is the subscription.
	roles map[string]string
	graph string
	// existing means that another user has already created the registry.
	existing bool
}

const base = "Contributor"

var (
	roleAdmin = "Role Based Access Control Administrator"
	cluster   = "/resourceGroups/" + AKSCluster + "/providers/Microsoft.ContainerService/managedClusters/" + AKSCluster
	existing  = "/resourceGroups/" + testGroup + "/providers/" + registryType + "/" + testRegistry
	aks       = []string{"  acr-microservices:cluster: {aks: {resourceGroup: sandbox, name: sandbox}}\n"}
)

var permissionCases = map[string]permissionCase{
	"service principal": {
		registry: "{sku: Basic}", roles: map[string]string{base: "", roleAdmin: ""}, graph: GraphOwnedBy,
	},
	"service principal, deployed by a user": {
		registry: "{sku: Basic}", roles: map[string]string{base: "", roleAdmin: ""}, graph: GraphDeveloper,
	},
	"tokens": {registry: "{sku: Basic, pull: {mode: token}}", roles: map[string]string{base: ""}},
	"existing registry, kubelet identity": {
		registry: "{existing: {name: " + testRegistry + ", resourceGroup: " + testGroup + "}, pull: {mode: kubeletIdentity}}", existing: true, more: aks,
		roles: map[string]string{roleAdmin: existing, "Azure Kubernetes Service Cluster User Role": cluster},
	},
	"lock": {
		// User Access Administrator replaces the role administrator: it includes all rights of that role.
		registry: "{sku: Basic, lock: true, protect: false, pull: {mode: token}}", roles: map[string]string{base: "", "User Access Administrator": ""},
	},
	"private endpoint": {
		registry: "{sku: Premium, pull: {mode: token}, privateEndpoint: {subnetId: " + subnetID + ", dnsZoneId: " + zone + "}}",
		roles:    map[string]string{base: "", "Network Contributor": subnetID, "Private DNS Zone Contributor": zone},
	},
	"diagnostics": {
		registry: "{sku: Basic, pull: {mode: token}, diagnostics: {workspaceId: " + workspace + "}}",
		roles:    map[string]string{base: "", "Log Analytics Contributor": workspace},
	},
	"identity": {
		registry: "{sku: Premium, pull: {mode: token}, identity: {user: [" + userIdentity + "]}}",
		roles:    map[string]string{base: "", "Managed Identity Operator": userIdentity},
	},
	"cache": {
		registry: "{sku: Basic, pull: {mode: token}, cache: {rules: {nginx: {source: docker.io/library/nginx, target: nginx, credentials: hub-login}}," +
			" credentials: {hub-login: {loginServer: docker.io, usernameSecretId: 'https://acme.vault.azure.net/secrets/user'," +
			" passwordSecretId: 'https://acme.vault.azure.net/secrets/password', keyVaultId: " + vault + "}}}}",
		roles: map[string]string{base: "", roleAdmin: vault},
	},
	"purge": {registry: "{sku: Basic, pull: {mode: token}, purge: {schedule: '30 2 * * *', olderThan: 90d}}", roles: map[string]string{base: ""}},
	"push": {
		registry: "{sku: Basic, pull: {mode: token}, push: [{principalId: " + otherGUID + "}]}", roles: map[string]string{base: "", roleAdmin: ""},
	},
	"replicas and webhooks": {
		registry: "{sku: Premium, pull: {mode: token}, replicas: [{location: northeurope}], webhooks: {mirror: {serviceUri: 'https://mirror.example.com'," +
			" actions: [push]}}}",
		roles: map[string]string{base: ""},
	},
	"import": {
		registry: "{sku: Basic, pull: {mode: token}}", more: []string{"    nginx: {image: {tag: '1.29', import: {source: docker.io/library/nginx:1.29}}, chart: {check: false}}\n"},
		roles: map[string]string{base: "", roleAdmin: ""},
	},
	"build": {
		registry: "{sku: Basic, pull: {mode: token}}", more: []string{"    shop: {image: {tag: '1', build: {context: 'https://github.com/example/shop.git#main'}}, chart: {check: false}}\n"},
		roles: map[string]string{base: ""},
	},
	"existing registry, tokens": {
		registry: "{existing: {name: " + testRegistry + ", resourceGroup: " + testGroup + "}, pull: {mode: token}}", existing: true,
		roles: map[string]string{base: existing},
	},
}

// permitted is the stack of a case, with all that other users create, and the rights of the case except one.
func permitted(t *testing.T, c permissionCase, without string) *stack {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(file, []byte(kubeconfig), 0o600))
	s := newStack(t, Options{Kubeconfig: file, RunTask: func(context.Context, TaskRun) error { return nil }})
	if c.existing {
		s.group()
		s.registry(nil)
	}
	rights := &Rights{Graph: c.graph}
	if without == c.graph {
		rights.Graph = ""
	}
	for role, scope := range c.roles {
		if role == without {
			continue
		}
		if strings.HasPrefix(scope, "/resourceGroups/") {
			scope = s.double.current().subscriptionID() + scope
		}
		rights.Azure = append(rights.Azure, Grant{Role: role, Scope: scope})
	}
	s.double.SetConditions(Conditions{Rights: rights})
	return s
}

// TestPermissions: the permissions of the table suffice for an update, a refresh, a rotation and the destruction.
func TestPermissions(t *testing.T) {
	for name, c := range permissionCases {
		t.Run(name, func(t *testing.T) {
			s := permitted(t, c, "nothing")
			before := s.double.Inventory()
			stack := parse(t, c.registry, c.more...)
			require.NoError(t, s.up(t, stack))
			require.NotEqual(t, before, s.double.Inventory())
			require.NoError(t, s.refresh())
			require.NoError(t, s.up(t, parse(t, c.registry, append(slices.Clone(c.more), "  acr-microservices:rotation: {generation: 1}\n")...)))
			require.NoError(t, s.refresh())
			require.NoError(t, s.down())
			assert.Equal(t, before, s.double.Inventory())
		})
	}
}

// TestMissingPermissions: if one is missing, an update fails with the error of Azure or Microsoft Graph.
func TestMissingPermissions(t *testing.T) {
	for name, c := range permissionCases {
		all := slices.Sorted(maps.Keys(c.roles))
		if c.graph != "" {
			all = append(all, c.graph)
		}
		for _, missing := range all {
			t.Run(fmt.Sprintf("%s without %s", name, missing), func(t *testing.T) {
				err := permitted(t, c, missing).up(t, parse(t, c.registry, c.more...))
				want := "AuthorizationFailed"
				if missing == c.graph {
					want = "Authorization_RequestDenied: Insufficient privileges to complete the operation."
				}
				require.ErrorContains(t, err, want)
			})
		}
	}
}

// TestOwners: the provider removes an Entra object's creator from its owners, unless the program lists them; the creator then
// needs rights over all objects for changes.
func TestOwners(t *testing.T) {
	for _, graph := range []string{GraphAll, GraphOwnedBy, GraphDeveloper} {
		e := newEngine(t, Options{})
		me, err := e.invoke("azuread:index/getClientConfig:getClientConfig", nil)
		require.NoError(t, err)
		e.double.SetConditions(Conditions{Rights: &Rights{Graph: graph}})

		lost := e.create(appType, "lost", props{"displayName": "lost"})
		e.want(lost, []any{}, "owners")
		refused := []error{
			second(e.try(spType, "lost", props{"clientId": lost.out("clientId")})),
			second(e.try(appPassType, "lost", props{"applicationId": lost.id})),
			e.update(lost, props{"displayName": "renamed"}), e.tryDestroy(lost),
		}
		for i, err := range refused[:3] {
			if graph == GraphAll {
				require.NoError(t, err)
				continue
			}
			require.ErrorContains(t, err, "unexpected status 403 with OData error: Authorization_RequestDenied", "%s, %d", graph, i)
		}

		owners := []any{me["objectId"]}
		app := e.create(appType, "mine", props{"displayName": "mine", "owners": owners})
		principal := e.create(spType, "mine", props{"clientId": app.out("clientId"), "owners": owners})
		password := e.create(appPassType, "mine", props{"applicationId": app.id})
		for _, r := range []*deployed{app, principal} {
			e.want(r, owners, "owners")
			before := r.inputs
			require.True(t, e.refresh(r))
			assert.Equal(t, before, r.inputs)
		}
		for _, r := range []*deployed{password, principal, app} {
			e.destroy(r)
		}
	}
}

func second(_ *deployed, err error) error { return err }

// TestEntraQuota: deleted objects count for thirty days more.
func TestEntraQuota(t *testing.T) {
	e := newEngine(t, Options{})
	e.double.SetConditions(Conditions{Rights: &Rights{Graph: GraphOwnedBy}})
	require.NoError(t, e.double.change(func(s *state) error {
		for i := range entraQuota - 1 {
			s.keepDeleted(fmt.Sprint(i), e.clock.now())
		}
		return nil
	}))
	owners := []any{e.double.current().Owner}
	last := e.create(appType, "last", props{"displayName": "last", "owners": owners})
	const said = "unexpected status 403 with OData error: Directory_QuotaExceeded: The directory object quota limit for the Principal"
	e.fails(appType, props{"displayName": "more", "owners": owners}, said)
	e.destroy(last)
	e.fails(appType, props{"displayName": "more", "owners": owners}, said)
	e.clock.advance(restorable)
	e.create(appType, "more", props{"displayName": "more", "owners": owners})
}

// TestWithdrawnRole: a removed role takes as long to take effect as a new one.
func TestWithdrawnRole(t *testing.T) {
	e := newEngine(t, Options{Conditions: Conditions{PullPropagation: propagation}})
	e.group()
	registry, pull := e.registry(nil), e.identity("pull")
	role := e.assign("pull", pull.objectID(), acrPull, registry.id)
	may := func() bool { return e.double.Allowed(server, pull.objectID(), "api", "pull") }
	assert.False(t, may())
	e.clock.advance(propagation)
	assert.True(t, may())
	e.destroy(role)
	assert.True(t, may())
	e.clock.advance(propagation)
	assert.False(t, may())
}

const propagation = 10 * time.Minute

// TestPasswordUnderLock: under a lock against deletion, a password can be deleted: it changes the token.
func TestPasswordUnderLock(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	token := e.token()
	password := e.tokenPassword(token)
	e.create(lockTok, "lock", props{"scope": parentID(token.id), "lockName": "keep", "level": "CanNotDelete"})
	e.destroy(password)
	require.ErrorContains(t, e.tryDestroy(token), "ScopeLocked")
}
