package infra

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"example.com/acr-microservices/infra/internal/charttest"
	"example.com/acr-microservices/infra/internal/projecttest"
)

// graph is what a run of the program requested from the engine.
type graph struct {
	mutex     sync.Mutex
	resources map[string]registered // by type and name
	outputs   resource.PropertyMap
	log       []string
}

// registered is one resource.
type registered struct {
	kind, name, parent string
	custom             bool
	protect, retain    bool
	version            string // of the provider
	inputs             resource.PropertyMap
	secretOutputs      []string
	dependencies       []string
	imported           string
	deletedWith        string
	provider           string   // an explicit one
	ignored            []string // inputs whose changes are ignored
	hooks              *pulumirpc.RegisterResourceRequest_ResourceHooksBinding
}

// deploy runs the whole program at testMoment, as an update or as a preview, against a mock of the engine. The SDK's own mocks
// cannot be used for the preview: they refuse a secret whose value is not known yet.
func deploy(stack projecttest.Stack, preview bool) (*graph, error) {
	g := &graph{resources: map[string]registered{}}
	config, err := atTestMoment(stack.Config)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer()
	pulumirpc.RegisterResourceMonitorServer(server, &mockMonitor{graph: g, preview: preview})
	pulumirpc.RegisterEngineServer(server, &mockEngine{graph: g})
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()

	ctx, err := pulumi.NewContext(context.Background(), pulumi.RunInfo{
		Project: projecttest.Project, Stack: projecttest.StackName, RootDirectory: projectRoot,
		Config: config, ConfigSecretKeys: stack.SecretKeys,
		DryRun: preview, Parallel: 16,
		MonitorAddr: listener.Addr().String(), EngineAddr: listener.Addr().String(),
	})
	if err != nil {
		return nil, err
	}
	return g, errors.Join(pulumi.RunWithContext(ctx, Deploy), ctx.Close())
}

// atTestMoment adds rotation.asOf to a configuration that has none.
func atTestMoment(config map[string]string) (map[string]string, error) {
	rotation := map[string]any{}
	if given, ok := config[projecttest.Project+":rotation"]; ok {
		if err := json.Unmarshal([]byte(given), &rotation); err != nil {
			return config, nil //nolint:nilerr // the program itself refuses a text
		}
	}
	if _, given := rotation["asOf"]; !given {
		rotation["asOf"] = testMoment
	}
	text, err := json.Marshal(rotation)
	config = maps.Clone(config)
	config[projecttest.Project+":rotation"] = string(text)
	return config, err
}

// mockMonitor records registrations. Like an engine, it answers with the inputs in a preview, and otherwise adds the provider's
// outputs.
type mockMonitor struct {
	pulumirpc.UnimplementedResourceMonitorServer
	graph   *graph
	preview bool
}

var keep = plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true}

func (m *mockMonitor) SupportsFeature(_ context.Context, req *pulumirpc.SupportsFeatureRequest) (*pulumirpc.SupportsFeatureResponse, error) {
	return &pulumirpc.SupportsFeatureResponse{HasSupport: req.GetId() == "secrets" || req.GetId() == "resourceHooks"}, nil
}

func (m *mockMonitor) RegisterResourceHook(_ context.Context, req *pulumirpc.RegisterResourceHookRequest) (*emptypb.Empty, error) {
	// Hooks that check or tell also run in a preview; hooks that act do not.
	if name, _, _ := strings.Cut(req.GetName(), "-"); req.GetOnDryRun() != slices.Contains([]string{"sameCluster", "downFromPremium", "newObject", "pushHint"}, name) {
		return nil, fmt.Errorf("hook %s: on a dry run %t", req.GetName(), req.GetOnDryRun())
	}
	return &emptypb.Empty{}, nil
}

func (m *mockMonitor) RegisterResource(_ context.Context, req *pulumirpc.RegisterResourceRequest) (*pulumirpc.RegisterResourceResponse, error) {
	inputs, err := plugin.UnmarshalProperties(req.GetObject(), keep)
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.RegisterResourceResponse{
		Urn:    fmt.Sprintf("urn:pulumi:%s::%s::%s::%s", projecttest.StackName, projecttest.Project, req.GetType(), req.GetName()),
		Object: req.GetObject(),
	}
	if req.GetType() == string(resource.RootStackType) {
		return response, nil
	}
	m.graph.mutex.Lock()
	defer m.graph.mutex.Unlock()
	key := req.GetType() + " " + req.GetName()
	if _, twice := m.graph.resources[key]; twice {
		return nil, fmt.Errorf("%s is registered twice", key)
	}
	m.graph.resources[key] = registered{
		kind: req.GetType(), name: req.GetName(), parent: shortURN(req.GetParent()), custom: req.GetCustom(),
		protect: req.GetProtect(), retain: req.GetRetainOnDelete(), version: req.GetVersion(),
		imported: req.GetImportId(), deletedWith: shortURN(req.GetDeletedWith()), provider: shortURN(req.GetProvider()), ignored: req.GetIgnoreChanges(), inputs: inputs, secretOutputs: req.GetAdditionalSecretOutputs(), hooks: req.GetHooks(),
		dependencies: shortURNs(req.GetDependencies()),
	}
	if m.preview || !req.GetCustom() {
		return response, nil
	}
	state := maps.Clone(inputs)
	maps.Copy(state, providerOutputs(req.GetType(), req.GetName(), inputs))
	response.Id = providerID(req.GetType(), req.GetName(), inputs)
	response.Object, err = plugin.MarshalProperties(state, keep)
	return response, err
}

func (m *mockMonitor) RegisterResourceOutputs(_ context.Context, req *pulumirpc.RegisterResourceOutputsRequest) (*emptypb.Empty, error) {
	outputs, err := plugin.UnmarshalProperties(req.GetOutputs(), keep)
	if err == nil && strings.Contains(req.GetUrn(), string(resource.RootStackType)) {
		m.graph.outputs = outputs
	}
	return &emptypb.Empty{}, err
}

// ReadResource answers for the stack that owns a registry.
func (m *mockMonitor) ReadResource(_ context.Context, req *pulumirpc.ReadResourceRequest) (*pulumirpc.ReadResourceResponse, error) {
	const owner = "acme/" + projecttest.Project + "/owner"
	outputs := map[string]any{}
	if req.GetId() == owner {
		outputs = map[string]any{
			"registryId": testRegistryID("contoso"), "registryName": "contoso", "loginServer": "contoso.azurecr.io",
		}
	}
	properties, err := structpb.NewStruct(map[string]any{"name": req.GetId(), "outputs": outputs, "secretOutputNames": []any{}})
	return &pulumirpc.ReadResourceResponse{Urn: "urn:pulumi:" + projecttest.StackName + "::" + projecttest.Project + "::" + req.GetType() + "::" + req.GetName(), Properties: properties}, err
}

// subscriptionOf returns the subscription of an explicit provider, empty for the default one.
func (m *mockMonitor) subscriptionOf(provider string) string {
	m.graph.mutex.Lock()
	defer m.graph.mutex.Unlock()
	urn, _, _ := strings.Cut(provider, "::"+provider[strings.LastIndex(provider, "::")+1:])
	for _, r := range m.graph.resources {
		if strings.HasPrefix(r.kind, "pulumi:providers:") && strings.Contains(urn, r.kind+"::"+r.name) && r.inputs["subscriptionId"].IsString() {
			return r.inputs["subscriptionId"].StringValue()
		}
	}
	return ""
}

// Invoke answers the functions that the program calls.
func (m *mockMonitor) Invoke(_ context.Context, req *pulumirpc.ResourceInvokeRequest) (*pulumirpc.ResourceInvokeResponse, error) {
	var answer map[string]any
	switch req.GetTok() {
	case "azure-native:authorization:getClientConfig":
		answer = map[string]any{"subscriptionId": cmp.Or(m.subscriptionOf(req.GetProvider()), "00000000-0000-0000-0000-000000000001")}
	case "azuread:index/getClientConfig:getClientConfig":
		answer = map[string]any{"objectId": testCaller}
	case "azure-native:containerregistry/v20231101preview:getRegistry":
		name := req.GetArgs().AsMap()["registryName"].(string)
		answer = map[string]any{"name": name, "loginServer": strings.ToLower(name) + ".azurecr.io", "id": testRegistryID(name)}
	case "azure-native:containerservice:listManagedClusterUserCredentials":
		answer = map[string]any{"kubeconfigs": map[string]any{resource.SigKey: resource.SecretSig, "value": []any{map[string]any{
			"name": "clusterUser", "value": base64.StdEncoding.EncodeToString([]byte(testKubeconfig)),
		}}}}
	case "azure-native:containerservice:getManagedCluster":
		answer = map[string]any{"identityProfile": map[string]any{
			"kubeletidentity": map[string]any{"objectId": "44444444-4444-4444-4444-444444444444"},
		}}
	case "azure-native:resources/v20220901:getResourceGroup":
		answer = map[string]any{"name": req.GetArgs().AsMap()["resourceGroupName"], "location": "northeurope"}
	case "kubernetes:helm:template":
		if strings.Contains(req.GetArgs().AsMap()["jsonOpts"].(string), "/unreachable") {
			return nil, errUnreachable
		}
		objects, err := charttest.RenderJSON(projectRoot, req.GetArgs().AsMap()["jsonOpts"].(string))
		if err != nil {
			return nil, err
		}
		if objects != nil {
			list := make([]any, len(objects))
			for i, object := range objects {
				list[i] = object
			}
			answer = map[string]any{"result": list}
		}
	default:
		return nil, fmt.Errorf("no mock for %s", req.GetTok())
	}
	fields, err := structpb.NewStruct(answer)
	return &pulumirpc.ResourceInvokeResponse{Return: fields}, err
}

func testRegistryID(name string) string {
	return "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/platform/providers/Microsoft.ContainerRegistry/registries/" + name
}

// providerID is the id that the real provider gives a resource. The program reads names from the ids of group and registry.
func providerID(kind, name string, inputs resource.PropertyMap) string {
	const subscription = "/subscriptions/00000000-0000-0000-0000-000000000001"
	text := func(key resource.PropertyKey) string { return inputs[key].StringValue() }
	switch kind {
	case "azure-native:resources/v20220901:ResourceGroup":
		return subscription + "/resourceGroups/" + text("resourceGroupName")
	case "azure-native:containerregistry/v20231101preview:Registry":
		return subscription + "/resourceGroups/" + text("resourceGroupName") + "/providers/Microsoft.ContainerRegistry/registries/" + text("registryName")
	}
	return name + "-id"
}

// providerOutputs are the outputs of the real providers on which the program depends.
func providerOutputs(kind, name string, inputs resource.PropertyMap) resource.PropertyMap {
	text := resource.NewProperty[string]
	// The physical name is the one in the inputs, or an automatic name made from the logical one.
	physical := func(key resource.PropertyKey) string {
		if given := inputs[key]; given.IsString() {
			return given.StringValue()
		}
		return name + "1a2b3c4d"
	}
	switch kind {
	case "azure-native:resources/v20220901:ResourceGroup":
		return resource.PropertyMap{"name": text(physical("resourceGroupName"))}
	case "azure-native:containerregistry/v20231101preview:Registry":
		registry := physical("registryName")
		host, suffix := strings.ToLower(registry), ".azurecr.io"
		if location := inputs["location"]; location.IsString() && strings.HasPrefix(location.StringValue(), "usgov") {
			suffix = ".azurecr.us"
		}
		if registry == "LabelledRegistry" {
			host += "-a1b2"
		}
		return resource.PropertyMap{"name": text(registry), "loginServer": text(host + suffix)}
	case "azure-native:containerregistry/v20231101preview:CredentialSet":
		return resource.PropertyMap{"identity": resource.NewProperty(resource.PropertyMap{
			"principalId": text("33333333-3333-3333-3333-333333333333"), "type": text("SystemAssigned"), "tenantId": text(""),
		})}
	case "azure-native:containerregistry/v20190601preview:Task":
		return resource.PropertyMap{"identity": resource.NewProperty(resource.PropertyMap{"principalId": text("77777777-7777-7777-7777-777777777777")})}
	case "azure-native:network/v20210201:PrivateEndpoint":
		return resource.PropertyMap{"name": text(physical("privateEndpointName"))}
	case "azuread:index/application:Application":
		return resource.PropertyMap{"clientId": text("11111111-1111-1111-1111-111111111111")}
	case "azuread:index/servicePrincipal:ServicePrincipal":
		return resource.PropertyMap{"objectId": text("22222222-2222-2222-2222-222222222222")}
	case "azuread:index/applicationPassword:ApplicationPassword":
		return resource.PropertyMap{"value": resource.MakeSecret(text(testPassword + " " + name))}
	case "azure-native:containerregistry/v20231101preview:Token":
		return resource.PropertyMap{"name": inputs["tokenName"]}
	case "azure:containerservice/tokenPassword:TokenPassword":
		return resource.PropertyMap{"password1": resource.NewProperty(resource.PropertyMap{
			"expiry": inputs["password1"].ObjectValue()["expiry"], "value": resource.MakeSecret(text(testPassword + " " + name)),
		})}
	case "kubernetes:helm.sh/v3:Release":
		return resource.PropertyMap{"status": resource.NewProperty(resource.PropertyMap{"status": text("deployed")})}
	}
	return nil
}

// mockEngine records the log.
type mockEngine struct {
	pulumirpc.UnimplementedEngineServer
	graph *graph
	root  string
}

func (e *mockEngine) Log(_ context.Context, req *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	e.graph.mutex.Lock()
	defer e.graph.mutex.Unlock()
	e.graph.log = append(e.graph.log, req.GetMessage())
	return &emptypb.Empty{}, nil
}

func (e *mockEngine) GetRootResource(context.Context, *pulumirpc.GetRootResourceRequest) (*pulumirpc.GetRootResourceResponse, error) {
	return &pulumirpc.GetRootResourceResponse{Urn: e.root}, nil
}

func (e *mockEngine) SetRootResource(_ context.Context, req *pulumirpc.SetRootResourceRequest) (*pulumirpc.SetRootResourceResponse, error) {
	e.root = req.GetUrn()
	return &pulumirpc.SetRootResourceResponse{}, nil
}
