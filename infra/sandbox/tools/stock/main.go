// Command stock creates the program's resources in the usual way: with the packages that the SDK's documentation names, such as
// helm/v3. It supports the options of the stack file that need no other module, so no private endpoint and no diagnostics, each
// in its simplest form, with one password instead of several in rotation. The benchmarks compile it for comparison with the
// program. It is never deployed, and CI skips it, because compiling it takes longer than all the rest.
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
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

const (
	pullSecretName = "acr-secret"
	acrPullRole    = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
)

type registryConfig struct {
	SKU      string   `json:"sku"`
	Replicas []string `json:"replicas"`
	Lock     bool     `json:"lock"`
	Existing *struct {
		Name          string `json:"name"`
		ResourceGroup string `json:"resourceGroup"`
	} `json:"existing"`
	Webhooks map[string]struct {
		ServiceURI string   `json:"serviceUri"`
		Actions    []string `json:"actions"`
	} `json:"webhooks"`
	Cache map[string]struct {
		Source           string `json:"source"`
		Target           string `json:"target"`
		LoginServer      string `json:"loginServer"`
		UsernameSecretID string `json:"usernameSecretId"`
		PasswordSecretID string `json:"passwordSecretId"`
	} `json:"cache"`
	Tokens map[string][]string `json:"tokens"` // allowed actions
}

type namespaceConfig struct {
	Quota   map[string]string `json:"quota"`
	Limits  map[string]string `json:"limits"`
	Isolate bool              `json:"isolate"`
}

type service struct {
	Image struct {
		Tag string `json:"tag"`
	} `json:"image"`
	Namespace namespaceConfig `json:"namespace"`
	Values    map[string]any  `json:"values"`
}

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		cfg := config.New(ctx, "")
		environment := cfg.Require("environment")
		var registryArgs registryConfig
		cfg.RequireObject("registry", &registryArgs)
		services := map[string]service{}
		cfg.RequireObject("services", &services)

		registryID, loginServer, err := newRegistry(ctx, &registryArgs)
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
			Scope: registryID,
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
		dockerConfig := pulumi.All(loginServer, application.ClientId, password.Value).ApplyT(func(args []any) (string, error) {
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
			if err := newRules(ctx, name, &service.Namespace, namespace, provider); err != nil {
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
				"repository": pulumi.Sprintf("%s/%s", loginServer, name),
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
			images[name] = pulumi.Sprintf("%s/%s:%s", loginServer, name, service.Image.Tag)
		}
		ctx.Export("loginServer", loginServer)
		ctx.Export("images", images)
		return nil
	})
}

// newRegistry creates the registry and its children, or finds one.
func newRegistry(ctx *pulumi.Context, args *registryConfig) (id, loginServer pulumi.StringOutput, err error) {
	if args.Existing != nil {
		found := containerregistry.LookupRegistryOutput(ctx, containerregistry.LookupRegistryOutputArgs{
			RegistryName:      pulumi.String(args.Existing.Name),
			ResourceGroupName: pulumi.String(args.Existing.ResourceGroup),
		})
		return found.Id(), found.LoginServer(), nil
	}
	group, err := resources.NewResourceGroup(ctx, "acrmicroservices", nil)
	if err != nil {
		return id, loginServer, err
	}
	registry, err := containerregistry.NewRegistry(ctx, "acrmicroservices", &containerregistry.RegistryArgs{
		ResourceGroupName: group.Name,
		Sku:               &containerregistry.SkuArgs{Name: pulumi.String(args.SKU)},
		AdminUserEnabled:  pulumi.Bool(false),
	})
	if err != nil {
		return id, loginServer, err
	}
	for _, region := range args.Replicas {
		_, err := containerregistry.NewReplication(ctx, region, &containerregistry.ReplicationArgs{
			ResourceGroupName: group.Name,
			RegistryName:      registry.Name,
			ReplicationName:   pulumi.String(region),
			Location:          pulumi.String(region),
		})
		if err != nil {
			return id, loginServer, err
		}
	}
	for name, webhook := range args.Webhooks {
		_, err := containerregistry.NewWebhook(ctx, name, &containerregistry.WebhookArgs{
			ResourceGroupName: group.Name,
			RegistryName:      registry.Name,
			WebhookName:       pulumi.String(name),
			ServiceUri:        pulumi.ToSecret(pulumi.String(webhook.ServiceURI)).(pulumi.StringOutput),
			Actions:           pulumi.ToStringArray(webhook.Actions),
			Status:            pulumi.String("enabled"),
		})
		if err != nil {
			return id, loginServer, err
		}
	}
	for name, cached := range args.Cache {
		credentials, err := containerregistry.NewCredentialSet(ctx, name, &containerregistry.CredentialSetArgs{
			ResourceGroupName: group.Name,
			RegistryName:      registry.Name,
			LoginServer:       pulumi.String(cached.LoginServer),
			AuthCredentials: containerregistry.AuthCredentialArray{&containerregistry.AuthCredentialArgs{
				Name:                     pulumi.String("Credential1"),
				UsernameSecretIdentifier: pulumi.String(cached.UsernameSecretID),
				PasswordSecretIdentifier: pulumi.String(cached.PasswordSecretID),
			}},
			Identity: &containerregistry.IdentityPropertiesArgs{Type: containerregistry.ResourceIdentityTypeSystemAssigned},
		})
		if err != nil {
			return id, loginServer, err
		}
		_, err = containerregistry.NewCacheRule(ctx, name, &containerregistry.CacheRuleArgs{
			ResourceGroupName:       group.Name,
			RegistryName:            registry.Name,
			CacheRuleName:           pulumi.String(name),
			SourceRepository:        pulumi.String(cached.Source),
			TargetRepository:        pulumi.String(cached.Target),
			CredentialSetResourceId: credentials.ID(),
		})
		if err != nil {
			return id, loginServer, err
		}
	}
	for name, actions := range args.Tokens {
		scope, err := containerregistry.NewScopeMap(ctx, name, &containerregistry.ScopeMapArgs{
			ResourceGroupName: group.Name,
			RegistryName:      registry.Name,
			Actions:           pulumi.ToStringArray(actions),
		})
		if err != nil {
			return id, loginServer, err
		}
		_, err = containerregistry.NewToken(ctx, name, &containerregistry.TokenArgs{
			ResourceGroupName: group.Name,
			RegistryName:      registry.Name,
			ScopeMapId:        scope.ID(),
			Status:            pulumi.String("enabled"),
		})
		if err != nil {
			return id, loginServer, err
		}
	}
	if args.Lock {
		_, err := authorization.NewManagementLockByScope(ctx, "acrmicroservices", &authorization.ManagementLockByScopeArgs{
			Scope: registry.ID(),
			Level: pulumi.String("CanNotDelete"),
		})
		if err != nil {
			return id, loginServer, err
		}
	}
	return registry.ID().ToStringOutput(), registry.LoginServer, nil
}

// newRules creates the rules for pods in a service's namespace.
func newRules(ctx *pulumi.Context, name string, args *namespaceConfig, namespace *corev1.Namespace, provider *kubernetes.Provider) error {
	metadata := &metav1.ObjectMetaArgs{Name: pulumi.String("pulumi"), Namespace: namespace.Metadata.Name()}
	if len(args.Quota) > 0 {
		_, err := corev1.NewResourceQuota(ctx, name, &corev1.ResourceQuotaArgs{
			Metadata: metadata,
			Spec:     &corev1.ResourceQuotaSpecArgs{Hard: pulumi.ToStringMap(args.Quota)},
		}, pulumi.Provider(provider))
		if err != nil {
			return err
		}
	}
	if len(args.Limits) > 0 {
		_, err := corev1.NewLimitRange(ctx, name, &corev1.LimitRangeArgs{
			Metadata: metadata,
			Spec: &corev1.LimitRangeSpecArgs{Limits: corev1.LimitRangeItemArray{&corev1.LimitRangeItemArgs{
				Type:    pulumi.String("Container"),
				Default: pulumi.ToStringMap(args.Limits),
			}}},
		}, pulumi.Provider(provider))
		if err != nil {
			return err
		}
	}
	if args.Isolate {
		_, err := networkingv1.NewNetworkPolicy(ctx, name, &networkingv1.NetworkPolicyArgs{
			Metadata: metadata,
			Spec: &networkingv1.NetworkPolicySpecArgs{
				PodSelector: &metav1.LabelSelectorArgs{},
				PolicyTypes: pulumi.ToStringArray([]string{"Ingress"}),
				Ingress: networkingv1.NetworkPolicyIngressRuleArray{&networkingv1.NetworkPolicyIngressRuleArgs{
					From: networkingv1.NetworkPolicyPeerArray{&networkingv1.NetworkPolicyPeerArgs{
						PodSelector: &metav1.LabelSelectorArgs{},
					}},
				}},
			},
		}, pulumi.Provider(provider))
		if err != nil {
			return err
		}
	}
	return nil
}
