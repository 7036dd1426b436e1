package infra

import (
	"fmt"
	"strings"

	// One API version for the registry at all times, so that no feature switched on or off changes a resource's type. The
	// SDK's default, 2022-12-01, has neither anonymous pull nor soft delete, and Azure refuses to update a registry that
	// uses soft delete through a version that does not know it; this preview has both. A registry that was made with the
	// default stays, for the SDK declares the one type an alias of the other.
	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	resources "github.com/pulumi/pulumi-azure-native-sdk/resources/v2/v20220901"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

const registryType = "acr-microservices:index:Registry"

// RegistryArgs are the inputs of a Registry.
type RegistryArgs struct {
	// config.Registry, defaulted and validated, is what the stack file says. An empty name lets the provider add random characters to the component's.
	config.Registry
	// Location is the Azure region in which a new resource group is created. The registry goes where its group is.
	Location string
	// PurgeFilters are those of Purge, or what the stack found in their place.
	PurgeFilters []string
	// Tags of every Azure resource that takes some.
	Tags pulumi.StringMapInput
}

// Registry is an Azure Container Registry in its resource group, with the admin user off, and all that belongs to it.
type Registry struct {
	pulumi.ResourceState

	registryRef

	location pulumi.StringOutput
	parts    []pulumi.Resource // what belongs to the registry in Azure
}

// NewRegistry creates the registry. Its name must be alphanumeric where args give none, for Azure allows nothing else.
func NewRegistry(ctx *pulumi.Context, name string, args *RegistryArgs, opts ...pulumi.ResourceOption) (*Registry, error) {
	registry := &Registry{}
	if err := ctx.RegisterComponentResource(registryType, name, registry, opts...); err != nil {
		return nil, fmt.Errorf("registry %q: %w", name, err)
	}
	group, location, err := resourceGroup(ctx, name, args, registry)
	if err != nil {
		return nil, fmt.Errorf("registry %q: %w", name, err)
	}
	created, err := acr.NewRegistry(ctx, name, &acr.RegistryArgs{
		ResourceGroupName:        group,
		RegistryName:             optional(args.Name),
		Location:                 location,
		Sku:                      &acr.SkuArgs{Name: pulumi.String(args.SKU)},
		AdminUserEnabled:         pulumi.Bool(false),
		AnonymousPullEnabled:     pulumi.Bool(args.AnonymousPull),
		DataEndpointEnabled:      pulumi.Bool(args.DataEndpoints),
		PublicNetworkAccess:      pulumi.String(enabled(args.Public())),
		NetworkRuleBypassOptions: args.networkBypass(),
		NetworkRuleSet:           args.networkRules(),
		Policies:                 args.policies(),
		Identity:                 identityInput(args.Identity),
		Encryption:               encryptionInput(args.Encryption),
		Tags:                     args.Tags,
	}, pulumi.Parent(registry), pulumi.Protect(args.Protect), adopt(args.Adopt))
	if err != nil {
		return nil, fmt.Errorf("registry %q: %w", name, err)
	}
	registry.ID = created.ID().ToStringOutput()
	registry.Name, registry.ResourceGroup, registry.location = created.Name, group, location
	site := &registrySite{
		ctx: ctx, component: registry, name: name, args: args, parent: pulumi.Parent(registry),
		group: group, location: location, registry: registry.Name, id: registry.ID,
		replicaIn: map[string]pulumi.Resource{},
	}
	for _, furnish := range []func() error{
		site.replicas, site.webhooks, site.cacheRules, site.privateEndpoint, site.purge, site.diagnostics,
	} {
		if err := furnish(); err != nil {
			return nil, fmt.Errorf("registry %q: %w", name, err)
		}
	}
	registry.parts = site.parts
	registry.LoginServer = after(created.LoginServer, site.pulledThrough...)
	return registry, ctx.RegisterResourceOutputs(registry, pulumi.Map{
		"id":          registry.ID,
		"name":        registry.Name,
		"loginServer": registry.LoginServer,
	})
}

// registrySite is what the parts of a registry need to know of it.
type registrySite struct {
	ctx                           *pulumi.Context
	component                     *Registry
	name                          string // of the component, with which the parts' names begin
	args                          *RegistryArgs
	group, location, registry, id pulumi.StringOutput
	parent                        pulumi.ResourceOption

	replicaIn     map[string]pulumi.Resource
	parts         []pulumi.Resource // what has been made below the registry
	pulledThrough []pulumi.Resource // what has to be there before anybody pulls
}

func (s *registrySite) replicas() error {
	for _, replica := range s.args.Replicas {
		created, err := acr.NewReplication(s.ctx, s.name+"-"+replica.Location, &acr.ReplicationArgs{
			ResourceGroupName: s.group,
			RegistryName:      s.registry,
			// Azure wants the replica's name to be letters and digits; the region says what it is.
			ReplicationName:       pulumi.String(replica.Location),
			Location:              pulumi.String(replica.Location),
			RegionEndpointEnabled: pulumi.Bool(config.ValueOr(replica.RegionEndpoint, true)),
			Tags:                  s.args.Tags,
		}, s.parent)
		if err != nil {
			return fmt.Errorf("replica %q: %w", replica.Location, err)
		}
		s.replicaIn[replica.Location] = created
		s.parts = append(s.parts, created)
	}
	return nil
}

// after returns the value, known only when the resources exist.
func after(value pulumi.StringOutput, resources ...pulumi.Resource) pulumi.StringOutput {
	all := []any{value}
	for _, resource := range resources {
		all = append(all, resource.(pulumi.CustomResource).ID())
	}
	return pulumi.All(all...).ApplyT(func(all []any) string { return all[0].(string) }).(pulumi.StringOutput)
}

// enabled is how Azure writes a switch.
func enabled(on bool) string {
	if on {
		return "Enabled"
	}
	return "Disabled"
}

// resourceGroup returns the name and region of the registry's resource group, created or looked up.
func resourceGroup(ctx *pulumi.Context, name string, args *RegistryArgs, parent pulumi.Resource) (group, location pulumi.StringOutput, err error) {
	if args.ResourceGroup.Existing {
		found := resources.LookupResourceGroupOutput(ctx, resources.LookupResourceGroupOutputArgs{
			ResourceGroupName: pulumi.String(args.ResourceGroup.Name),
		}, pulumi.Parent(parent))
		checked := func(location string) (string, error) { return location, args.CheckRegion(location) }
		return found.Name(), found.Location().ApplyT(checked).(pulumi.StringOutput), nil
	}
	created, err := resources.NewResourceGroup(ctx, name, &resources.ResourceGroupArgs{
		ResourceGroupName: optional(args.ResourceGroup.Name),
		Location:          pulumi.String(args.Location),
		Tags:              args.Tags,
	}, pulumi.Parent(parent), pulumi.Protect(args.Protect), adopt(config.ResourceGroupIDOf(args.Adopt)))
	if err != nil {
		return group, location, fmt.Errorf("resource group: %w", err)
	}
	return created.Name, created.Location, nil
}

// adopt takes over the resource with the given id; with an empty one it does nothing.
func adopt(id string) pulumi.ResourceOption {
	if id == "" {
		return pulumi.Import(nil)
	}
	return pulumi.Import(pulumi.ID(id))
}

// tags is nil for no tags: an empty object would differ from what Azure gives back.
func tags(tags map[string]string) pulumi.StringMapInput {
	if len(tags) == 0 {
		return nil
	}
	return pulumi.ToStringMap(tags)
}

// optional is nil for an empty string, so that the provider chooses.
func optional(s string) pulumi.StringPtrInput {
	if s == "" {
		return nil
	}
	return pulumi.String(s)
}

// registryBase makes of a project's name what a registry's may begin with: letters and digits, and room for the eight random
// characters that the provider adds.
func registryBase(project string) string {
	base := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, project)
	return base[:min(len(base), maxACRName-8)]
}
