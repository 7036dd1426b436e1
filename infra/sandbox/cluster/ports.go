package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
)

// ports are the cluster's own ports on 127.0.0.1; it is also the format of the file that keeps them.
type ports struct {
	Etcd      int `json:"etcd"`
	EtcdPeer  int `json:"etcdPeer"`
	Apiserver int `json:"apiserver"`
	Kubelet   int `json:"kubelet"`
}

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

// choosePorts returns the ports stored in a file, and new ones for those that are missing or taken by another process.
func choosePorts(file string) (ports, error) {
	var p ports
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ports{}, fmt.Errorf("%s: %w", file, err)
	}
	for _, port := range []*int{&p.Etcd, &p.EtcdPeer, &p.Apiserver, &p.Kubelet} {
		l, err := net.Listen("tcp", loopback(*port)) // port 0 is any free one
		if err != nil {
			l, err = net.Listen("tcp", loopback(0))
		}
		if err != nil {
			return ports{}, err
		}
		defer l.Close() //nolint:gocritic // not earlier, for the ports must differ
		*port = l.Addr().(*net.TCPAddr).Port
	}
	if data, err = json.Marshal(p); err != nil {
		return ports{}, err
	}
	return p, os.WriteFile(file, data, 0o600)
}
