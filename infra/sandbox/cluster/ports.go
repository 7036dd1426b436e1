package cluster

import (
	"fmt"
	"net"
	"strconv"

	"example.com/acr-microservices/infra/sandbox/addresses"
)

// ports are the cluster's own ports on 127.0.0.1.
type ports struct{ Etcd, EtcdPeer, Apiserver, Kubelet int }

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func (p ports) server() string { return "https://" + loopback(p.Apiserver) }

// podLoopback is the network where pods listen. It is derived from the API server's port, which no other cluster of the
// machine has at the same time.
func (p ports) podLoopback() string {
	return fmt.Sprintf("127.%d.%d.0/24", p.Apiserver>>8, p.Apiserver&0xff)
}

// podNetwork is the network of the pods of a node with containerd, one of 512 in the range reserved for tests (RFC 2544).
func (p ports) podNetwork() string {
	return fmt.Sprintf("198.%d.%d.0/24", 18+p.Apiserver>>8&1, p.Apiserver&0xff)
}

// choosePorts returns the ports that a file keeps.
func choosePorts(file string) (ports, error) {
	l, err := addresses.Listen(file, "etcd", "etcd-peer", "kube-apiserver", "kubelet")
	if err != nil {
		return ports{}, err
	}
	port := func(name string) int { return l[name].Addr().(*net.TCPAddr).Port }
	return ports{port("etcd"), port("etcd-peer"), port("kube-apiserver"), port("kubelet")}, l.Close()
}
