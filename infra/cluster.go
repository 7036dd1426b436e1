package infra

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"example.com/acr-microservices/infra/config"
)

// cluster is where the services run.
type cluster struct {
	provider  pulumi.ResourceOption
	abandoned *pulumi.ResourceHook // of its releases
}

// newCluster returns the Kubernetes cluster that the stack's configuration names, or the one kubectl would talk to.
func newCluster(ctx *pulumi.Context, name string, cfg config.Cluster, opts ...pulumi.ResourceOption) (*cluster, error) {
	args := &kubernetes.ProviderArgs{
		// Otherwise a new password would replace the pull secret: delete it, then create it, and a pod that starts in
		// between cannot pull.
		EnableSecretMutable: pulumi.Bool(true),
	}
	if cfg.Context != "" {
		args.Context = pulumi.String(cfg.Context)
	}
	if cfg.AKS != nil {
		var err error
		if cfg.Kubeconfig, err = aksKubeconfig(ctx, cfg.AKS); err != nil {
			return nil, err
		}
	}
	if cfg.Kubeconfig != "" {
		args.Kubeconfig = pulumi.String(cfg.Kubeconfig)
		if config.IsKubeconfigContent(cfg.Kubeconfig) {
			args.Kubeconfig = pulumi.ToSecret(args.Kubeconfig).(pulumi.StringOutput).ToStringPtrOutput()
		}
	}
	provider, err := kubernetes.NewProvider(ctx, name, args, opts...)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	abandoned, err := newAbandonedReleases(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return &cluster{provider: pulumi.Providers(provider), abandoned: abandoned}, nil
}

// restConfig finds the cluster by itself, as the provider does.
func restConfig(cfg config.Cluster) (*rest.Config, error) {
	overrides := &clientcmd.ConfigOverrides{CurrentContext: cfg.Context}
	if config.IsKubeconfigContent(cfg.Kubeconfig) {
		kubeconfig, err := clientcmd.Load([]byte(cfg.Kubeconfig))
		if err != nil {
			return nil, errors.New("cluster.kubeconfig is no kubeconfig") // the reason may quote it
		}
		return clientcmd.NewDefaultClientConfig(*kubeconfig, overrides).ClientConfig()
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = config.ExpandHome(cfg.Kubeconfig)
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
}
