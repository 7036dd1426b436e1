//go:build linux

package cli

import (
	"fmt"
	"os"

	"example.com/acr-microservices/infra/sandbox/cluster"
)

// nodeFile keeps what the sandbox's node is made of.
const nodeFile = "node"

// chooseNode settles what the sandbox's node is made of from now on, if that is not to stay as it is.
func (sb *sandbox) chooseNode(node string) error {
	switch node {
	case "":
		return nil
	case cluster.Double:
	case cluster.Containerd:
		// Said now, and not after the tools have been built.
		if _, err := cluster.FindRuntime(); err != nil {
			return fmt.Errorf("--node %s: %w", node, err)
		}
	default:
		return fmt.Errorf("--node %q is not one of %s, %s", node, cluster.Double, cluster.Containerd)
	}
	if err := os.MkdirAll(sb.dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(sb.path(nodeFile), []byte(node), 0o600)
}

// node is what the sandbox's node is made of.
func (sb *sandbox) node() string {
	if node, err := os.ReadFile(sb.path(nodeFile)); err == nil {
		return string(node)
	}
	return cluster.Double
}
