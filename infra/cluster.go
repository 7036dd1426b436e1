package infra

import (
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// newCluster returns the provider for the Kubernetes cluster that the stack's configuration names, or the one kubectl
// would talk to.
func newCluster(ctx *pulumi.Context, name string, cluster ClusterConfig, opts ...pulumi.ResourceOption) (*kubernetes.Provider, error) {
	args := &kubernetes.ProviderArgs{
		// Otherwise a new password would replace the pull secret: delete it, then create it, and a pod that starts in
		// between cannot pull.
		EnableSecretMutable: pulumi.Bool(true),
	}
	if cluster.Context != "" {
		args.Context = pulumi.String(cluster.Context)
	}
	if cluster.AKS != nil {
		kubeconfig, err := cluster.AKS.kubeconfig(ctx)
		if err != nil {
			return nil, err
		}
		args.Kubeconfig = pulumi.ToSecret(pulumi.StringPtr(kubeconfig)).(pulumi.StringPtrOutput)
	}
	if cluster.Kubeconfig != "" {
		args.Kubeconfig = pulumi.String(cluster.Kubeconfig)
		if isKubeconfigContent(cluster.Kubeconfig) {
			args.Kubeconfig = pulumi.ToSecret(args.Kubeconfig).(pulumi.StringOutput).ToStringPtrOutput()
		}
	}
	provider, err := kubernetes.NewProvider(ctx, name, args, opts...)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return provider, nil
}
