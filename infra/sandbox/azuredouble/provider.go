package azuredouble

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxMessage is the engine's maximum message size, in bytes.
const maxMessage = 400 << 20

// function is a provider function that a program invokes.
type function struct {
	token  string
	args   *schema
	call   func(d *Double, in props) (props, error)
	secret []string // results that are secret
}

// provider is azure-native, azuread or azure. It outlives the engines that attach to it; several can be attached.
type provider struct {
	plugin.UnimplementedProvider
	double    *Double
	name      string
	version   semver.Version
	kinds     map[string]*kind
	functions map[string]*function
	client    *retrier

	mu       sync.Mutex
	location string        // from the configuration
	canceled chan struct{} // closed to cancel the current operations
}

func newProvider(d *Double, name, version string, kinds []*kind, functions []*function) *provider {
	p := &provider{
		double: d, name: name, version: semver.MustParse(version),
		kinds: map[string]*kind{}, functions: map[string]*function{}, canceled: make(chan struct{}), client: armRetrier,
	}
	if name == "azuread" {
		p.client = graphRetrier
	}
	for _, k := range kinds {
		p.kinds[k.token] = k
	}
	for _, f := range functions {
		p.functions[f.token] = f
	}
	return p
}

// rpcServer serves the engine.
type rpcServer struct {
	pulumirpc.ResourceProviderServer
}

// Diff adds the flag without which the engine ignores the detailed diff.
func (s rpcServer) Diff(ctx context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	resp, err := s.ResourceProviderServer.Diff(ctx, req)
	if resp != nil {
		resp.HasDetailedDiff = len(resp.GetDetailedDiff()) > 0
		slices.Sort(resp.Diffs)
		slices.Sort(resp.Replaces)
	}
	return resp, err
}

// serve handles requests until ctx is done; running ones are then canceled and still answered.
func (p *provider) serve(ctx context.Context, listener net.Listener) error {
	s := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage))
	pulumirpc.RegisterResourceProviderServer(s, rpcServer{plugin.NewProviderServer(p)})
	stop := context.AfterFunc(ctx, func() {
		p.cancel()
		s.GracefulStop()
	})
	defer stop()
	if err := s.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("provider %s: %w", p.name, err)
	}
	return nil
}

// Close does nothing: the provider outlives its engines.
func (p *provider) Close() error { return nil }

// Attach does nothing: the double never calls the engine.
func (p *provider) Attach(string) error { return nil }

// Handshake reports the features.
func (p *provider) Handshake(
	context.Context, plugin.ProviderHandshakeRequest,
) (*plugin.ProviderHandshakeResponse, error) {
	return &plugin.ProviderHandshakeResponse{AcceptSecrets: true, SupportsAutonamingConfiguration: true}, nil
}

// GetPluginInfo returns the version of the real provider.
func (p *provider) GetPluginInfo(context.Context) (plugin.PluginInfo, error) {
	return plugin.PluginInfo{Version: &p.version}, nil
}

// GetSchema returns a schema without types: programs use the SDK.
func (p *provider) GetSchema(context.Context, plugin.GetSchemaRequest) (plugin.GetSchemaResponse, error) {
	return plugin.GetSchemaResponse{Schema: fmt.Appendf(nil, `{"name":%q,"version":%q}`, p.name, p.version)}, nil
}

// CheckConfig accepts anything: there are no credentials to check.
func (p *provider) CheckConfig(_ context.Context, req plugin.CheckConfigRequest) (plugin.CheckConfigResponse, error) {
	return plugin.CheckConfigResponse{Properties: req.News}, nil
}

// DiffConfig never replaces the provider: every configuration uses the same subscription.
func (p *provider) DiffConfig(context.Context, plugin.DiffConfigRequest) (plugin.DiffConfigResponse, error) {
	return plugin.DiffConfigResponse{Changes: plugin.DiffNone}, nil
}

// Configure stores the default location. The last configured engine overrides it.
func (p *provider) Configure(_ context.Context, req plugin.ConfigureRequest) (plugin.ConfigureResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.location = text(toProps(req.Inputs), "location")
	return plugin.ConfigureResponse{}, nil
}

// SignalCancellation cancels running operations of all attached engines.
func (p *provider) SignalCancellation(context.Context) error {
	p.cancel()
	return nil
}

func (p *provider) cancel() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.canceled)
	p.canceled = make(chan struct{})
}

// cancelable derives a context that ends with the next cancellation.
func (p *provider) cancelable(ctx context.Context) (context.Context, context.CancelFunc) {
	p.mu.Lock()
	canceled := p.canceled
	p.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-canceled:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func (p *provider) kind(token string) (*kind, error) {
	if k := p.kinds[Unversioned(token)]; k != nil {
		return k, nil
	}
	return nil, status.Errorf(codes.NotFound, "resource type %s is not in the Azure double", token)
}

// Check completes and checks inputs.
func (p *provider) Check(_ context.Context, req plugin.CheckRequest) (plugin.CheckResponse, error) {
	k, err := p.kind(string(req.Type))
	if err != nil {
		return plugin.CheckResponse{}, err
	}
	return k.checkInputs(req, p.defaultLocation)
}

// defaultLocation looks for a location where azure-native does: in the old inputs, the configuration, the resource group.
func (p *provider) defaultLocation(olds, in props) any {
	if v := olds["location"]; v != nil {
		return v
	}
	p.mu.Lock()
	location := p.location
	p.mu.Unlock()
	if location != "" {
		return location
	}
	switch name := in["resourceGroupName"].(type) {
	case unknown:
		return name
	case string:
		if group, err := p.double.current().group(name); err == nil {
			return normalLocation(text(group.Settings, "location"))
		}
	}
	return nil
}

// Diff compares the old inputs with the new.
func (p *provider) Diff(_ context.Context, req plugin.DiffRequest) (plugin.DiffResult, error) {
	k, err := p.kind(string(req.Type))
	if err != nil {
		return plugin.DiffResult{}, err
	}
	return k.diff(req), nil
}

// Create creates a resource. If only its initialization fails, it returns the resource and the reason.
func (p *provider) Create(ctx context.Context, req plugin.CreateRequest) (plugin.CreateResponse, error) {
	k, err := p.kind(string(req.Type))
	if err != nil {
		return plugin.CreateResponse{}, err
	}
	in := toProps(req.Properties)
	if req.Preview {
		return plugin.CreateResponse{Properties: p.seal(k, k.preview(in), req.Properties)}, nil
	}
	var id string
	var once props
	err = p.work(ctx, k, p.request(opCreate, k, req.URN, "", in), func(ctx context.Context) (string, error) {
		var err error
		id, once, err = k.create(ctx, p.double, in)
		return id, err
	})
	if incomplete := (initError{}); ctx.Err() != nil && (err == nil || errors.As(err, &incomplete)) {
		// The engine died: the resource would be an orphan, and the next update would fail on it.
		return plugin.CreateResponse{}, errors.Join(ctx.Err(), k.remove(p.double, id))
	}
	properties, err := p.made(k, id, once, req.Properties, err)
	return plugin.CreateResponse{ID: resource.ID(id), Properties: properties}, err
}

// work carries out a request when it is the resource's turn.
func (p *provider) work(ctx context.Context, k *kind, q request, attempt func(context.Context) (id string, err error)) error {
	ctx, cancel := p.cancelable(ctx)
	defer cancel()
	end, err := p.double.begin(ctx, k, q.in, q.id)
	if err != nil {
		return err
	}
	defer end()
	return p.client.do(ctx, p.double, q, func() (string, error) { return attempt(ctx) })
}

// made returns the properties of a resource after its creation or update, whose error it returns, too. If only the initialization
// has failed, the error has the properties.
func (p *provider) made(k *kind, id string, once props, inputs resource.PropertyMap, err error) (resource.PropertyMap, error) {
	if incomplete := (initError{}); err != nil && !errors.As(err, &incomplete) {
		return nil, err
	}
	_, outputs, readErr := k.read(p.double, id)
	if readErr != nil {
		return nil, readErr
	}
	properties := p.seal(k, p.complete(k, toProps(inputs), outputs, once), inputs)
	if err != nil {
		return nil, partialFailure(id, properties, err)
	}
	return properties, nil
}

// complete merges the outputs: the service's, the local inputs, and those that are returned only once.
func (p *provider) complete(k *kind, in, outputs, once props) props {
	all := merge(outputs, once)
	for _, key := range k.local {
		if v, given := in[key]; given && slices.Contains(k.outputs, key) {
			all[key] = v
		}
	}
	return all
}

// seal marks secret outputs as such.
func (p *provider) seal(k *kind, outputs props, inputs resource.PropertyMap) resource.PropertyMap {
	m := fromProps(outputs)
	for _, key := range k.once {
		if v, has := m[resource.PropertyKey(key)]; has {
			m[resource.PropertyKey(key)] = resource.MakeSecret(v)
		}
	}
	return keepSecrets(m, inputs)
}

// partialFailure reports that the resource exists, but is not ready.
func partialFailure(id string, properties resource.PropertyMap, cause error) error {
	outputs, err := plugin.MarshalProperties(properties, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true})
	if err != nil {
		return errors.Join(cause, err)
	}
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, cause.Error()), &pulumirpc.ErrorResourceInitFailed{
		Id: id, Properties: outputs, Reasons: []string{cause.Error()},
	})
}

// Read returns the state, for a refresh or an import; an empty id means that the resource is missing.
func (p *provider) Read(ctx context.Context, req plugin.ReadRequest) (plugin.ReadResponse, error) {
	k, err := p.kind(string(req.Type))
	if err != nil {
		return plugin.ReadResponse{}, err
	}
	var settings, outputs props
	err = p.client.do(ctx, p.double, p.request(opRead, k, req.URN, string(req.ID), nil), func() (string, error) {
		var err error
		settings, outputs, err = k.read(p.double, string(req.ID))
		return string(req.ID), err
	})
	if isNotFound(err) {
		return plugin.ReadResponse{}, nil
	}
	if err != nil {
		return plugin.ReadResponse{}, err
	}
	state := toProps(req.State)
	known := props{}
	for _, key := range k.once {
		v, has := state[key]
		if !has {
			return plugin.ReadResponse{}, fmt.Errorf("%s cannot be imported: its %s is only known at its creation", k.token, key)
		}
		known[key] = v
	}
	inputs := k.refreshed(req.Inputs, state, settings, outputs)
	return plugin.ReadResponse{ReadResult: plugin.ReadResult{
		ID: req.ID, Inputs: inputs, Outputs: p.seal(k, p.complete(k, toProps(inputs), outputs, known), inputs),
	}}, nil
}

// Update changes a resource in place.
func (p *provider) Update(ctx context.Context, req plugin.UpdateRequest) (plugin.UpdateResponse, error) {
	k, err := p.kind(string(req.Type))
	if err != nil {
		return plugin.UpdateResponse{}, err
	}
	in, olds := toProps(req.NewInputs), toProps(req.OldOutputs)
	if req.Preview {
		outputs := k.preview(in)
		for _, key := range k.outputs {
			// azure-native predicts only name and location; azuread all that the program does not change.
			_, given := in[key]
			if v, has := olds[key]; has && !given && (p.name == "azuread" || key == "name" || key == "location") {
				outputs[key] = v
			}
		}
		return plugin.UpdateResponse{Properties: p.seal(k, outputs, req.NewInputs)}, nil
	}
	if k.update == nil {
		return plugin.UpdateResponse{}, fmt.Errorf("%s cannot be changed in place", k.token)
	}
	id := string(req.ID)
	err = p.work(ctx, k, p.request(opUpdate, k, req.URN, id, in), func(ctx context.Context) (string, error) {
		return id, k.update(ctx, p.double, id, in)
	})
	properties, err := p.made(k, id, nil, req.NewInputs, err)
	return plugin.UpdateResponse{Properties: properties}, err
}

// Delete deletes a resource; a missing one is not an error.
func (p *provider) Delete(ctx context.Context, req plugin.DeleteRequest) (plugin.DeleteResponse, error) {
	k, err := p.kind(string(req.Type))
	if err != nil {
		return plugin.DeleteResponse{}, err
	}
	id := string(req.ID)
	return plugin.DeleteResponse{}, p.work(ctx, k, p.request(opDelete, k, req.URN, id, nil), func(context.Context) (string, error) {
		return id, k.remove(p.double, id)
	})
}

// Invoke calls a function.
func (p *provider) Invoke(ctx context.Context, req plugin.InvokeRequest) (plugin.InvokeResponse, error) {
	f := p.functions[Unversioned(string(req.Tok))]
	if f == nil {
		return plugin.InvokeResponse{}, status.Errorf(codes.NotFound, "function %s is not in the Azure double", req.Tok)
	}
	in := toProps(req.Args)
	if failures := f.args.check(in); len(failures) > 0 {
		return plugin.InvokeResponse{Failures: failures}, nil
	}
	var out props
	q := request{operation: opInvoke, token: string(req.Tok), in: in, tenant: p.double.current().Tenant}
	err := p.client.do(ctx, p.double, q, func() (string, error) {
		var err error
		out, err = f.call(p.double, in)
		return "", err
	})
	if err != nil {
		return plugin.InvokeResponse{}, fmt.Errorf("%s: %w", strings.TrimPrefix(string(req.Tok), p.name+":"), err)
	}
	result := fromProps(out)
	for _, key := range f.secret {
		result[resource.PropertyKey(key)] = resource.MakeSecret(result[resource.PropertyKey(key)])
	}
	return plugin.InvokeResponse{Properties: result}, nil
}
