package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// credentialProviderName is the name under which kubelet calls the program.
const credentialProviderName = "acr-credential-provider-double"

// writeCredentialProvider writes kubelet's configuration of the program, and returns the flags for it. On the node, the
// directory's path is seen.
func writeCredentialProvider(dir, seen string, command []string) ([]string, error) {
	if len(command) == 0 {
		return nil, nil
	}
	const binDir, configFile = "credential-provider", "credential-provider.json"
	bin := filepath.Join(dir, binDir)
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return nil, err
	}
	link := filepath.Join(bin, credentialProviderName)
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.Symlink(command[0], link); err != nil {
		return nil, fmt.Errorf("credential provider: %w", err)
	}
	type provider struct {
		Name                 string   `json:"name"`
		MatchImages          []string `json:"matchImages"`
		DefaultCacheDuration string   `json:"defaultCacheDuration"`
		APIVersion           string   `json:"apiVersion"`
		Args                 []string `json:"args"`
	}
	content, err := json.Marshal(map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1",
		"kind":       "CredentialProviderConfig",
		"providers": []provider{{
			credentialProviderName, []string{"*.azurecr.io"}, "0s", "credentialprovider.kubelet.k8s.io/v1", command[1:],
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("credential provider: %w", err)
	}
	return []string{
		"--image-credential-provider-config=" + filepath.Join(seen, configFile),
		"--image-credential-provider-bin-dir=" + filepath.Join(seen, binDir),
	}, os.WriteFile(filepath.Join(dir, configFile), content, 0o600)
}
