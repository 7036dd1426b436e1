package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"example.com/acr-microservices/infra/sandbox/registrydouble"
)

// machine is the program that makes a node with containerd.
const machine = "machine"

// machineDir is where the programs of a node with containerd find the cluster's directory: see tools/kubernetes/machine.
const machineDir = "/run/sandbox"

// machinePath is the PATH of these programs.
const machinePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Runtime is a container runtime that is installed on this machine.
type Runtime struct {
	Containerd string // the program
	Plugins    string // directory of the network plugins
}

// FindRuntime finds the parts of the node [Containerd]. Its error says what is missing and how to get it.
func FindRuntime() (Runtime, error) {
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	found := Runtime{Containerd: first("containerd", filepath.SplitList(machinePath)...)}
	if found.Containerd == "" {
		missing = append(missing, "containerd")
	}
	if first("runc", filepath.SplitList(machinePath)...) == "" {
		missing = append(missing, "runc")
	}
	if ptp := first("ptp", "/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"); ptp != "" {
		found.Plugins = filepath.Dir(ptp)
	} else {
		missing = append(missing, "the network plugins")
	}
	if missing == nil {
		return found, nil
	}
	return Runtime{}, fmt.Errorf("a node with containerd lacks %s: as root, "+
		"apt-get install --no-install-recommends containerd runc containernetworking-plugins", strings.Join(missing, ", "))
}

// first returns the path of a program in the first of the directories that has it, or "".
func first(program string, dirs ...string) string {
	for _, dir := range dirs {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// startContainerd starts a node with kubelet and containerd, on a "machine" of its own.
func (c *Cluster) startContainerd(ctx context.Context, binary string, o Options, p ports) error {
	runtime, err := FindRuntime()
	if err != nil {
		return err
	}
	proxy, err := c.serveProxy(o.RegistryAddr)
	if err != nil {
		return err
	}
	cgroup := cgroupName(c.dir)
	// A killed cluster may have left one.
	if err := removeCgroup(cgroup); err != nil {
		return err
	}
	if err := makeCgroup(cgroup); err != nil {
		return err
	}
	if err := writeMachine(c.dir, p, runtime, o, cgroup); err != nil {
		return err
	}
	providers, err := writeCredentialProvider(c.dir, machineDir, o.CredentialProvider)
	if err != nil {
		return err
	}
	if err := c.registerNode(ctx); err != nil {
		return err
	}
	return c.spawn(binary, append(machineArgs(c.dir, runtime), providers...), func(cmd *exec.Cmd) {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
		cmd.Env = append(
			cmd.Env, "PATH="+machinePath, "TMPDIR=/run",
			// containerd reaches registries through it, and trusts only their CA.
			"HTTPS_PROXY=http://"+proxy, "SSL_CERT_FILE="+machineFile(machineDir, "registry-ca.crt"),
		)
	})
}

// serveProxy starts the proxy to the registry double, and returns its address.
func (c *Cluster) serveProxy(registryAddr string) (string, error) {
	listener, err := net.Listen("tcp", loopback(0))
	if err != nil {
		return "", err
	}
	c.proxy = &http.Server{Handler: registrydouble.Proxy(registryAddr), ReadHeaderTimeout: time.Minute}
	go c.proxy.Serve(listener) //nolint:errcheck // ends with Stop
	return listener.Addr().String(), nil
}

// registerNode creates the node's object, if missing, with an address: kubelet would choose one that is reachable from the
// network. In a cloud, the cloud controller does this.
func (c *Cluster) registerNode(ctx context.Context) error {
	_, err := c.call(ctx, http.MethodPost, "/api/v1/nodes", "application/json",
		`{"metadata": {"name": "`+NodeName+`"}, "spec": {"providerID": "sandbox://`+NodeName+`"}}`)
	if err != nil && !errors.Is(err, errConflict) {
		return err
	}
	_, err = c.call(ctx, http.MethodPatch, "/api/v1/nodes/"+NodeName+"/status", "application/merge-patch+json",
		`{"status": {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]}}`)
	return err
}

func machineFile(dir string, name ...string) string {
	return filepath.Join(append([]string{dir, machine}, name...)...)
}

// writeMachine writes the settings of containerd, of the pods' network and of kubelet.
func writeMachine(dir string, p ports, runtime Runtime, o Options, cgroup string) error {
	authority, err := os.ReadFile(o.RegistryCA)
	if err != nil {
		return err
	}
	network, err := json.Marshal(networkConfig(p))
	if err != nil {
		return err
	}
	kubelet, err := json.Marshal(kubeletConfig(p, cgroup))
	if err != nil {
		return err
	}
	for _, d := range []string{"cni", "plugins"} {
		if err := os.MkdirAll(machineFile(dir, d), 0o700); err != nil {
			return err
		}
	}
	return errors.Join(
		writePrivate(machineFile(dir, "registry-ca.crt"), authority),
		writePrivate(machineFile(dir, "cni", "sandbox.conflist"), network),
		writePrivate(machineFile(dir, "kubelet.json"), kubelet),
		writePrivate(machineFile(dir, "containerd.toml"), []byte(containerdConfig(runtime, o.PauseImage))),
	)
}

// containerdConfig is containerd's configuration. Temporary data is below /run, as on any machine.
func containerdConfig(runtime Runtime, pause string) string {
	// The copying snapshotter works on every file system; the images are small. AppArmor profiles and the folder of the plugin
	// "opt" would be machine-wide. Root in a container is not allowed to lower a process's OOM score below its own.
	return fmt.Sprintf(`version = 2
root = %q
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
address = %q

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = %q
disable_apparmor = true
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = %q
conf_dir = %q

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
`, machineFile(machineDir, "containerd"), containerdSocket, pause, runtime.Plugins, machineFile(machineDir, "cni"))
}

const containerdSocket = "/run/containerd/containerd.sock"

// networkConfig connects each pod only to the machine, because nothing is forwarded.
func networkConfig(p ports) any {
	return map[string]any{
		"cniVersion": "1.0.0",
		"name":       "sandbox",
		"plugins": []any{map[string]any{
			"type": "ptp",
			"ipam": map[string]any{
				"type": "host-local", "dataDir": "/run/cni",
				"ranges": [][]map[string]string{{{"subnet": p.podNetwork()}}},
			},
		}},
	}
}

// kubeletConfig holds kubelet's settings that differ from the default.
func kubeletConfig(p ports, cgroup string) any {
	type object map[string]any
	return object{
		"apiVersion": "kubelet.config.k8s.io/v1beta1",
		"kind":       "KubeletConfiguration",

		"address":           "127.0.0.1",
		"port":              p.Kubelet,
		"healthzPort":       0,
		"tlsCertFile":       pkiFile(machineDir, kubeletCert+".crt"),
		"tlsPrivateKeyFile": pkiFile(machineDir, kubeletCert+".key"),
		"authentication":    object{"x509": object{"clientCAFile": clusterCA(machineDir)}},
		"providerID":        "sandbox://" + NodeName,

		"containerRuntimeEndpoint": "unix://" + containerdSocket,
		"cgroupDriver":             "cgroupfs",
		"cgroupRoot":               "/" + cgroup,
		"podLogsDir":               machineFile(machineDir, "logs"),
		"volumePluginDir":          machineFile(machineDir, "plugins"),
		"serializeImagePulls":      false,

		// There is no DNS; without an address, kubelet warns for every pod. The machine's DNS is not for pods.
		"clusterDNS": []string{"10.96.0.10"},
		"resolvConf": "",

		// The node does not manage the machine's disk, swap and firewall.
		"evictionHard":                object{"imagefs.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%"},
		"imageGCHighThresholdPercent": 100,
		"failSwapOn":                  false,
		"makeIPTablesUtilChains":      false,
	}
}

func machineArgs(dir string, runtime Runtime) []string {
	return []string{
		machine, "--dir=" + dir, "--runtime=" + containerdSocket,
		"--", runtime.Containerd, "--config=" + machineFile(machineDir, "containerd.toml"), "--log-level=warn",
		"--", "/proc/self/exe", "kubelet",
		"--config=" + machineFile(machineDir, "kubelet.json"),
		"--kubeconfig=" + kubeconfigFile(machineDir, "node"),
		"--root-dir=" + machineFile(machineDir, "kubelet"),
		"--cert-dir=" + machineFile(machineDir, "kubelet", "pki"),
		"--hostname-override=" + NodeName,
		"--cloud-provider=external",
	}
}
