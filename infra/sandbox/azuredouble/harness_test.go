package azuredouble

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	groupType     = "azure-native:resources/v20220901:ResourceGroup"
	module        = "azure-native:containerregistry/v20231101preview:"
	registryTok   = module + "Registry"
	replicaTok    = module + "Replication"
	webhookTok    = module + "Webhook"
	cacheTok      = module + "CacheRule"
	credentialTok = module + "CredentialSet"
	taskTok       = registryModule + "Task"
	lockTok       = "azure-native:authorization/v20200501:ManagementLockByScope"
	roleType      = "azure-native:authorization/v20220401:RoleAssignment"
	endpointTok   = "azure-native:network/v20210201:PrivateEndpoint"
	zoneGroupTok  = "azure-native:network/v20210201:PrivateDnsZoneGroup"
	diagnosticTok = "azure-native:insights/v20210501preview:DiagnosticSetting"
	appType       = "azuread:index/application:Application"
	spType        = "azuread:index/servicePrincipal:ServicePrincipal"
	appPassType   = "azuread:index/applicationPassword:ApplicationPassword"
	acrPull       = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
	acrPush       = "8311e382-0749-4cb8-b61a-304f252e45ec"
	acrDelete     = "c2f4ef07-c644-48eb-af81-4b1b4947fb11"
	reader        = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
	owner         = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	accessAdmin   = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
	vaultUser     = "4633458b-17de-408a-b874-0445c86b69e6"
	unknownRole   = "00000000-1111-2222-3333-444444444444"
	otherGUID     = "99999999-1111-2222-3333-444444444444"
	seed          = "0123456789abcdef0123456789abcdef"
	elsewhere     = "/subscriptions/99999999-1111-2222-3333-444444444444/resourceGroups/shared/providers/" // another user's
	userIdentity  = elsewhere + "Microsoft.ManagedIdentity/userAssignedIdentities/registry"
	vault         = elsewhere + "Microsoft.KeyVault/vaults/acme"
	subnetID      = elsewhere + "Microsoft.Network/virtualNetworks/hub/subnets/nodes"
	zone          = elsewhere + "Microsoft.Network/privateDnsZones/privatelink.azurecr.io"
	workspace     = elsewhere + "Microsoft.OperationalInsights/workspaces/logs"
	vaultKey      = "https://acme.vault.azure.net/keys/registry"
	testGroup     = "rg"
	testRegistry  = "acme12345"

	deadline = 30 * time.Second
	tick     = 5 * time.Millisecond
)

// clock is a manual clock.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// engine acts as Pulumi's engine over gRPC.
type engine struct {
	t       *testing.T
	double  *Double
	clock   *clock
	native  pulumirpc.ResourceProviderClient
	ad      pulumirpc.ResourceProviderClient
	classic pulumirpc.ResourceProviderClient
}

// deployed is a resource in a stack's state.
type deployed struct {
	token, name, id string
	inputs, outputs resource.PropertyMap
}

func newEngine(t *testing.T, o Options) *engine {
	t.Helper()
	c := newClock()
	if o.Now == nil {
		o.Now = c.now
	}
	if o.StatePath == "" {
		o.StatePath = filepath.Join(t.TempDir(), "state.json")
	}
	d, err := Open(o)
	require.NoError(t, err)
	e := &engine{t: t, double: d, clock: c}
	e.native, e.ad, e.classic = serve(t, d)
	return e
}

// serve runs the double and connects to its providers, until the test ends.
func serve(t *testing.T, d *Double) (native, ad, classic pulumirpc.ResourceProviderClient) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var listeners [3]net.Listener
	var clients [3]pulumirpc.ResourceProviderClient
	for i := range listeners {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		listeners[i], clients[i] = l, pulumirpc.NewResourceProviderClient(conn)
	}
	done := make(chan error, 1)
	go func() { done <- d.Serve(ctx, listeners[0], listeners[1], listeners[2]) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return clients[0], clients[1], clients[2]
}

func (e *engine) client(token string) pulumirpc.ResourceProviderClient {
	switch name, _, _ := strings.Cut(token, ":"); name {
	case "azuread":
		return e.ad
	case "azure":
		return e.classic
	}
	return e.native
}

func urn(token, name string) string { return "urn:pulumi:dev::test::" + token + "::" + name }

func wire(t *testing.T, m resource.PropertyMap) *structpb.Struct {
	t.Helper()
	if m == nil {
		return nil
	}
	s, err := plugin.MarshalProperties(m, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true})
	require.NoError(t, err)
	return s
}

func unwire(t *testing.T, s *structpb.Struct) resource.PropertyMap {
	t.Helper()
	m, err := plugin.UnmarshalProperties(s, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true})
	require.NoError(t, err)
	return m
}

// check validates a program's inputs, the engine's first step.
func (e *engine) check(token, name string, olds, news resource.PropertyMap) (resource.PropertyMap, []string) {
	e.t.Helper()
	resp, err := e.client(token).Check(context.Background(), &pulumirpc.CheckRequest{
		Urn: urn(token, name), Name: name, Type: token, Olds: wire(e.t, olds), News: wire(e.t, news), RandomSeed: []byte(seed + token + name),
	})
	require.NoError(e.t, err)
	var failures []string
	for _, f := range resp.GetFailures() {
		failures = append(failures, f.GetProperty()+": "+f.GetReason())
	}
	return unwire(e.t, resp.GetInputs()), failures
}

// try creates a resource and can fail.
func (e *engine) try(token, name string, in props) (*deployed, error) {
	e.t.Helper()
	inputs, failures := e.check(token, name, nil, fromProps(in))
	require.Empty(e.t, failures)
	resp, err := e.client(token).Create(context.Background(), &pulumirpc.CreateRequest{
		Urn: urn(token, name), Name: name, Type: token, Properties: wire(e.t, inputs),
	})
	if err != nil {
		return nil, err
	}
	return &deployed{
		token: token, name: name, id: resp.GetId(), inputs: inputs, outputs: unwire(e.t, resp.GetProperties()),
	}, nil
}

// create creates a resource.
func (e *engine) create(token, name string, in props) *deployed {
	e.t.Helper()
	r, err := e.try(token, name, in)
	require.NoError(e.t, err)
	return r
}

// plan checks a resource's new inputs and returns the diff.
func (e *engine) plan(r *deployed, in props) (resource.PropertyMap, *pulumirpc.DiffResponse) {
	e.t.Helper()
	inputs, failures := e.check(r.token, r.name, r.inputs, fromProps(in))
	require.Empty(e.t, failures)
	resp, err := e.client(r.token).Diff(context.Background(), &pulumirpc.DiffRequest{
		Id: r.id, Urn: urn(r.token, r.name), Name: r.name, Type: r.token,
		Olds: wire(e.t, r.outputs), OldInputs: wire(e.t, r.inputs), News: wire(e.t, inputs),
	})
	require.NoError(e.t, err)
	return inputs, resp
}

// update changes a resource in place.
func (e *engine) update(r *deployed, in props) error {
	e.t.Helper()
	inputs, diff := e.plan(r, in)
	require.Empty(e.t, diff.GetReplaces())
	resp, err := e.client(r.token).Update(context.Background(), &pulumirpc.UpdateRequest{
		Id: r.id, Urn: urn(r.token, r.name), Name: r.name, Type: r.token,
		Olds: wire(e.t, r.outputs), OldInputs: wire(e.t, r.inputs), News: wire(e.t, inputs),
	})
	if err == nil {
		r.inputs, r.outputs = inputs, unwire(e.t, resp.GetProperties())
	}
	return err
}

// refresh reads a resource, and returns false if missing.
func (e *engine) refresh(r *deployed) bool {
	e.t.Helper()
	resp, err := e.client(r.token).Read(context.Background(), &pulumirpc.ReadRequest{
		Id: r.id, Urn: urn(r.token, r.name), Name: r.name, Type: r.token,
		Properties: wire(e.t, r.outputs), Inputs: wire(e.t, r.inputs),
	})
	require.NoError(e.t, err)
	if resp.GetId() == "" {
		return false
	}
	r.inputs, r.outputs = unwire(e.t, resp.GetInputs()), unwire(e.t, resp.GetProperties())
	return true
}

func (e *engine) destroy(r *deployed) {
	e.t.Helper()
	require.NoError(e.t, e.tryDestroy(r))
}

// tryDestroy deletes a resource and can fail.
func (e *engine) tryDestroy(r *deployed) error {
	e.t.Helper()
	_, err := e.client(r.token).Delete(context.Background(), &pulumirpc.DeleteRequest{
		Id: r.id, Urn: urn(r.token, r.name), Name: r.name, Type: r.token,
		Properties: wire(e.t, r.outputs), OldInputs: wire(e.t, r.inputs),
	})
	return err
}

func (e *engine) invoke(token string, args props) (props, error) {
	e.t.Helper()
	resp, err := e.client(token).Invoke(context.Background(), &pulumirpc.InvokeRequest{Tok: token, Args: wire(e.t, fromProps(args))})
	if err != nil {
		return nil, err
	}
	require.Empty(e.t, resp.GetFailures())
	return toProps(unwire(e.t, resp.GetReturn())), nil
}

// out is a plain output of a resource.
func (r *deployed) out(path ...string) string { return text(toProps(r.outputs), path...) }

func (e *engine) roleID(guid string) string {
	return e.double.current().subscriptionID() + "/providers/Microsoft.Authorization/roleDefinitions/" + guid
}

// group and registry begin most tests.
func (e *engine) group() *deployed {
	e.t.Helper()
	return e.create(groupType, "group", props{"resourceGroupName": testGroup, "location": "westeurope"})
}

func registryInputs(more props) props {
	return merge(props{"registryName": testRegistry, "resourceGroupName": testGroup, "sku": props{"name": "Basic"}}, more)
}

func (e *engine) registry(more props) *deployed {
	e.t.Helper()
	return e.create(registryTok, "registry", registryInputs(more))
}

// identity is an application with its service principal and a password.
type identity struct{ app, principal, password *deployed }

func (i identity) clientID() string { return i.app.out("clientId") }
func (i identity) objectID() string { return i.principal.out("objectId") }
func (i identity) secret() string   { return i.password.out("value") }

func (e *engine) identity(name string) identity {
	e.t.Helper()
	app := e.create(appType, name, props{"displayName": name})
	return identity{
		app:       app,
		principal: e.create(spType, name, props{"clientId": app.out("clientId")}),
		password:  e.create(appPassType, name, props{"applicationId": app.id}),
	}
}

func (e *engine) assign(name, principal, guid, scope string) *deployed {
	e.t.Helper()
	return e.create(roleType, name, props{
		"principalId": principal, "principalType": "ServicePrincipal", "roleDefinitionId": e.roleID(guid), "scope": scope,
	})
}

// armOf is a kind of ARM resources, without the provider in front of it.
func armOf(token string) *kind {
	return allKinds()[slices.IndexFunc(allKinds(), func(k *kind) bool { return k.token == Unversioned(token) })]
}
