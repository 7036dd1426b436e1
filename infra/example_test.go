package infra_test

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
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

// mocks stand in for the engine and the providers.
type mocks struct {
	mutex   sync.Mutex
	created []string
}

func (m *mocks) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if args.Custom {
		m.created = append(m.created, args.TypeToken+" "+args.Name)
	}
	outputs := args.Inputs
	if args.Name == "images" {
		outputs["loginServer"] = resource.NewProperty("shopimages.azurecr.io")
	}
	return args.Name, outputs, nil
}

func (*mocks) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return resource.PropertyMap{"subscriptionId": resource.NewProperty("00000000-0000-0000-0000-000000000001"), "objectId": resource.NewProperty("caller")}, nil
}
