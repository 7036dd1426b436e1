//go:build linux

package toolchain

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// UseInstalled is the sandbox's flag to use installed tools.
const UseInstalled = "use-installed"

// Installed are the paths of tools installed on this machine in exactly the required versions; empty: not installed.
type Installed struct{ Pulumi, Provider string }

// FindInstalled looks for a Pulumi CLI of [PulumiVersion] in the PATH, and for the Kubernetes provider of [PluginVersion] in
// the CLI's plugin folder.
func FindInstalled(ctx context.Context) Installed {
	var found Installed
	if path, err := exec.LookPath("pulumi"); err == nil && isProgram(path) {
		cmd := exec.CommandContext(ctx, path, "version")
		cmd.Env = append(os.Environ(), "PULUMI_SKIP_UPDATE_CHECK=true")
		if version, err := cmd.Output(); err == nil && strings.TrimSpace(string(version)) == "v"+PulumiVersion {
			found.Pulumi = path
		}
	}
	home := os.Getenv("PULUMI_HOME")
	if home == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return found
		}
		home = filepath.Join(user, ".pulumi")
	}
	if path := filepath.Join(home, "plugins", "resource-kubernetes-v"+PluginVersion, provider.name); isProgram(path) {
		found.Provider = path
	}
	return found
}

// isProgram reports whether path is a binary and not a script. Scripts are the sandbox's or those of version managers, which
// start the folder's version.
func isProgram(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	begin := make([]byte, 4)
	_, err = io.ReadFull(file, begin)
	return err == nil && string(begin) == "\x7fELF"
}

// String describes the found tools; empty if none.
func (i Installed) String() string {
	var found []string
	if i.Pulumi != "" {
		found = append(found, fmt.Sprintf("pulumi %s (%s)", PulumiVersion, i.Pulumi))
	}
	if i.Provider != "" {
		found = append(found, fmt.Sprintf("Kubernetes provider %s (%s)", PluginVersion, i.Provider))
	}
	return strings.Join(found, ", ")
}
