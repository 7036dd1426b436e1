// Package cluster connects a stack to its Kubernetes cluster: it creates the provider, from a kubeconfig or from AKS, and the hook
// that recovers Helm releases in the cluster after a killed update.
package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // OpenID Connect, as in kubectl and the provider, and what replaces other old plugins
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/kubeapi"
)

const componentType = "acr-microservices:index:Cluster"

// Args are the inputs of a Cluster.
type Args struct {
	// config.Cluster holds the stack file's validated settings. Empty fields have kubectl's defaults.
	config.Cluster
}

// Cluster is an existing Kubernetes cluster.
type Cluster struct {
	pulumi.ResourceState

	// Provider of the objects in the cluster.
	Provider *kubernetes.Provider
	// Recovery runs before a Helm release is installed or upgraded, and abandons what a killed update left of it.
	Recovery *pulumi.ResourceHook
	// NewObject runs before a namespace is created or adopted, and before something is created in an adopted one. It refuses to create
	// what exists, unless that has the labels of config.ServiceLabels with the same values, because it can be the stack's own, and to
	// adopt a missing or different namespace.
	NewObject *pulumi.ResourceHook
}

// New returns the Kubernetes cluster that args name, or the one kubectl would use.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Cluster, error) {
	cluster, settings := &Cluster{}, args.Cluster
	server := sync.OnceValues(func() (*kubeapi.Client, error) { return connect(settings) })
	if settings.Kubeconfig != "" {
		if _, err := server(); err != nil {
			return nil, fmt.Errorf("cluster.kubeconfig: %w", err)
		}
	}
	known, keep, err := knownIdentity(ctx, settings, server)
	if err != nil {
		return nil, err
	}
	if settings.AKS != nil {
		if settings.Kubeconfig, err = aksKubeconfig(ctx, settings.AKS); err != nil {
			return nil, err
		}
	}
	if err := cluster.create(ctx, name, settings, server, known, append(opts, keep)); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return cluster, ctx.RegisterResourceOutputs(cluster, pulumi.Map{})
}

// create registers the component, its provider and its hooks. The known identity of the cluster can be empty.
func (c *Cluster) create(
	ctx *pulumi.Context, name string, settings config.Cluster, server apiServer, known string, opts []pulumi.ResourceOption,
) error {
	guard, err := newGuard(ctx, name, settings)
	if err != nil {
		return err
	}
	inputs := &kubernetes.ProviderArgs{
		// Otherwise a new password would replace the pull secret: delete it, then create it, and a pod that starts in
		// between cannot pull.
		EnableSecretMutable: pulumi.Bool(true),
	}
	registered := pulumi.Map{}
	if known != "" {
		registered[identityKey] = pulumi.String(known)
		// With it, the provider replaces itself and all its objects when the cluster changes, and for no other reason.
		inputs.ClusterIdentifier = pulumi.String(known)
	}
	if err := ctx.RegisterComponentResourceV2(componentType, name, registered, c, append(opts, guard)...); err != nil {
		return err
	}
	if settings.Context != "" {
		inputs.Context = pulumi.String(settings.Context)
	}
	if settings.Kubeconfig != "" {
		inputs.Kubeconfig = pulumi.String(settings.Kubeconfig)
		if config.IsKubeconfigContent(settings.Kubeconfig) {
			inputs.Kubeconfig = pulumi.ToSecret(inputs.Kubeconfig).(pulumi.StringOutput).ToStringPtrOutput()
		}
	}
	if c.Provider, err = kubernetes.NewProvider(ctx, name, inputs, pulumi.Parent(c), keepIdentifier(known), withoutAmbient(settings)); err != nil {
		return err
	}
	if c.Recovery, err = newRecovery(ctx, name, server); err != nil {
		return err
	}
	c.NewObject, err = newObjectGuard(ctx, name, server)
	return err
}

// keepIdentifier keeps the recorded identity if the current one is unknown.
func keepIdentifier(known string) pulumi.ResourceOption {
	if known != "" {
		return pulumi.Composite()
	}
	return pulumi.IgnoreChanges([]string{"clusterIdentifier"})
}

// withoutAmbient removes the environment's KUBECONFIG from the provider's inputs. The generated package sets it there as one path,
// although it can name several files. Without it, the provider reads all of the files itself, as kubectl does, and no path of one
// machine gets into the state.
func withoutAmbient(settings config.Cluster) pulumi.ResourceOption {
	if settings.Kubeconfig != "" {
		return pulumi.Composite()
	}
	return pulumi.Transformations([]pulumi.ResourceTransformation{func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
		inputs, ok := args.Props.(*kubernetes.ProviderArgs)
		if !ok {
			return nil
		}
		inputs.Kubeconfig = nil
		return &pulumi.ResourceTransformationResult{Props: inputs, Opts: args.Opts}
	}})
}

// apiServer returns the client for the cluster's API server, or why there is none. It connects once: each time, client-go would read the
// kubeconfig again, and ask its program for credentials.
type apiServer func() (*kubeapi.Client, error)

// connect returns a client for the API server of the cluster.
func connect(cfg config.Cluster) (*kubeapi.Client, error) {
	found, err := restConfig(cfg)
	if err != nil {
		return nil, err
	}
	return kubeapi.New(found)
}

// restConfig returns the configuration of a client for the cluster, which it finds as the provider does.
func restConfig(cfg config.Cluster) (*rest.Config, error) {
	overrides := &clientcmd.ConfigOverrides{CurrentContext: cfg.Context}
	if cfg.Kubeconfig == "" {
		return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), overrides).ClientConfig()
	}
	// The provider forgets the path when it has read the file (parseKubeconfigString in provider/pkg/provider/util.go of v4), so relative
	// paths in it are relative to the project folder.
	content := []byte(cfg.Kubeconfig)
	if !config.IsKubeconfigContent(cfg.Kubeconfig) {
		var err error
		if content, err = os.ReadFile(config.ExpandHome(cfg.Kubeconfig)); err != nil {
			return nil, err
		}
	}
	kubeconfig, err := clientcmd.Load(content)
	if err != nil {
		return nil, errors.New("it is not a kubeconfig") // the reason could quote it
	}
	found, err := clientcmd.NewDefaultClientConfig(*kubeconfig, overrides).ClientConfig()
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; the provider looks for relative paths in the project folder: use absolute paths, or the variable KUBECONFIG", err)
	}
	return found, err
}
