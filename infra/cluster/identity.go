package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/azure"
)

// identityKey is the component's input that holds the cluster's identity.
const identityKey = "identity"

// identity returns what identifies the cluster even if its address, its certificates or the kubeconfig change: Azure's id of an AKS
// cluster, and otherwise the UID of the namespace kube-system, which every cluster has.
func identity(ctx *pulumi.Context, settings config.Cluster, server apiServer) (string, error) {
	if settings.AKS != nil {
		subscription, err := azure.Subscription(ctx)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/providers/Microsoft.ContainerService/managedClusters/%s",
			subscription, settings.AKS.ResourceGroup, settings.AKS.Name), nil
	}
	return systemUID(ctx.Context(), server)
}

// systemUID asks the API server for the UID of the namespace kube-system.
func systemUID(ctx context.Context, server apiServer) (string, error) {
	found, err := lookUpNamespace(ctx, server, "kube-system")
	switch {
	case err != nil:
		return "", err
	case found == nil || found.Metadata.UID == "":
		return "", errors.New("the namespace kube-system does not exist or has no UID")
	}
	return found.Metadata.UID, nil
}

// knownIdentity returns the cluster's identity, and an option for the component that records it. If the identity cannot be read, it
// is the stack file's; without one, the recorded identity stays.
func knownIdentity(ctx *pulumi.Context, settings config.Cluster, server apiServer) (string, pulumi.ResourceOption, error) {
	found, err := identity(ctx, settings, server)
	switch {
	case err == nil && settings.Identifier != "" && !strings.EqualFold(found, settings.Identifier):
		return "", nil, fmt.Errorf("cluster.identifier: %q is not the selected cluster, which is %q", settings.Identifier, found)
	case err == nil:
		return found, pulumi.Composite(), nil
	case settings.Identifier != "":
		return settings.Identifier, pulumi.Composite(), nil
	}
	// The stack does not require the permission to read the cluster's namespaces, and a preview can run where the cluster cannot be
	// reached.
	return "", pulumi.IgnoreChanges([]string{identityKey}), ctx.Log.Warn(fmt.Sprintf("cluster: cannot check whether this is the recorded cluster, "+
		"because its identity cannot be read: %v; set cluster.identifier to skip this check", err), nil)
}

// newGuard returns the hook of the component: it refuses a cluster that is not the recorded one, also in a preview, unless
// cluster.identifier names it.
func newGuard(ctx *pulumi.Context, name string, settings config.Cluster) (pulumi.ResourceOption, error) {
	hook, err := ctx.RegisterResourceHook("sameCluster-"+name, func(args *pulumi.ResourceHookArgs) error {
		return checkSame(args.OldInputs, args.NewInputs, settings.Identifier != "")
	}, &pulumi.ResourceHookOptions{OnDryRun: true})
	if err != nil {
		return nil, err
	}
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeUpdate: []*pulumi.ResourceHook{hook}}), nil
}

// checkSame compares the recorded identity with the current one.
func checkSame(olds, news resource.PropertyMap, named bool) error {
	before, now := olds[identityKey], news[identityKey]
	if named || !before.IsString() || !now.IsString() || strings.EqualFold(before.StringValue(), now.StringValue()) {
		return nil
	}
	return fmt.Errorf("cluster: another cluster than before is selected: %s, but the stack is in %s; "+
		"select that cluster again, or, to move the stack and delete everything in the old cluster, set cluster.identifier to %q",
		now.StringValue(), before.StringValue(), now.StringValue())
}
