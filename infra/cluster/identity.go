package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/client-go/rest"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/azure"
)

// identityKey is the component's input that holds the cluster's identity.
const identityKey = "identity"

// identity returns what tells the cluster from all others, wherever its address, its certificates and the kubeconfig may go:
// Azure's id of an AKS cluster, and of others the UID of the namespace kube-system, which no cluster is without.
func identity(ctx *pulumi.Context, settings config.Cluster) (string, error) {
	if settings.AKS != nil {
		subscription, err := azure.Subscription(ctx)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/providers/Microsoft.ContainerService/managedClusters/%s",
			subscription, settings.AKS.ResourceGroup, settings.AKS.Name), nil
	}
	found, err := restConfig(settings)
	if err != nil {
		return "", err
	}
	return systemUID(ctx.Context(), found)
}

// systemUID asks the API server for the UID of the namespace kube-system.
func systemUID(ctx context.Context, cluster *rest.Config) (string, error) {
	found, err := lookUpNamespace(ctx, cluster, "kube-system")
	switch {
	case err != nil:
		return "", err
	case found == nil || found.Metadata.UID == "":
		return "", errors.New("there is no namespace kube-system with a UID")
	}
	return found.Metadata.UID, nil
}

// knownIdentity returns the cluster's identity, the one that the stack file gives if there is one, and an option for the component that
// records it: where nobody knows the identity, the recorded one stays.
func knownIdentity(ctx *pulumi.Context, settings config.Cluster) (string, pulumi.ResourceOption, error) {
	found, err := identity(ctx, settings)
	switch {
	case err == nil && settings.Identifier != "" && !strings.EqualFold(found, settings.Identifier):
		return "", nil, fmt.Errorf("cluster.identifier: %q is not the cluster that the kubeconfig leads to, which is %q", settings.Identifier, found)
	case err == nil:
		return found, pulumi.Composite(), nil
	case settings.Identifier != "":
		return settings.Identifier, pulumi.Composite(), nil
	}
	// Nobody needs the permission to read namespaces of the whole cluster, and a preview may run where the cluster is out of reach.
	if err := ctx.Log.Warn(fmt.Sprintf("cluster: cannot find out whether it is the same as before, because its identity cannot be read: %v; "+
		"set cluster.identifier to check nothing", err), nil); err != nil {
		return "", nil, fmt.Errorf("cluster: %w", err)
	}
	return "", pulumi.IgnoreChanges([]string{identityKey}), nil
}

// newGuard returns the hook of the component: it refuses a cluster that is not the recorded one, at preview as well, unless the stack file
// names it.
func newGuard(ctx *pulumi.Context, settings config.Cluster) (pulumi.ResourceOption, error) {
	named := settings.Identifier != "" || settings.AKS != nil
	hook, err := ctx.RegisterResourceHook("sameCluster", func(args *pulumi.ResourceHookArgs) error {
		return checkSame(args.OldInputs, args.NewInputs, named)
	}, &pulumi.ResourceHookOptions{OnDryRun: true})
	if err != nil {
		return nil, err
	}
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeUpdate: []*pulumi.ResourceHook{hook}}), nil
}

// checkSame compares the recorded identity with the present one.
func checkSame(olds, news resource.PropertyMap, named bool) error {
	before, now := olds[identityKey], news[identityKey]
	if named || !before.IsString() || !now.IsString() || strings.EqualFold(before.StringValue(), now.StringValue()) {
		return nil
	}
	return fmt.Errorf("cluster: the kubeconfig and its context lead to another cluster than before: to %s, and the stack is in %s; "+
		"go back to that cluster, or, to move the stack and delete everything in the old one, set cluster.identifier to %q",
		now.StringValue(), before.StringValue(), now.StringValue())
}
