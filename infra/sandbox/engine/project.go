package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// salt is the key under which Pulumi writes the salt of a stack's encryption into its settings.
const salt = "encryptionsalt"

// copyProject makes dir a mirror of the project: links to everything, so that relative paths of charts and value files
// hold, and a copy of the stack's settings, because the engine writes its salt into them and the project's own file is
// under version control.
func copyProject(project, dir, stack string) error {
	settings := "Pulumi." + stack + ".yaml"
	content, err := os.ReadFile(filepath.Join(project, settings))
	if err != nil {
		return fmt.Errorf("settings of the stack %q: %w", stack, err)
	}
	old, err := os.ReadFile(filepath.Join(dir, settings))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	content, err = keepSalt(content, old)
	if err != nil {
		return fmt.Errorf("%s: %w", settings, err)
	}

	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(project)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, e := range entries {
		if stackSettings(e.Name()) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		wanted[e.Name()] = true
		if err := symlink(filepath.Join(project, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	links, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, l := range links { // of what the project no longer has
		if !wanted[l.Name()] && !stackSettings(l.Name()) {
			if err := os.RemoveAll(filepath.Join(dir, l.Name())); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(dir, settings), content, 0o600)
}

// stackSettings tells the settings of a stack, of which there may be several, each with its own salt.
func stackSettings(name string) bool {
	return strings.HasPrefix(name, "Pulumi.") && strings.HasSuffix(name, ".yaml") && name != "Pulumi.yaml"
}

// keepSalt returns settings with the salt that old settings have: the sandbox has a passphrase of its own.
func keepSalt(settings, old []byte) ([]byte, error) {
	var fresh yaml.Node
	if err := yaml.Unmarshal(settings, &fresh); err != nil {
		return nil, err
	}
	var previous map[string]any
	if err := yaml.Unmarshal(old, &previous); err != nil {
		return nil, err
	}
	if len(fresh.Content) == 0 { // an empty file
		fresh = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	top := fresh.Content[0]
	for i := len(top.Content) - 2; i >= 0; i -= 2 {
		switch top.Content[i].Value {
		case salt, "secretsprovider", "encryptedkey":
			top.Content = append(top.Content[:i], top.Content[i+2:]...)
		}
	}
	if value, ok := previous[salt].(string); ok {
		top.Content = append(top.Content,
			&yaml.Node{Kind: yaml.ScalarNode, Value: salt}, &yaml.Node{Kind: yaml.ScalarNode, Value: value})
	}
	return yaml.Marshal(&fresh)
}
