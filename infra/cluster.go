package infra

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// cluster is where the services run.
type cluster struct {
	provider  pulumi.ResourceOption
	abandoned *pulumi.ResourceHook // of its releases
}

// newCluster returns the Kubernetes cluster that the stack's configuration names, or the one kubectl would talk to.
func newCluster(ctx *pulumi.Context, name string, config ClusterConfig, opts ...pulumi.ResourceOption) (*cluster, error) {
	args := &kubernetes.ProviderArgs{
		// Otherwise a new password would replace the pull secret: delete it, then create it, and a pod that starts in
		// between cannot pull.
		EnableSecretMutable: pulumi.Bool(true),
	}
	if config.Context != "" {
		args.Context = pulumi.String(config.Context)
	}
	if config.AKS != nil {
		var err error
		if config.Kubeconfig, err = config.AKS.kubeconfig(ctx); err != nil {
			return nil, err
		}
	}
	if config.Kubeconfig != "" {
		args.Kubeconfig = pulumi.String(config.Kubeconfig)
		if isKubeconfigContent(config.Kubeconfig) {
			args.Kubeconfig = pulumi.ToSecret(args.Kubeconfig).(pulumi.StringOutput).ToStringPtrOutput()
		}
	}
	provider, err := kubernetes.NewProvider(ctx, name, args, opts...)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	abandoned, err := newAbandonedReleases(ctx, config.restConfig)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return &cluster{provider: pulumi.Providers(provider), abandoned: abandoned}, nil
}

// restConfig finds the cluster by itself, as the provider does.
func (c ClusterConfig) restConfig() (*rest.Config, error) {
	overrides := &clientcmd.ConfigOverrides{CurrentContext: c.Context}
	if isKubeconfigContent(c.Kubeconfig) {
		config, err := clientcmd.Load([]byte(c.Kubeconfig))
		if err != nil {
			return nil, errors.New("cluster.kubeconfig is no kubeconfig") // the reason may quote it
		}
		return clientcmd.NewDefaultClientConfig(*config, overrides).ClientConfig()
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = homePath(c.Kubeconfig)
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
}

// homePath resolves a leading ~/ as a shell would, and as the provider does.
func homePath(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, _ := os.UserHomeDir()
		return filepath.Join(home, rest)
	}
	return path
}
