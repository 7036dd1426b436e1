package config

import (
	"os"
	"path/filepath"
	"strings"
)

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
