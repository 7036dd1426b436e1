package azuredouble

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"example.com/acr-microservices/infra"
	"example.com/acr-microservices/infra/internal/projecttest"
)

// stack is the program's stack, deployed to the double without an engine and without a cluster: the double creates the resources
// of Azure and Entra; all others return their inputs.
type stack struct {
	*engine
	mu    sync.Mutex
	made  []*deployed     // in the order of their creation
	asked map[string]bool // in this run, by type and name
}

// up runs the program as an update.
func (s *stack) up(t *testing.T, config projecttest.Stack) error {
	t.Helper()
	s.asked = map[string]bool{}
	err := pulumi.RunErr(infra.Deploy, pulumi.WithMocks(projecttest.Project, projecttest.StackName, s), func(info *pulumi.RunInfo) {
		info.Config, info.ConfigSecretKeys, info.RootDirectory = config.Config, config.SecretKeys, "../../.."
	})
	if err != nil {
		return err
	}
	return s.drop(func(r *deployed) bool { return !s.asked[r.token+" "+r.name] })
}

// down deletes everything, the newest first.
func (s *stack) down() error { return s.drop(func(*deployed) bool { return true }) }

func (s *stack) drop(gone func(*deployed) bool) error {
	for _, r := range slices.Backward(slices.Clone(s.made)) {
		if !gone(r) {
			continue
		}
		if err := s.tryDestroy(r); err != nil {
			return err
		}
		s.made = slices.DeleteFunc(s.made, func(one *deployed) bool { return one == r })
	}
	return nil
}

// refresh reads everything.
func (s *stack) refresh() error {
	for _, r := range s.made {
		_, err := s.client(r.token).Read(context.Background(), &pulumirpc.ReadRequest{
			Id: r.id, Urn: urn(r.token, r.name), Name: r.name, Type: r.token, Properties: wire(s.t, r.outputs), Inputs: wire(s.t, r.inputs),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ours reports if the double has a type.
func ours(token string) bool {
	pkg := string(tokens.Type(token).Package())
	return pkg == "azure-native" || pkg == "azuread" || pkg == "azure"
}

// NewResource processes a resource as the engine does.
func (s *stack) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	if !ours(args.TypeToken) {
		out := args.Inputs.Copy()
		if metadata, has := out["metadata"]; has && metadata.IsObject() && !metadata.ObjectValue().HasValue("name") {
			metadata.ObjectValue()["name"] = resource.NewStringProperty(args.Name)
		}
		return args.Name, out, nil
	}
	s.mu.Lock()
	s.asked[args.TypeToken+" "+args.Name] = true
	i := slices.IndexFunc(s.made, func(r *deployed) bool { return r.token == args.TypeToken && r.name == args.Name })
	var old *deployed
	if i >= 0 {
		old = s.made[i]
	}
	s.mu.Unlock()
	r, err := s.step(args, old)
	if err != nil {
		return "", nil, fmt.Errorf("%s %s: %w", args.TypeToken, args.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r != old {
		s.made = append(s.made, r)
	}
	return r.id, r.outputs, nil
}

// step creates or changes a resource. A replaced one is deleted at the end of the update, with those that the program dropped.
func (s *stack) step(args pulumi.MockResourceArgs, old *deployed) (*deployed, error) {
	client, at := s.client(args.TypeToken), urn(args.TypeToken, args.Name)
	news := args.Inputs.Copy()
	var olds resource.PropertyMap
	if old != nil {
		olds = old.inputs
		for _, path := range args.RegisterRPC.GetIgnoreChanges() {
			if key := resource.PropertyKey(path); olds.HasValue(key) {
				news[key] = olds[key]
			}
		}
	}
	checked, err := client.Check(context.Background(), &pulumirpc.CheckRequest{
		Urn: at, Name: args.Name, Type: args.TypeToken, Olds: wire(s.t, olds), News: wire(s.t, news), RandomSeed: []byte(seed + at),
	})
	if err == nil && len(checked.GetFailures()) > 0 {
		err = errors.New(checked.GetFailures()[0].GetReason())
	}
	if err != nil {
		return nil, err
	}
	inputs := unwire(s.t, checked.GetInputs())
	made := &deployed{token: args.TypeToken, name: args.Name, inputs: inputs}
	if old == nil {
		resp, err := client.Create(context.Background(), &pulumirpc.CreateRequest{
			Urn: at, Name: args.Name, Type: args.TypeToken, Properties: checked.GetInputs(),
		})
		if err != nil {
			return nil, err
		}
		made.id, made.outputs = resp.GetId(), unwire(s.t, resp.GetProperties())
		return made, nil
	}
	diff, err := client.Diff(context.Background(), &pulumirpc.DiffRequest{
		Id: old.id, Urn: at, Name: args.Name, Type: args.TypeToken, Olds: wire(s.t, old.outputs), OldInputs: wire(s.t, olds), News: checked.GetInputs(),
	})
	switch {
	case err != nil:
		return nil, err
	case diff.GetChanges() == pulumirpc.DiffResponse_DIFF_NONE:
		return old, nil
	case len(diff.GetReplaces()) > 0:
		s.mu.Lock()
		old.name += " (replaced)" // not in asked
		s.mu.Unlock()
		if diff.GetDeleteBeforeReplace() || args.RegisterRPC.GetDeleteBeforeReplace() {
			if err := s.tryDestroy(old); err != nil {
				return nil, err
			}
		}
		return s.step(args, nil)
	}
	resp, err := client.Update(context.Background(), &pulumirpc.UpdateRequest{
		Id: old.id, Urn: at, Name: args.Name, Type: args.TypeToken, Olds: wire(s.t, old.outputs), OldInputs: wire(s.t, olds), News: checked.GetInputs(),
	})
	if err != nil {
		return nil, err
	}
	old.inputs, old.outputs = inputs, unwire(s.t, resp.GetProperties())
	return old, nil
}

// Call calls a function.
func (s *stack) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	if !ours(args.Token) {
		return nil, fmt.Errorf("no provider has the function %s", args.Token)
	}
	resp, err := s.client(args.Token).Invoke(context.Background(), &pulumirpc.InvokeRequest{Tok: args.Token, Args: wire(s.t, args.Args)})
	if err != nil {
		return nil, err
	}
	return unwire(s.t, resp.GetReturn()), nil
}

func newStack(t *testing.T, o Options) *stack {
	t.Helper()
	return &stack{engine: newEngine(t, o)}
}

func parse(t *testing.T, registry string, more ...string) projecttest.Stack {
	t.Helper()
	return projecttest.ParseStack(t, []byte("config:\n  azure-native:location: westeurope\n  acr-microservices:registry: "+registry+
		"\n  acr-microservices:services:\n    customerapi: {image: {tag: 1.0.0}, chart: {check: false}}\n"+strings.Join(more, "")))
}
