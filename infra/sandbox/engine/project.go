//go:build linux

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

// programLink is the name of the compiled program in a project's folder.
const programLink = "program"

// Mirror makes dir a mirror of the project: links to everything except hidden files and stack settings, so that relative paths
// of charts and value files work. Its Pulumi.yaml names the compiled program, if given.
func Mirror(project, dir, program string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(project)
	if err != nil {
		return err
	}
	wanted := map[string]string{}
	for _, e := range entries {
		if !stackSettings(e.Name()) && !strings.HasPrefix(e.Name(), ".") {
			wanted[e.Name()] = filepath.Join(project, e.Name())
		}
	}
	if program != "" {
		wanted[programLink] = program
		delete(wanted, projectFile)
	}
	for name, target := range wanted {
		if err := symlink(target, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	links, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, l := range links { // that the project no longer has
		if wanted[l.Name()] == "" && !stackSettings(l.Name()) {
			if err := os.RemoveAll(filepath.Join(dir, l.Name())); err != nil {
				return err
			}
		}
	}
	if program == "" {
		return nil
	}
	content, err := os.ReadFile(filepath.Join(project, projectFile))
	if err != nil {
		return err
	}
	if content, err = compiled(content); err != nil {
		return fmt.Errorf("%s: %w", projectFile, err)
	}
	return os.WriteFile(filepath.Join(dir, projectFile), content, 0o600)
}

const projectFile = "Pulumi.yaml"

// compiled returns the project file for a compiled program.
func compiled(file []byte) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(file, &document); err != nil {
		return nil, err
	}
	var runtime yaml.Node
	if err := runtime.Encode(map[string]any{"name": "go", "options": map[string]any{"binary": "./" + programLink}}); err != nil {
		return nil, err
	}
	for i := 0; len(document.Content) > 0 && i+1 < len(document.Content[0].Content); i += 2 {
		if document.Content[0].Content[i].Value == "runtime" {
			document.Content[0].Content[i+1] = &runtime
			return yaml.Marshal(&document)
		}
	}
	return nil, errors.New("runtime is missing")
}

// copyProject makes dir a mirror of the project with a copy of the stack's settings, because the engine writes its salt into them
// and the project's own file is under version control.
func copyProject(project, dir, stack, program string) error {
	settings := "Pulumi." + stack + ".yaml"
	content, err := os.ReadFile(filepath.Join(project, settings))
	if err != nil {
		return fmt.Errorf("settings of the stack %q: %w", stack, err)
	}
	old, err := os.ReadFile(filepath.Join(dir, settings))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if content, err = keepSalt(content, old); err != nil {
		return fmt.Errorf("%s: %w", settings, err)
	}
	if program == "" { // keep the last program
		program, _ = os.Readlink(filepath.Join(dir, programLink))
	}
	if err := Mirror(project, dir, program); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, settings), content, 0o600)
}

// symlink makes or replaces a symbolic link.
func symlink(target, path string) error {
	if old, err := os.Readlink(path); err == nil && old == target {
		return nil
	}
	target, err := filepath.Abs(target)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.Symlink(target, path)
}

// stackSettings reports whether a file has the settings of a stack. Each stack has its own salt.
func stackSettings(name string) bool {
	return strings.HasPrefix(name, "Pulumi.") && strings.HasSuffix(name, ".yaml") && name != "Pulumi.yaml"
}

// keepSalt returns settings with the salt of the old settings: the sandbox has its own passphrase.
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
