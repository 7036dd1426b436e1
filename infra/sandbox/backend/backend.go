// Package backend runs the stack's environment: the double of Azure, the double of the registries with the demo images, and the
// Kubernetes cluster.
package backend

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"example.com/acr-microservices/infra/sandbox/addresses"
	"example.com/acr-microservices/infra/sandbox/azuredouble"
	"example.com/acr-microservices/infra/sandbox/cluster"
	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/demoimages"
	"example.com/acr-microservices/infra/sandbox/pki"
	"example.com/acr-microservices/infra/sandbox/registrydouble"
)

// dockerHubAccount is the Docker Hub account that offers the demo images.
const dockerHubAccount = "wolfgangofner"

// pause is the Docker Hub repository of the image that holds each pod's namespaces with containerd.
const pause = "sandbox/pause"

// The names of the doubles in the file of their addresses.
const azureNative, azureAD, azure, registry = "AzureNative", "AzureAD", "Azure", "Registry"

// Options say where the services keep their state and how they behave.
type Options struct {
	Dir        string   // state of all services, kept between runs
	Kubernetes string   // the binary with all parts of Kubernetes
	Node       string   // type of the cluster's node: cluster.Double or cluster.Containerd
	NodeLogin  []string // program and arguments that give kubelet the node's own credentials
	Cache      string   // directory of built demo images for all sandboxes
}

// running holds the running services.
type running struct {
	options   Options
	azure     *azuredouble.Double
	cluster   *cluster.Cluster
	listeners addresses.Listeners // of the doubles

	group  *errgroup.Group // serves the doubles
	cancel context.CancelFunc
	done   chan struct{} // closed when one of the services has died

	mu    sync.Mutex
	pulls []daemon.Pull
}

// Start starts all services in the order of their dependencies.
func (o Options) Start(ctx context.Context, step func(string)) (_ daemon.Services, err error) {
	ctx, cancel := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	r := &running{options: o, group: group, cancel: cancel, done: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Stop())
		}
	}()

	step("building the demo images")
	images := &publisher{}
	if images.images, err = demoimages.Images(ctx, o.Cache); err != nil {
		return nil, err
	}
	step("starting the doubles of Azure and its registries")
	ca, err := pki.EnsureCA(filepath.Join(o.Dir, "pki"), "acr-microservices sandbox")
	if err != nil {
		return nil, err
	}
	r.listeners, err = addresses.Listen(filepath.Join(o.Dir, "ports.json"), azureNative, azureAD, azure, registry)
	if err != nil {
		return nil, err
	}
	images.transport = registrydouble.Transport(r.listeners.Of(registry), ca.Pool())
	r.azure, err = azuredouble.Open(azuredouble.Options{
		StatePath:  filepath.Join(o.Dir, "azure.json"),
		OnRegistry: images.publish,
		RunTask:    images.runTask,
		Kubeconfig: cluster.KubeconfigFile(clusterDir(o.Dir)),
	})
	if err != nil {
		return nil, errors.Join(err, r.listeners.Close())
	}
	username, password := r.azure.OwnerCredential()
	images.owner = authn.FromConfig(authn.AuthConfig{Username: username, Password: password})
	images.registry, err = registrydouble.New(registrydouble.Options{
		Dir: filepath.Join(o.Dir, "registry"), Authority: r.azure, OnPull: r.recordPull,
	})
	if err != nil {
		return nil, errors.Join(err, r.listeners.Close())
	}
	tlsConfig, err := registrydouble.TLSConfig(ca)
	if err != nil {
		return nil, errors.Join(err, r.listeners.Close())
	}
	r.serve(ctx, images.registry, tlsConfig)

	step("filling Docker Hub with the demo images")
	if err := images.seedDockerHub(ctx); err != nil {
		return nil, err
	}
	if o.Node == cluster.Containerd {
		if err := images.seedPause(ctx, o.Cache); err != nil {
			return nil, err
		}
	}
	step("starting Kubernetes")
	r.cluster, err = cluster.Start(ctx, cluster.Options{
		Dir: clusterDir(o.Dir), Binary: o.Kubernetes,
		Node: o.Node, PauseImage: registrydouble.DockerHub + "/" + pause + ":" + demoimages.PauseTag,
		RegistryAddr: r.listeners.Of(registry), RegistryCA: ca.CertFile(),
		CredentialProvider: o.NodeLogin,
	})
	if err != nil {
		return nil, err
	}
	go func() {
		defer close(r.done)
		select {
		case <-r.cluster.Done():
		case <-ctx.Done(): // also when a double has failed
		}
	}()
	return r, nil
}

// serve serves the listeners until ctx ends.
func (r *running) serve(ctx context.Context, images http.Handler, config *tls.Config) {
	r.group.Go(func() error {
		return r.azure.Serve(ctx, r.listeners[azureNative], r.listeners[azureAD], r.listeners[azure])
	})
	server := &http.Server{Handler: images, TLSConfig: config, ReadHeaderTimeout: time.Minute}
	r.group.Go(func() error {
		if err := server.ServeTLS(r.listeners[registry], "", ""); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("registry double: %w", err)
		}
		return nil
	})
	r.group.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
}

// Info describes the sandbox.
func (r *running) Info() daemon.Info {
	r.mu.Lock()
	defer r.mu.Unlock()
	return daemon.Info{
		AzureNative: r.listeners.Of(azureNative), AzureAD: r.listeners.Of(azureAD),
		Azure: r.listeners.Of(azure), Registry: r.listeners.Of(registry),
		Kubeconfig: r.cluster.Kubeconfig(),
		Kubernetes: r.options.Kubernetes,
		Node:       r.options.Node,
		Inventory:  r.azure.Inventory(),
		Faults:     r.azure.FaultCounts(),
		Pulls:      append([]daemon.Pull(nil), r.pulls...),
	}
}

// SetConditions sets conditions of Azure that no request changes.
func (r *running) SetConditions(c azuredouble.Conditions) { r.azure.SetConditions(c) }

// NodeLogin returns the registry login of the cluster's node.
func (r *running) NodeLogin() daemon.Login {
	username, password := r.azure.KubeletCredential()
	return daemon.Login{Username: username, Password: password}
}

// Discard deletes the cloud objects of the given types, except those with a known id.
func (r *running) Discard(types, known []string) error { return r.azure.Discard(types, known) }

// Delete deletes an object from the cloud, like a manual deletion.
func (r *running) Delete(id string) error { return r.azure.Delete(id) }

// Outage stops a process of the cluster, or starts it again.
func (r *running) Outage(ctx context.Context, process string, over bool) error {
	if over {
		return r.cluster.Resume(ctx, process)
	}
	return r.cluster.Halt(process)
}

// Done is closed when a service has died.
func (r *running) Done() <-chan struct{} { return r.done }

// Stop stops all services and returns the error of one that has died.
func (r *running) Stop() error {
	var err error
	if r.cluster != nil {
		err = errors.Join(r.cluster.Err(), r.cluster.Stop())
	}
	r.cancel()
	return errors.Join(err, r.group.Wait())
}

// Clean removes the leftovers of dir's killed services from outside of dir.
func Clean(dir string) error { return cluster.Clean(clusterDir(dir)) }

func clusterDir(dir string) string { return filepath.Join(dir, "cluster") }

// recordPull records a served manifest. For a tag of an Azure registry, it first waits for the pull latency.
func (r *running) recordPull(ctx context.Context, host, repository, reference, principal string) {
	separator := ":"
	if strings.Contains(reference, ":") { // a digest
		separator = "@"
	} else if host != registrydouble.DockerHub {
		_ = r.azure.Delay(ctx, azuredouble.PullLatency) // the client is gone if this fails
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pulls = append(r.pulls, daemon.Pull{Image: host + "/" + repository + separator + reference, Account: r.azure.Describe(principal)})
}

// publisher puts the demo images where the stack expects images.
type publisher struct {
	images    map[string]v1.Image // by repository:tag
	registry  *registrydouble.Server
	transport http.RoundTripper   // to the registry double
	owner     authn.Authenticator // the deploying user
}

// publish fills a new registry like a build pipeline: by an ordinary push over HTTP.
func (p *publisher) publish(ctx context.Context, loginServer string) error {
	// A push takes a second. The timeout turns a hanging push into a failure.
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	// An earlier registry of the same name can have left its content.
	if err := p.registry.Remove(loginServer); err != nil {
		return err
	}
	return demoimages.Push(ctx, p.images, loginServer, p.owner, p.transport)
}

// seedDockerHub publishes the same images.
func (p *publisher) seedDockerHub(ctx context.Context) error {
	for reference, image := range p.images {
		repository, tag, _ := strings.Cut(reference, ":")
		if err := p.registry.Seed(ctx, registrydouble.DockerHub, dockerHubAccount+"/"+repository, tag, image); err != nil {
			return err
		}
	}
	return nil
}

// seedPause publishes the image that holds a pod's namespaces.
func (p *publisher) seedPause(ctx context.Context, cache string) error {
	image, err := demoimages.Pause(ctx, cache)
	if err != nil {
		return err
	}
	return p.registry.Seed(ctx, registrydouble.DockerHub, pause, demoimages.PauseTag, image)
}
