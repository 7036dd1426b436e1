// Package cluster runs a small, real Kubernetes cluster on one machine, without root and without containers: etcd,
// kube-apiserver, kube-controller-manager, kube-scheduler and a node, each a child process on 127.0.0.1.
//
// The node is kubelet over a double of a container runtime (see tools/kubernetes/cridouble), which runs images of the
// sandbox's registry as ordinary processes. With root and containerd it can be a real one: see [Containerd].
//
// All state is in one directory, so that a cluster can be stopped and started again with its data and addresses. The
// children die with this process, even when it is killed.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// NodeName is the name of the cluster's only node.
const NodeName = "sandbox"

// Node types.
const (
	// Double is kubelet's code over a double of a container runtime.
	Double = "double"
	// Containerd is kubelet over the containerd and runc installed on this machine. It requires root.
	Containerd = "containerd"
)

const serviceCIDR = "10.96.0.0/16"

// Options say where a cluster keeps its state and what it is made of. All are required unless noted.
type Options struct {
	// Dir holds the cluster's state: data, keys, logs and kubeconfig. It is created with mode 0700 if missing. Two clusters
	// must not use it at once.
	Dir string
	// Binary is the program built from tools/kubernetes.
	Binary string
	// Node is the node type; [Double] if empty.
	Node string
	// PauseImage is the image that holds a pod together, in one of the registries; for [Containerd] only.
	PauseImage string
	// RegistryAddr is the host:port that the node dials for *.azurecr.io and docker.io.
	RegistryAddr string
	// RegistryCA is a PEM file with the authority that the node trusts there.
	RegistryCA string
	// CredentialProvider is a program with arguments that gives kubelet the node's own credentials for *.azurecr.io, like
	// Azure's on a node of AKS. Empty: the node has none.
	// https://kubernetes.io/docs/tasks/administer-cluster/kubelet-credential-provider
	CredentialProvider []string
}

// Cluster is a running cluster.
type Cluster struct {
	dir      string
	client   *http.Client
	server   string // the API server's URL
	started  time.Time
	stopping chan struct{}
	done     chan struct{}
	proxy    *http.Server // to the registry; nil without containerd

	mu       sync.Mutex
	children []*child // in the order of their start
	err      error
	stopOnce sync.Once
	doneOnce sync.Once
}

// Start starts the cluster in o.Dir and returns when its API and its node are ready. On failure, or if ctx ends before, it
// stops everything again. A running cluster is stopped by Stop, not by ctx.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	for _, d := range []string{dir, filepath.Join(dir, "logs")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("cluster: %w", err)
		}
	}
	ports, err := choosePorts(filepath.Join(dir, "addresses.json"))
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	client, err := writeCredentials(dir, ports)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	c := &Cluster{
		dir:      dir,
		client:   client,
		server:   ports.server(),
		started:  time.Now(),
		stopping: make(chan struct{}),
		done:     make(chan struct{}),
	}
	if err := c.startAll(ctx, o, ports); err != nil {
		return nil, errors.Join(fmt.Errorf("cluster: %w", err), c.Stop())
	}
	return c, nil
}

func (c *Cluster) startAll(ctx context.Context, o Options, p ports) error {
	binary, err := filepath.Abs(o.Binary)
	if err != nil {
		return err
	}
	if o.RegistryCA, err = filepath.Abs(o.RegistryCA); err != nil {
		return err
	}
	start := func(args []string) error { return c.spawn(binary, args) }

	if err := start(etcdArgs(c.dir, p)); err != nil {
		return err
	}
	if err := c.wait(ctx, "etcd", dialable(p.Etcd)); err != nil {
		return err
	}
	if err := c.spawn(binary, apiserverArgs(c.dir, p), apiserverThreads); err != nil {
		return err
	}
	if err := c.wait(ctx, "kube-apiserver", c.apiReady); err != nil {
		return err
	}
	if err := start(controllerManagerArgs(c.dir)); err != nil {
		return err
	}
	if err := start(schedulerArgs(c.dir)); err != nil {
		return err
	}
	if err := c.startNode(ctx, binary, o, p); err != nil {
		return err
	}
	var g errgroup.Group
	g.Go(func() error { return c.wait(ctx, "node", c.nodeReady) })
	g.Go(func() error { return c.wait(ctx, "kube-controller-manager", c.defaultAccount) })
	return g.Wait()
}

func (c *Cluster) startNode(ctx context.Context, binary string, o Options, p ports) error {
	if o.Node == Containerd {
		return c.startContainerd(ctx, binary, o, p)
	}
	providers, err := writeCredentialProvider(c.dir, c.dir, o.CredentialProvider)
	if err != nil {
		return err
	}
	return c.spawn(binary, append(nodeArgs(c.dir, p, o.RegistryAddr, o.RegistryCA), providers...))
}

// Kubeconfig returns the path of a kubeconfig for the cluster's administrator, complete with certificates.
func (c *Cluster) Kubeconfig() string { return KubeconfigFile(c.dir) }

// KubeconfigFile is the kubeconfig of the cluster in dir.
func KubeconfigFile(dir string) string { return filepath.Join(dir, "kubeconfig") }

// Done is closed when a process of the cluster has ended on its own (see Err), or when Stop is done. The other processes run
// until Stop.
func (c *Cluster) Done() <-chan struct{} { return c.done }

// Err returns the first process that ended on its own, with the last lines of its log, or nil.
func (c *Cluster) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Time for a process to end by itself: the node stops its containers, etcd finishes its writes.
const stopGrace = 8 * time.Second

// Stop stops all processes in reverse dependency order and waits for them. It can be called again.
func (c *Cluster) Stop() error {
	var err error
	c.stopOnce.Do(func() {
		close(c.stopping)
		c.mu.Lock()
		children := c.children
		c.mu.Unlock()
		byName := map[string]*child{}
		for _, ch := range children {
			byName[ch.name] = ch
		}
		for _, group := range [][]string{{"node", machine, "kube-scheduler", "kube-controller-manager"}, {"kube-apiserver"}, {"etcd"}} {
			var g errgroup.Group
			for _, name := range group {
				if ch := byName[name]; ch != nil {
					g.Go(func() error { return ch.stop(stopGrace) })
				}
			}
			err = errors.Join(err, g.Wait())
		}
		if c.proxy != nil {
			err = errors.Join(err, c.proxy.Close(), Clean(c.dir))
		}
		c.client.CloseIdleConnections()
		c.doneOnce.Do(func() { close(c.done) })
	})
	return err
}

// wait polls ready until it reports true. It stops early when ctx or a process ends, and after a minute.
func (c *Cluster) wait(ctx context.Context, what string, ready func(context.Context) (bool, error)) error {
	const every, atMost = 50 * time.Millisecond, time.Minute
	ctx, cancel := context.WithTimeoutCause(ctx, atMost, fmt.Errorf("not ready after %s", atMost))
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		ok, err := ready(ctx)
		if ok {
			return nil
		}
		select {
		case <-c.done:
			return c.Err()
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s: %w", what, context.Cause(ctx)), err)
		case <-tick.C:
		}
	}
}
