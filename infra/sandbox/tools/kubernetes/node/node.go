// Package node is a Kubernetes node in one unprivileged process: kubelet's code over a double of a container runtime (package
// cridouble). Pod life cycle, image pulls with pull secrets and back-off, probes, events, volumes, logs and the API are
// kubelet's; only parts that need root — containers, cgroups, mounts, the kernel's log — are replaced.
package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/trace/noop"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	genericapiserver "k8s.io/apiserver/pkg/server"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	v1core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
	"k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	"k8s.io/kubernetes/pkg/capabilities"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/kubelet"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/config"
	"k8s.io/kubernetes/pkg/kubelet/server"
	kubeletutil "k8s.io/kubernetes/pkg/kubelet/util"
	"k8s.io/kubernetes/pkg/util/oom"
	"k8s.io/kubernetes/pkg/volume"
	"k8s.io/kubernetes/pkg/volume/configmap"
	"k8s.io/kubernetes/pkg/volume/downwardapi"
	"k8s.io/kubernetes/pkg/volume/emptydir"
	"k8s.io/kubernetes/pkg/volume/hostpath"
	"k8s.io/kubernetes/pkg/volume/projected"
	"k8s.io/kubernetes/pkg/volume/secret"
	"k8s.io/kubernetes/pkg/volume/util/hostutil"
	"k8s.io/kubernetes/pkg/volume/util/subpath"
	"k8s.io/mount-utils"

	"example.com/acr-microservices/infra/sandbox/tools/kubernetes/cridouble"
)

// Options are the command's flags.
type Options struct {
	Name         string // of the node
	Kubeconfig   string // of the node's user, system:node:<name>
	RootDir      string // everything that the node keeps
	Port         int32  // of kubelet's API on 127.0.0.1
	CertFile     string // kubelet's serving certificate
	KeyFile      string
	ClientCAFile string // of kubelet's clients
	RegistryAddr string // host:port that is dialled for every registry
	RegistryCA   string // PEM file
	// CredentialProviders is kubelet's configuration of the programs that return its own credentials, and CredentialProviderDir
	// is their folder. Empty: none.
	CredentialProviders, CredentialProviderDir string

	PodLoopback string // the /24 of 127.0.0.0/8 where the pods' processes listen
}

// NewCommand returns the command "node", which runs until SIGTERM and then stops the node's containers.
func NewCommand() *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use:           "node",
		Short:         "Run a node without root: kubelet over a double of a container runtime",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error {
			return Run(genericapiserver.SetupSignalContext(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Name, "name", "sandbox", "name of the node")
	f.StringVar(&o.Kubeconfig, "kubeconfig", "", "kubeconfig of the user system:node:<name>")
	f.StringVar(&o.RootDir, "root-dir", "", "directory for everything that the node keeps")
	f.Int32Var(&o.Port, "port", 10250, "port of kubelet's API on 127.0.0.1")
	f.StringVar(&o.CertFile, "tls-cert-file", "", "kubelet's serving certificate")
	f.StringVar(&o.KeyFile, "tls-private-key-file", "", "its key")
	f.StringVar(&o.ClientCAFile, "client-ca-file", "", "CA of the clients that are allowed to call kubelet")
	f.StringVar(&o.RegistryAddr, "registry-address", "", "host:port that is dialled for *.azurecr.io and docker.io")
	f.StringVar(&o.RegistryCA, "registry-ca", "", "CA of that registry")
	f.StringVar(&o.PodLoopback, "pod-loopback", "127.10.244.0/24", "the /24 where the pods' processes listen")
	f.StringVar(&o.CredentialProviders, "image-credential-provider-config", "", "as kubelet's flag")
	f.StringVar(&o.CredentialProviderDir, "image-credential-provider-bin-dir", "", "as kubelet's flag")
	for _, name := range []string{"kubeconfig", "root-dir", "tls-cert-file", "tls-private-key-file", "client-ca-file", "registry-address", "registry-ca"} {
		cobra.CheckErr(cmd.MarkFlagRequired(name))
	}
	return cmd
}

// Run runs the node until ctx is done, and then stops its containers.
func Run(ctx context.Context, o Options) error {
	root, err := filepath.Abs(o.RootDir)
	if err != nil {
		return err
	}
	runtime, images, err := newRuntime(ctx, o, root)
	if err != nil {
		return err
	}
	if err := runKubelet(ctx, o, root, runtime, images); err != nil {
		return err
	}
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return runtime.Close(stop, int64(stopGrace.Seconds()))
}

// Time for the containers when the node stops. It is short: the pods stay in the API and start again with the node.
const (
	stopGrace   = 2 * time.Second
	stopTimeout = 5 * time.Second
)

func newRuntime(ctx context.Context, o Options, root string) (*cridouble.Runtime, *cridouble.Images, error) {
	loopback, err := netip.ParsePrefix(o.PodLoopback)
	if err != nil {
		return nil, nil, fmt.Errorf("pod network: %w", err)
	}
	pem, err := os.ReadFile(o.RegistryCA)
	if err != nil {
		return nil, nil, fmt.Errorf("registry CA: %w", err)
	}
	ca := x509.NewCertPool()
	if !ca.AppendCertsFromPEM(pem) {
		return nil, nil, fmt.Errorf("registry CA %s: no certificate", o.RegistryCA)
	}
	images, err := cridouble.NewImages(filepath.Join(root, "images"), o.RegistryAddr, ca)
	if err != nil {
		return nil, nil, err
	}
	runtime, err := cridouble.NewRuntime(ctx, filepath.Join(root, "containers"), loopback, images)
	return runtime, images, err
}

// runKubelet assembles and starts kubelet like RunKubelet, which does not allow other parts.
func runKubelet(ctx context.Context, o Options, root string, runtime *cridouble.Runtime, images *cridouble.Images) error {
	kubeletRoot := filepath.Join(root, "kubelet")
	conf, err := kubeletConfig(o, root)
	if err != nil {
		return err
	}
	client, heartbeat, err := clients(o.Kubeconfig, conf)
	if err != nil {
		return err
	}
	nodeName := types.NodeName(o.Name)
	auth, reloadCA, err := app.BuildAuth(nodeName, client, *conf)
	if err != nil {
		return fmt.Errorf("kubelet's API: %w", err)
	}
	reloadCA(ctx.Done())

	events := record.NewBroadcaster(record.WithContext(ctx))
	events.StartRecordingToSink(&v1core.EventSinkImpl{Interface: client.CoreV1().Events("")})
	recorder := events.NewRecorder(scheme.Scheme, v1.EventSource{Component: "kubelet", Host: o.Name})

	capabilities.Initialize(capabilities.Capabilities{AllowPrivileged: true})
	credentialprovider.SetPreferredDockercfgPath(kubeletRoot)

	host := hostDouble{dir: root}
	probes := newProbes(runtime, recorder)
	flags := options.NewKubeletFlags()
	deps := &kubelet.Dependencies{
		Auth:              auth,
		CAdvisorInterface: host,
		ContainerManager:  newContainerManager(host),
		EventClient:       client.CoreV1(),
		HeartbeatClient:   heartbeat,
		KubeClient:        client,
		Mounter:           mount.NewFakeMounter(nil),
		HostUtil:          hostutil.NewFakeHostUtil(nil),
		OOMAdjuster:       oom.NewFakeOOMAdjuster(),
		OSInterface:       osDouble{},
		ProbeManager:      probes,
		Recorder:          recorder,
		Subpather:         &subpath.FakeSubpath{},
		TracerProvider:    noop.NewTracerProvider(),
		VolumePlugins:     volumePlugins(),
		TLSOptions: &server.TLSOptions{
			Config:   &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert},
			CertFile: o.CertFile,
			KeyFile:  o.KeyFile,
		},
		RemoteRuntimeService:      runtime,
		RemoteImageService:        images,
		PodStartupLatencyTracker:  kubeletutil.NewPodStartupLatencyTracker(),
		NodeStartupLatencyTracker: kubeletutil.NewNodeStartupLatencyTracker(),
	}
	k, err := kubelet.NewMainKubelet(ctx, conf, deps,
		&config.ContainerRuntimeOptions{},
		"127.0.0.1", // as the host's name it becomes the node's address, where the API server finds kubelet
		nodeName,
		nil, // node addresses: kubelet rejects loopback ones here
		"sandbox://"+o.Name,
		"", // cloud provider
		filepath.Join(kubeletRoot, "pki"),
		kubeletRoot,
		conf.PodLogsDir,
		o.CredentialProviders, o.CredentialProviderDir,
		true, // register the node
		nil, nil, "", false, false,
		flags.MinimumGCAge, flags.MaxPerPodContainerCount, flags.MaxContainerCount,
		nil, // node labels
		conf.NodeStatusMaxImages,
		false,
	)
	if err != nil {
		return fmt.Errorf("kubelet: %w", err)
	}
	probes.start(ctx, k)
	k.BirthCry()
	k.StartGarbageCollection()
	go k.Run(deps.PodConfig.Updates())
	go k.ListenAndServe(conf, deps.TLSOptions, auth, noop.NewTracerProvider())
	return nil
}

func clients(kubeconfig string, conf *kubeletconfig.KubeletConfiguration) (client, heartbeat *clientset.Clientset, err error) {
	rest, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, nil, fmt.Errorf("kubeconfig %s: %w", kubeconfig, err)
	}
	rest.UserAgent = "kubelet"
	rest.ContentType = "application/vnd.kubernetes.protobuf"
	rest.QPS, rest.Burst = float32(conf.KubeAPIQPS), int(conf.KubeAPIBurst)
	client, err = clientset.NewForConfig(rest)
	if err != nil {
		return nil, nil, fmt.Errorf("kubeconfig %s: %w", kubeconfig, err)
	}
	rest.QPS = -1
	rest.Timeout = conf.NodeStatusUpdateFrequency.Duration
	heartbeat, err = clientset.NewForConfig(rest)
	return client, heartbeat, err
}

// kubeletConfig is kubelet's default configuration adapted to run rootless.
func kubeletConfig(o Options, root string) (*kubeletconfig.KubeletConfiguration, error) {
	c, err := options.NewKubeletConfiguration()
	if err != nil {
		return nil, err
	}
	c.Address = "127.0.0.1"
	c.Port = o.Port
	c.ReadOnlyPort = 0
	c.HealthzPort = 0
	c.TLSCertFile, c.TLSPrivateKeyFile = o.CertFile, o.KeyFile
	c.Authentication.Anonymous.Enabled = false
	c.Authentication.X509.ClientCAFile = o.ClientCAFile
	c.PodLogsDir = filepath.Join(root, "logs")

	c.CgroupsPerQOS = false
	c.EnforceNodeAllocatable = []string{}
	c.MakeIPTablesUtilChains = false
	c.EnableControllerAttachDetach = false
	c.ResolverConfig = ""
	// No pod reads it; without an address kubelet warns at every pod.
	c.ClusterDNS = []string{"10.96.0.10"}

	// The node does not manage the machine's disk and memory.
	c.EvictionHard = map[string]string{}
	c.ImageGCHighThresholdPercent = 100

	c.SerializeImagePulls = false
	return c, nil
}

func volumePlugins() []volume.VolumePlugin {
	var plugins []volume.VolumePlugin
	for _, p := range [][]volume.VolumePlugin{
		configmap.ProbeVolumePlugins(),
		downwardapi.ProbeVolumePlugins(),
		emptydir.ProbeVolumePlugins(),
		hostpath.ProbeVolumePlugins(volume.VolumeConfig{}),
		projected.ProbeVolumePlugins(),
		secret.ProbeVolumePlugins(),
	} {
		plugins = append(plugins, p...)
	}
	return plugins
}
