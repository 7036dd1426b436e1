package cluster

import (
	"encoding/base64"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/azure"
)

// aksCluster are the arguments that identify a cluster in Azure's functions.
type aksCluster struct {
	ResourceGroup string `pulumi:"resourceGroupName"`
	Name          string `pulumi:"resourceName"`
}

func aksClusterOf(aks *config.AKS) aksCluster { return aksCluster{aks.ResourceGroup, aks.Name} }

// aksKubeconfig asks Azure for the credentials of the cluster: those of whoever runs the stack, or, with Admin, the local
// administrator's. https://learn.microsoft.com/azure/aks/control-kubeconfig-access
func aksKubeconfig(ctx *pulumi.Context, aks *config.AKS) (string, error) {
	function := "containerservice:listManagedClusterUserCredentials"
	if aks.Admin {
		function = "containerservice:listManagedClusterAdminCredentials"
	}
	answer, err := azure.Ask[struct {
		Kubeconfigs []struct {
			Value string `pulumi:"value"`
		} `pulumi:"kubeconfigs"`
	}](ctx, function, aksClusterOf(aks))
	if err != nil {
		return "", fmt.Errorf("cluster.aks %q: %w", aks.Name, err)
	}
	if len(answer.Kubeconfigs) == 0 {
		return "", fmt.Errorf("cluster.aks %q: Azure returned no credentials; with cluster.aks.admin true, the cluster's local accounts must be enabled", aks.Name)
	}
	content, err := base64.StdEncoding.DecodeString(answer.Kubeconfigs[0].Value)
	if err != nil {
		return "", fmt.Errorf("cluster.aks %q: the kubeconfig from Azure is not base64", aks.Name)
	}
	return string(content), nil
}

// KubeletPrincipal asks Azure for the object id in Entra of the identity with which the cluster's nodes pull.
func KubeletPrincipal(ctx *pulumi.Context, aks *config.AKS) (string, error) {
	answer, err := azure.Ask[struct {
		IdentityProfile map[string]struct {
			ObjectID string `pulumi:"objectId"`
		} `pulumi:"identityProfile"`
	}](ctx, "containerservice:getManagedCluster", aksClusterOf(aks))
	if err != nil {
		return "", fmt.Errorf("cluster.aks %q: %w", aks.Name, err)
	}
	kubelet, ok := answer.IdentityProfile["kubeletidentity"]
	if !ok {
		return "", fmt.Errorf("cluster.aks %q has no kubelet identity, like every cluster with a service principal; "+
			"set registry.pull.mode to servicePrincipal or token", aks.Name)
	}
	return kubelet.ObjectID, nil
}
