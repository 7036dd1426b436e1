// Package registry creates the Azure Container Registry and everything that belongs to it: resource group, replicas, webhooks,
// artifact cache, purge, private endpoint, diagnostics, permissions to push, and the lock. Find locates a registry that the stack
// does not own.
package registry

import (
	"errors"
	"fmt"
	"path"
	"strings"

	// One API version for the registry at all times, so that turning a feature on or off does not change a resource's type. The SDK's
	// default, 2022-12-01, has neither anonymous pull nor soft delete, and Azure refuses to update a registry that uses soft delete
	// through a version that does not know it; this preview has both.
	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	resources "github.com/pulumi/pulumi-azure-native-sdk/resources/v2/v20220901"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/component"
)

const componentType = "acr-microservices:index:Registry"

// Args are the inputs of a Registry.
type Args struct {
	// config.Registry holds the stack file's settings, validated and with defaults. Name, SKU and the name of ResourceGroup are required.
	// All regions, also Location, have the form in which Azure returns them, such as "westeurope", so that they can be compared.
	config.Registry
	// LoginServer is the expected host of a new registry, required unless Adopt is set: then the program asks Azure. The update fails if
	// the registry that Azure creates has another host.
	LoginServer string
	// Location is the Azure region in which a new resource group is created, required unless the group exists. The registry goes where
	// its group is.
	Location string
	// PurgeFilters are the filters of Purge, or the default ones for the services' repositories.
	PurgeFilters []string
	// Tags of every Azure resource that takes tags.
	Tags pulumi.StringMapInput
	// AfterCreate runs when the registry is new; nil for none.
	AfterCreate *pulumi.ResourceHook
}

// Ref is what other components need to know about a registry, whoever owns it.
type Ref struct {
	// ID is the registry's ARM resource id, the scope of role assignments.
	ID pulumi.StringOutput
	// ResourceGroup and Location of the registry. Location is not set for a registry that Find locates by another stack's outputs.
	ResourceGroup, Location pulumi.StringOutput
	// Name is the registry's name in azurecr.io.
	Name pulumi.StringOutput
	// LoginServer is the registry's host, such as "example.azurecr.io".
	LoginServer pulumi.StringOutput
}

// Registry is an Azure Container Registry in its resource group, with the admin user off, and everything that belongs to it.
type Registry struct {
	pulumi.ResourceState
	component.Children
	Ref
}

// New creates the registry.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Registry, error) {
	registry := &Registry{}
	if err := registry.create(ctx, name, args, opts); err != nil {
		return nil, fmt.Errorf("registry %q: %w", name, err)
	}
	return registry, nil
}

func (r *Registry) create(ctx *pulumi.Context, name string, args *Args, opts []pulumi.ResourceOption) error {
	if args.Name == "" || args.SKU == "" || args.ResourceGroup.Name == "" ||
		args.LoginServer == "" && args.Adopt == "" || args.Location == "" && !args.ResourceGroup.Existing {
		return errors.New("needs Name, SKU and ResourceGroup.Name, also LoginServer unless Adopt is set, and Location unless ResourceGroup.Existing is")
	}
	if err := component.Register(ctx, componentType, name, r, &r.Children, opts); err != nil {
		return err
	}
	group, location, err := resourceGroup(ctx, name, args, r)
	if err != nil {
		return err
	}
	adopted, err := args.lookUpAdopted(ctx, r)
	if err != nil {
		return err
	}
	host := args.LoginServer // of a new registry, known before the registry exists
	if adopted != nil {
		host = adopted.LoginServer
	}
	guard, err := newSKUGuard(ctx, name)
	if err != nil {
		return err
	}
	parent := pulumi.Parent(r)
	hooks := &pulumi.ResourceHookBinding{BeforeUpdate: []*pulumi.ResourceHook{guard}, AfterCreate: []*pulumi.ResourceHook{args.AfterCreate}}
	created, err := acr.NewRegistry(ctx, name, &acr.RegistryArgs{
		ResourceGroupName:        group,
		RegistryName:             pulumi.String(args.Name),
		Location:                 location,
		Sku:                      &acr.SkuArgs{Name: pulumi.String(args.SKU)},
		AdminUserEnabled:         pulumi.Bool(false),
		AnonymousPullEnabled:     pulumi.Bool(args.AnonymousPull),
		DataEndpointEnabled:      pulumi.Bool(args.DataEndpoints),
		PublicNetworkAccess:      args.publicNetworkAccess(),
		NetworkRuleBypassOptions: args.networkBypass(),
		NetworkRuleSet:           args.networkRules(),
		Policies:                 args.policies(),
		Identity:                 identityInput(args.Identity, identityOf(adopted)),
		Encryption:               encryptionInput(args.Encryption),
		Tags:                     args.Tags,
	}, parent, pulumi.Protect(args.protected()), adopt(args.Adopt), pulumi.IgnoreChanges(args.ignored()), pulumi.ResourceHooks(hooks))
	if err != nil {
		return err
	}
	r.Ref = Ref{
		ID: created.ID().ToStringOutput(), Name: nameIn(created.ID()), ResourceGroup: group, Location: location,
		LoginServer: pulumi.String(host).ToStringOutput(),
	}
	site := &site{Registry: r, ctx: ctx, name: name, args: args, replicaIn: map[string]pulumi.Resource{}, parent: parent, inside: parent}
	if !args.protected() {
		// With a protected registry, `pulumi destroy` would forget what it takes for deleted with the registry, and then fail at that.
		site.inside = pulumi.Composite(parent, pulumi.DeletedWith(created))
	}
	for _, create := range []func() error{
		site.replicas, site.webhooks, site.cacheRules, site.privateEndpoint, site.purge, site.diagnostics, site.push,
	} {
		if err := create(); err != nil {
			return err
		}
	}
	return ctx.RegisterResourceOutputs(r, pulumi.Map{
		"id":          r.ID,
		"name":        r.Name,
		"loginServer": created.LoginServer.ApplyT(func(answered string) (string, error) { return answered, checkHost(answered, host) }).(pulumi.StringOutput),
	})
}

// checkHost compares Azure's answer with the host that images and pull secrets name.
func checkHost(answered, expected string) error {
	if !strings.EqualFold(answered, expected) {
		return fmt.Errorf("the registry's host in Azure is %q, but the stack expected %q", answered, expected)
	}
	return nil
}

// nameIn returns the last part of an ARM id, a resource's name. A preview knows the id of a resource that changes, but not its
// outputs. With the name from the id, the resources below it show no change in the preview. If the resource is replaced, this
// reference tells the engine that the resources below it are replaced too.
func nameIn(id pulumi.IDOutput) pulumi.StringOutput {
	return id.ToStringOutput().ApplyT(path.Base).(pulumi.StringOutput)
}

// site is what the functions that create the registry's parts share.
type site struct {
	*Registry
	ctx       *pulumi.Context
	name      string // of the component; the parts' names begin with it
	args      *Args
	parent    pulumi.ResourceOption
	inside    pulumi.ResourceOption // for what Azure deletes together with the registry
	replicaIn map[string]pulumi.Resource
}

func (s *site) replicas() error {
	for _, replica := range s.args.Replicas {
		created, err := acr.NewReplication(s.ctx, s.name+"-"+replica.Location, &acr.ReplicationArgs{
			ResourceGroupName: s.ResourceGroup,
			RegistryName:      s.Name,
			// A replica's name must be letters and digits; the region's name describes it.
			ReplicationName:       pulumi.String(replica.Location),
			Location:              pulumi.String(replica.Location),
			RegionEndpointEnabled: pulumi.Bool(config.ValueOr(replica.RegionEndpoint, true)),
			Tags:                  s.args.Tags,
			// The SDK sends a default, and Azure does not change it.
		}, s.inside, pulumi.IgnoreChanges([]string{"zoneRedundancy"}))
		if err != nil {
			return fmt.Errorf("replica %q: %w", replica.Location, err)
		}
		s.replicaIn[replica.Location] = created
	}
	return nil
}

// protected says whether Pulumi refuses to delete the registry and its group.
func (a *Args) protected() bool { return config.ValueOr(a.Protect, true) }

// resourceGroup returns the name and region of the registry's resource group, created or looked up.
func resourceGroup(ctx *pulumi.Context, name string, args *Args, parent pulumi.Resource) (group, location pulumi.StringOutput, err error) {
	if args.ResourceGroup.Existing {
		found := resources.LookupResourceGroupOutput(ctx, resources.LookupResourceGroupOutputArgs{
			ResourceGroupName: pulumi.String(args.ResourceGroup.Name),
		}, pulumi.Parent(parent))
		checked := func(location string) (string, error) { return location, args.CheckRegion(location) }
		return found.Name(), found.Location().ApplyT(checked).(pulumi.StringOutput), nil
	}
	id, _ := config.ParseRegistryID(args.Adopt)
	created, err := resources.NewResourceGroup(ctx, name, &resources.ResourceGroupArgs{
		ResourceGroupName: pulumi.String(args.ResourceGroup.Name),
		Location:          pulumi.String(args.Location),
		Tags:              args.Tags,
	}, pulumi.Parent(parent), pulumi.Protect(args.protected()), adopt(id.GroupID),
		pulumi.IgnoreChanges(args.keptTags()))
	if err != nil {
		return group, location, fmt.Errorf("resource group: %w", err)
	}
	return nameIn(created.ID()), pulumi.String(args.Location).ToStringOutput(), nil
}
