package infra

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2"
	"github.com/pulumi/pulumi-azure-native-sdk/resources/v2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const registryType = "acr-microservices:index:Registry"

// RegistryArgs are the inputs of a Registry.
type RegistryArgs struct {
	// Name in azurecr.io: 5 to 50 letters and digits, unique in the world. Empty lets the provider add random characters
	// to the component's name.
	Name string
	// Adopt is the ARM resource id of a registry to take over instead of creating one, with its resource group unless that
	// is Existing. It is changed to what these inputs say. Empty creates.
	Adopt string
	// SKU is Basic, Standard or Premium.
	SKU string
	// ResourceGroup to create, or to use if it says Existing.
	ResourceGroup ResourceGroupConfig
	// Location is the Azure region in which a new resource group is created. The registry goes where its group is.
	Location string
	// Replicas of a Premium registry.
	Replicas []ReplicaConfig
	// Tags of the resource group and the registry.
	Tags pulumi.StringMapInput
}

// Registry is an Azure Container Registry in its resource group, with the admin user off.
type Registry struct {
	pulumi.ResourceState

	// ID is the registry's ARM resource id, the scope of role assignments.
	ID pulumi.StringOutput
	// Name is the registry's name in azurecr.io.
	Name pulumi.StringOutput
	// LoginServer is the registry's host, "<name>.azurecr.io".
	LoginServer pulumi.StringOutput
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
	acr, err := containerregistry.NewRegistry(ctx, name, &containerregistry.RegistryArgs{
		ResourceGroupName: group,
		RegistryName:      optional(args.Name),
		Location:          location,
		Sku:               &containerregistry.SkuArgs{Name: pulumi.String(args.SKU)},
		AdminUserEnabled:  pulumi.Bool(false),
		Tags:              args.Tags,
	}, pulumi.Parent(registry), adopt(args.Adopt))
	if err != nil {
		return nil, fmt.Errorf("registry %q: %w", name, err)
	}
	for _, replica := range args.Replicas {
		_, err := containerregistry.NewReplication(ctx, name+"-"+replica.Location, &containerregistry.ReplicationArgs{
			ResourceGroupName: group,
			RegistryName:      acr.Name,
			// Azure wants the replica's name to be letters and digits; the region says what it is.
			ReplicationName: pulumi.String(replica.Location),
			Location:        pulumi.String(replica.Location),
			Tags:            args.Tags,
		}, pulumi.Parent(registry))
		if err != nil {
			return nil, fmt.Errorf("registry %q: replica %q: %w", name, replica.Location, err)
		}
	}
	registry.ID = acr.ID().ToStringOutput()
	registry.Name = acr.Name
	registry.LoginServer = acr.LoginServer
	return registry, ctx.RegisterResourceOutputs(registry, pulumi.Map{
		"id":          registry.ID,
		"name":        registry.Name,
		"loginServer": registry.LoginServer,
	})
}

// resourceGroup returns the name and region of the registry's resource group, created or looked up.
func resourceGroup(ctx *pulumi.Context, name string, args *RegistryArgs, parent pulumi.Resource) (group, location pulumi.StringOutput, err error) {
	if args.ResourceGroup.Existing {
		found := resources.LookupResourceGroupOutput(ctx, resources.LookupResourceGroupOutputArgs{
			ResourceGroupName: pulumi.String(args.ResourceGroup.Name),
		}, pulumi.Parent(parent))
		return found.Name(), found.Location(), nil
	}
	created, err := resources.NewResourceGroup(ctx, name, &resources.ResourceGroupArgs{
		ResourceGroupName: optional(args.ResourceGroup.Name),
		Location:          pulumi.String(args.Location),
		Tags:              args.Tags,
	}, pulumi.Parent(parent), adopt(resourceGroupOf(args.Adopt)))
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

// registryID is what an ARM id of a registry says.
type registryID struct{ group, resourceGroup, name string }

var registryIDPattern = regexp.MustCompile(
	`^(/subscriptions/[^/]+/resourceGroups/([^/]+))/providers/Microsoft\.ContainerRegistry/registries/([^/]+)$`)

// parseRegistryID splits the ARM id of a registry.
func parseRegistryID(id string) (registryID, bool) {
	match := registryIDPattern.FindStringSubmatch(id)
	if match == nil {
		return registryID{}, false
	}
	return registryID{group: match[1], resourceGroup: match[2], name: match[3]}, true
}

// resourceGroupOf returns the ARM id of the resource group in a registry's id, empty if that is empty.
func resourceGroupOf(id string) string {
	parsed, _ := parseRegistryID(id)
	return parsed.group
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

// alphanumeric drops what a registry's name may not hold.
func alphanumeric(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}
