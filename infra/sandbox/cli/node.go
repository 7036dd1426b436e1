//go:build linux

package cli

import (
	"fmt"
	"os"

	"example.com/acr-microservices/infra/sandbox/cluster"
)

// nodeFile stores the kind of the sandbox's node.
const nodeFile = "node"

// chooseNode stores a new kind for the sandbox's node; an empty one changes nothing.
func (sb *sandbox) chooseNode(node string) error {
	switch node {
	case "":
		return nil
	case cluster.Double:
	case cluster.Containerd:
		// Fail now, not after the tools have been built.
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

// node returns the sandbox's kind of node.
func (sb *sandbox) node() string {
	if node, err := os.ReadFile(sb.path(nodeFile)); err == nil {
		return string(node)
	}
	return cluster.Double
}
