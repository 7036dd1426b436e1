package infra_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/image"
	"example.com/acr-microservices/infra/pull"
	"example.com/acr-microservices/infra/registry"
	"example.com/acr-microservices/infra/service"
)

// Another program takes the components without the stack file: here a registry, the permission to pull from it, and one service.
func Example() {
	program := func(ctx *pulumi.Context) error {
		images, err := registry.New(ctx, "images", &registry.Args{
			Registry:    config.Registry{Name: "shopimages", SKU: config.SKUStandard, ResourceGroup: config.ResourceGroup{Name: "shop"}},
			LoginServer: "shopimages.azurecr.io",
			Location:    "westeurope",
		})
		if err != nil {
			return err
		}
		access, err := pull.New(ctx, "pull", &pull.Args{
			Modes:       []string{config.PullByServicePrincipal},
			RegistryID:  images.ID,
			Services:    map[string]pull.Service{"orders": {}},
			DisplayName: "shop, image pull",
			Rotation:    config.Rotation{}.At(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)),
		})
		if err != nil {
			return err
		}
		orders, err := service.New(ctx, "orders", &service.Args{
			NamespaceName: "shop-orders",
			Registry:      images.LoginServer,
			Image:         config.Image{Repository: "orders", Tag: "1.0.0"},
			PullSecret: &service.PullSecret{
				Name: "acr-secret", Username: access.Logins["orders"].Username, Password: access.Logins["orders"].Password,
			},
			Release: &service.Release{Name: "orders", Chart: config.ResolvedChart{Name: "./charts/orders", Version: "1.0.0"}, After: images.Resources()},
		})
		if err != nil {
			return err
		}
		ctx.Export("orders", orders.Image)
		return nil
	}
	engine := &mocks{}
	if err := pulumi.RunErr(program, pulumi.WithMocks("shop", "prod", engine)); err != nil {
		fmt.Println(err)
	}
	slices.Sort(engine.created)
	for _, kind := range engine.created {
		fmt.Println(kind)
	}
	// Output:
	// azure-native:authorization/v20220401:RoleAssignment pull
	// azure-native:containerregistry/v20231101preview:Registry images
	// azure-native:resources/v20220901:ResourceGroup images
	// azuread:index/application:Application pull
	// azuread:index/applicationPassword:ApplicationPassword pull-27
	// azuread:index/applicationPassword:ApplicationPassword pull-28
	// azuread:index/servicePrincipal:ServicePrincipal pull
	// kubernetes:core/v1:Namespace orders
	// kubernetes:core/v1:Secret orders
	// kubernetes:helm.sh/v3:Release orders
}

// A program can have each component twice: no child has a fixed name.
func TestComponentsTwice(t *testing.T) {
	t.Parallel()
	program := func(ctx *pulumi.Context) error {
		for _, name := range []string{"blue", "green"} {
			images, err := registry.New(ctx, name, &registry.Args{
				Registry: config.Registry{
					Name: name + "images", SKU: config.SKUPremium, ResourceGroup: config.ResourceGroup{Name: name},
					Replicas: []config.Replica{{Location: "northeurope"}},
					Webhooks: map[string]config.Webhook{"scanner": {ServiceURI: "https://scanner.example.com", Actions: []string{"push"}}},
					Cache: config.Cache{
						Rules:       map[string]config.CacheRule{"docker-library": {Source: "docker.io/library/*", Target: "library/*", Credentials: "docker-hub"}}, //nolint:gosec // G101: a name
						Credentials: map[string]config.CacheCredentials{"docker-hub": {LoginServer: "docker.io", KeyVaultID: "vault"}},
					},
					PrivateEndpoint: &config.PrivateEndpoint{SubnetID: "subnet", DNSZoneID: "zone"},
					Purge:           &config.Purge{Schedule: "0 3 * * Sun", OlderThan: "30d"},
					Diagnostics:     &config.Diagnostics{WorkspaceID: "workspace"},
					Push:            []config.Push{{PrincipalID: "pipeline"}},
				},
				LoginServer: name + "images.azurecr.io", Location: "westeurope",
			})
			if err != nil {
				return err
			}
			if _, err := pull.New(ctx, name, &pull.Args{
				Modes:      []string{config.PullByServicePrincipal, config.PullByKubeletIdentity, config.PullByToken},
				RegistryID: images.ID, RegistryName: images.Name, ResourceGroup: images.ResourceGroup,
				Services:           map[string]pull.Service{"orders": {TokenName: "orders", Repositories: []string{"orders"}}},
				KubeletPrincipalID: pulumi.String("nodes"),
				Rotation:           config.Rotation{}.At(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)),
			}); err != nil {
				return err
			}
			if _, err := image.New(ctx, name, &image.Args{
				RegistryID: images.ID, RegistryName: images.Name, ResourceGroup: images.ResourceGroup, Location: images.Location,
				Image: config.Image{Repository: "nginx", Tag: "1.29", Import: &config.Import{Source: "docker.io/library/nginx:1.29"}},
			}); err != nil {
				return err
			}
			if _, err := registry.NewLock(ctx, name, &registry.LockArgs{Scope: images.ID}); err != nil {
				return err
			}
		}
		return nil
	}
	require.NoError(t, pulumi.RunErr(program, pulumi.WithMocks("shop", "prod", &mocks{})))
}

// What a component cannot make is refused before it is registered.
func TestComponentsRefuse(t *testing.T) {
	t.Parallel()
	complete := registry.Args{
		Registry:    config.Registry{Name: "shopimages", SKU: config.SKUBasic, ResourceGroup: config.ResourceGroup{Name: "shop"}},
		LoginServer: "shopimages.azurecr.io", Location: "westeurope",
	}
	without := func(leaveOut func(args *registry.Args)) func(ctx *pulumi.Context) error {
		return func(ctx *pulumi.Context) error {
			args := complete
			leaveOut(&args)
			_, err := registry.New(ctx, "images", &args)
			return err
		}
	}
	const incomplete = `registry "images": needs Name, SKU and ResourceGroup.Name, also LoginServer unless Adopt is set, and Location`
	for name, test := range map[string]struct {
		program func(ctx *pulumi.Context) error
		want    string // empty for none
	}{
		"complete":        {without(func(*registry.Args) {}), ""},
		"no name":         {without(func(args *registry.Args) { args.Name = "" }), incomplete},
		"no SKU":          {without(func(args *registry.Args) { args.SKU = "" }), incomplete},
		"no group":        {without(func(args *registry.Args) { args.ResourceGroup.Name = "" }), incomplete},
		"no host":         {without(func(args *registry.Args) { args.LoginServer = "" }), incomplete},
		"no region":       {without(func(args *registry.Args) { args.Location = "" }), incomplete},
		"region of group": {without(func(args *registry.Args) { args.Location, args.ResourceGroup.Existing = "", true }), ""},
		"unknown mode": {func(ctx *pulumi.Context) error {
			_, err := pull.New(ctx, "pull", &pull.Args{Modes: []string{"kubelet"}})
			return err
		}, `pull access "pull": args.Modes: "kubelet" is not one of servicePrincipal, kubeletIdentity, token`},
		"no repository": {func(ctx *pulumi.Context) error {
			_, err := pull.New(ctx, "pull", &pull.Args{Modes: []string{config.PullByServicePrincipal}, ABAC: true})
			return err
		}, `pull access "pull": args.ABAC: needs a service with repositories`},
	} {
		err := pulumi.RunErr(test.program, pulumi.WithMocks("shop", "prod", &mocks{}))
		if test.want == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, test.want, name)
		}
	}
}

// mocks stand in for the engine and the providers.
type mocks struct {
	mutex   sync.Mutex
	created []string
}

func (m *mocks) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if created := args.TypeToken + " " + args.Name; args.Custom {
		if slices.Contains(m.created, created) {
			return "", nil, fmt.Errorf("%s is registered twice", created)
		}
		m.created = append(m.created, created)
	}
	outputs := args.Inputs
	if name := outputs["registryName"]; name.IsString() {
		outputs["loginServer"] = resource.NewProperty(name.StringValue() + ".azurecr.io")
	}
	return args.Name, outputs, nil
}

func (*mocks) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return resource.PropertyMap{"subscriptionId": resource.NewProperty("00000000-0000-0000-0000-000000000001"), "objectId": resource.NewProperty("caller")}, nil
}
