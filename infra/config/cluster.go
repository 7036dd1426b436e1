package config

import (
	"os"
	"path/filepath"
	"strings"
)

// Cluster says how to reach Kubernetes; empty fields have kubectl's defaults.
type Cluster struct {
	// Kubeconfig is the path (relative to the project folder) or the content of a kubeconfig file. Encrypt the content. Paths in it are
	// relative to the project folder as well. Default: kubectl's.
	Kubeconfig string `json:"kubeconfig" secret:"true"`
	// Context is the context in the kubeconfig. Default: its current context.
	Context string `json:"context"`
	// AKS is an AKS cluster in the stack's subscription, whose credentials the program gets from Azure. It replaces `kubeconfig` and
	// `context`.
	AKS *AKS `json:"aks"`
	// Identifier is the identity of the cluster: the UID of its namespace `kube-system`, or for `aks` Azure's resource id of the
	// cluster. The stack records the identity of its cluster, and refuses to update another one. To move the stack to another cluster,
	// set that cluster's identity: the next update deletes everything in the old cluster. Default: the identity of the recorded
	// cluster.
	Identifier string `json:"identifier"`
}

// AKS names an AKS cluster in the stack's subscription.
type AKS struct {
	// ResourceGroup is the cluster's resource group.
	ResourceGroup string `json:"resourceGroup" is:"resourceGroup" required:"true"`
	// Name is the cluster's name.
	Name string `json:"name" is:"clusterName" required:"true"`
	// Admin uses the local administrator's credentials (`true`), which need no kubelogin and have every permission, or the credentials
	// of whoever runs the stack (`false`).
	Admin bool `json:"admin" default:"false"`
}

// ExpandHome resolves a leading ~/ as a shell would, and as the provider does.
func ExpandHome(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, _ := os.UserHomeDir()
		return filepath.Join(home, rest)
	}
	return path
}

// IsKubeconfigContent reports whether a text is the content of a kubeconfig and not a path.
func IsKubeconfigContent(s string) bool { return strings.ContainsAny(s, "\n{") }

func (c *Config) validateCluster(found *problems) {
	if aks := c.Cluster.AKS; aks != nil {
		found.addUnless(c.Cluster.Kubeconfig == "" && c.Cluster.Context == "", "cluster.aks", nil, "excludes kubeconfig and context; Azure provides both")
	}
	if kubeconfig := c.Cluster.Kubeconfig; kubeconfig != "" && !IsKubeconfigContent(kubeconfig) {
		_, err := os.Stat(c.path(ExpandHome(kubeconfig)))
		found.addUnless(err == nil, "cluster.kubeconfig", kubeconfig, "is neither an existing file nor the content of a kubeconfig")
	}
}
