package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
)

// The first argument is the name of the program within the binary, and of the process here.

// NoFsync is the environment variable that has etcd leave it to the kernel when its data gets to the disk. What dies with the tests are
// processes, and the kernel keeps what they have written.
const NoFsync = "ACR_MICROSERVICES_SANDBOX_NO_FSYNC"

func etcdArgs(dir string, p ports) []string {
	client, peer := "https://"+loopback(p.Etcd), "https://"+loopback(p.EtcdPeer)
	args := []string{
		"etcd",
		"--name=sandbox",
		"--data-dir=" + filepath.Join(dir, "etcd"),
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=sandbox=" + peer,
		"--cert-file=" + pkiFile(dir, etcdCert+".crt"),
		"--key-file=" + pkiFile(dir, etcdCert+".key"),
		"--client-cert-auth",
		"--trusted-ca-file=" + etcdCA(dir),
		"--peer-cert-file=" + pkiFile(dir, etcdCert+".crt"),
		"--peer-key-file=" + pkiFile(dir, etcdCert+".key"),
		"--peer-client-cert-auth",
		"--peer-trusted-ca-file=" + etcdCA(dir),
		"--auto-compaction-retention=1",
		"--log-level=warn",
	}
	if os.Getenv(NoFsync) != "" {
		args = append(args, "--unsafe-no-fsync")
	}
	return args
}

func apiserverArgs(dir string, p ports) []string {
	return []string{
		"kube-apiserver",
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(p.Apiserver),
		// A machine may have no address but loopback, which may not be advertised. Nothing uses the advertised one: no pod
		// reaches the service "kubernetes", as there is no service network.
		"--advertise-address=192.0.2.1",
		"--endpoint-reconciler-type=none",
		"--external-hostname=localhost",
		"--etcd-servers=https://" + loopback(p.Etcd),
		"--etcd-cafile=" + etcdCA(dir),
		"--etcd-certfile=" + pkiFile(dir, apiserverEtcd+".crt"),
		"--etcd-keyfile=" + pkiFile(dir, apiserverEtcd+".key"),
		"--tls-cert-file=" + pkiFile(dir, apiserverCert+".crt"),
		"--tls-private-key-file=" + pkiFile(dir, apiserverCert+".key"),
		"--client-ca-file=" + clusterCA(dir),
		"--anonymous-auth=false",
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged",
		"--service-cluster-ip-range=" + serviceCIDR,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=" + pkiFile(dir, serviceAccountKey+".key"),
		"--service-account-key-file=" + pkiFile(dir, serviceAccountKey+".pub"),
		"--kubelet-client-certificate=" + pkiFile(dir, apiserverKubelet+".crt"),
		"--kubelet-client-key=" + pkiFile(dir, apiserverKubelet+".key"),
		"--kubelet-certificate-authority=" + clusterCA(dir),
		"--profiling=false",
	}
}

// apiserverThreads gives the API server at least eight threads to run its goroutines. Those of two processors make it learn so
// late of a pod's node that kubelet may ask for the pod's secrets before it is allowed to, and asks again only a second later;
// with more, the kernel lets them take turns. An API server of AKS does not share two processors with all the rest.
func apiserverThreads(cmd *exec.Cmd) {
	cmd.Env = append(cmd.Env, fmt.Sprintf("GOMAXPROCS=%d", max(8, runtime.NumCPU())))
}

func controllerManagerArgs(dir string) []string {
	return []string{
		"kube-controller-manager",
		"--kubeconfig=" + kubeconfigFile(dir, "kube-controller-manager"),
		"--root-ca-file=" + clusterCA(dir),
		"--service-account-private-key-file=" + pkiFile(dir, serviceAccountKey+".key"),
		"--use-service-account-credentials",
		// Each controller first gets an account and a token of its own; the default of 20 requests a second makes that
		// the slowest part of a cluster's start.
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		"--leader-elect=false",
		// It makes this folder, and by default one for the whole machine.
		"--flex-volume-plugin-dir=" + filepath.Join(dir, "volume-plugins"),
		"--secure-port=0",
		"--profiling=false",
	}
}

func schedulerArgs(dir string) []string {
	return []string{
		"kube-scheduler",
		"--kubeconfig=" + kubeconfigFile(dir, "kube-scheduler"),
		"--leader-elect=false",
		"--secure-port=0",
		"--profiling=false",
	}
}

func nodeArgs(dir string, p ports, registryAddr, registryCA string) []string {
	return []string{
		"node",
		"--name=" + NodeName,
		"--kubeconfig=" + kubeconfigFile(dir, "node"),
		"--root-dir=" + filepath.Join(dir, "node"),
		"--port=" + strconv.Itoa(p.Kubelet),
		"--tls-cert-file=" + pkiFile(dir, kubeletCert+".crt"),
		"--tls-private-key-file=" + pkiFile(dir, kubeletCert+".key"),
		"--client-ca-file=" + clusterCA(dir),
		"--registry-address=" + registryAddr,
		"--registry-ca=" + registryCA,
		"--pod-loopback=" + p.podLoopback(),
	}
}
