// Command stock is the stack of Pulumi.dev.yaml as such programs are usually written: one function, and for each resource
// the package that the SDK's documentation names, helm/v3 among them. It makes the same resources as the program, only with one
// password in place of several that take turns. The benchmarks compile it, to have something to compare the program
// with; nobody deploys it, and CI leaves it alone, because compiling it takes longer than all the rest.
package main

import (
	"encoding/base64"
	"encoding/json"

	"github.com/pulumi/pulumi-azure-native-sdk/authorization/v2"
	"github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2"
	"github.com/pulumi/pulumi-azure-native-sdk/resources/v2"
	"github.com/pulumi/pulumi-azuread/sdk/v5/go/azuread"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	helm "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/helm/v3"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

const (
	pullSecretName = "acr-secret"
	acrPullRole    = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
)

type service struct {
	Image struct {
		Tag string `json:"tag"`
	} `json:"image"`
	Values map[string]any `json:"values"`
}

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		cfg := config.New(ctx, "")
		environment := cfg.Require("environment")
		var registryConfig struct {
			SKU string `json:"sku"`
		}
		cfg.RequireObject("registry", &registryConfig)
		services := map[string]service{}
		cfg.RequireObject("services", &services)

		resourceGroup, err := resources.NewResourceGroup(ctx, "acrmicroservices", nil)
		if err != nil {
			return err
		}
		registry, err := containerregistry.NewRegistry(ctx, "acrmicroservices", &containerregistry.RegistryArgs{
			ResourceGroupName: resourceGroup.Name,
			Sku:               &containerregistry.SkuArgs{Name: pulumi.String(registryConfig.SKU)},
			AdminUserEnabled:  pulumi.Bool(false),
		})
		if err != nil {
			return err
		}

		application, err := azuread.NewApplication(ctx, "pull", &azuread.ApplicationArgs{
			DisplayName: pulumi.Sprintf("%s-%s-pull", ctx.Project(), ctx.Stack()),
		})
		if err != nil {
			return err
		}
		principal, err := azuread.NewServicePrincipal(ctx, "pull", &azuread.ServicePrincipalArgs{
			ClientId: application.ClientId,
		})
		if err != nil {
			return err
		}
		password, err := azuread.NewApplicationPassword(ctx, "pull", &azuread.ApplicationPasswordArgs{
			ApplicationId: application.ID(),
		})
		if err != nil {
			return err
		}
		client := authorization.GetClientConfigOutput(ctx)
		grant, err := authorization.NewRoleAssignment(ctx, "pull", &authorization.RoleAssignmentArgs{
			Scope: registry.ID(),
			RoleDefinitionId: pulumi.Sprintf("/subscriptions/%s/providers/Microsoft.Authorization/roleDefinitions/%s",
				client.SubscriptionId(), acrPullRole),
			PrincipalId:   principal.ObjectId,
			PrincipalType: pulumi.String("ServicePrincipal"),
		})
		if err != nil {
			return err
		}

		provider, err := kubernetes.NewProvider(ctx, "cluster", &kubernetes.ProviderArgs{
			EnableSecretMutable: pulumi.Bool(true),
		})
		if err != nil {
			return err
		}
		dockerConfig := pulumi.All(registry.LoginServer, application.ClientId, password.Value).ApplyT(func(args []any) (string, error) {
			server, username, password := args[0].(string), args[1].(string), args[2].(string)
			content, err := json.Marshal(map[string]any{"auths": map[string]any{server: map[string]string{
				"username": username,
				"password": password,
				"auth":     base64.StdEncoding.EncodeToString([]byte(username + ":" + password)),
			}}})
			return string(content), err
		}).(pulumi.StringOutput)

		images := pulumi.StringMap{}
		for name, service := range services {
			namespace, err := corev1.NewNamespace(ctx, name, &corev1.NamespaceArgs{
				Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String(name + "-" + environment)},
			}, pulumi.Provider(provider))
			if err != nil {
				return err
			}
			_, err = corev1.NewSecret(ctx, name, &corev1.SecretArgs{
				Metadata: &metav1.ObjectMetaArgs{
					Name:      pulumi.String(pullSecretName),
					Namespace: namespace.Metadata.Name(),
				},
				Type:       pulumi.String("kubernetes.io/dockerconfigjson"),
				StringData: pulumi.StringMap{".dockerconfigjson": dockerConfig},
			}, pulumi.Provider(provider))
			if err != nil {
				return err
			}
			values := pulumi.ToMap(service.Values)
			values["image"] = pulumi.Map{
				"repository": pulumi.Sprintf("%s/%s", registry.LoginServer, name),
				"tag":        pulumi.String(service.Image.Tag),
			}
			values["imagePullSecrets"] = pulumi.Array{pulumi.Map{"name": pulumi.String(pullSecretName)}}
			_, err = helm.NewRelease(ctx, name, &helm.ReleaseArgs{
				Name:      pulumi.String(name),
				Namespace: namespace.Metadata.Name(),
				Chart:     pulumi.String("./infra/charts/microservice"),
				Values:    values,
			}, pulumi.Provider(provider), pulumi.DependsOn([]pulumi.Resource{grant}))
			if err != nil {
				return err
			}
			images[name] = pulumi.Sprintf("%s/%s:%s", registry.LoginServer, name, service.Image.Tag)
		}
		ctx.Export("loginServer", registry.LoginServer)
		ctx.Export("images", images)
		return nil
	})
}
