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

// NoFsync is the environment variable that makes etcd skip fsync. Tests kill only processes, and the kernel keeps the data that
// these have written.
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
		// The machine may have only loopback addresses, which cannot be advertised. Nothing uses the advertised one: without a
		// service network, no pod reaches the service "kubernetes".
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

// apiserverThreads gives the API server at least eight threads for its goroutines. With two, it learns so late of a pod's node
// that kubelet may request the pod's secrets before it has permission, and retries only a second later; with more, the kernel
// schedules them in turns. An API server of AKS does not share two processors with all the rest.
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
		// It creates this folder; the default is machine-wide.
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
