package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// stackFileCommand writes images into the settings of a stack, on the agent only: nothing is committed.
func stackFileCommand(flags *flag.FlagSet) func(io.Writer) error {
	stack := flags.String("stack", "", "name of the stack")
	from := flags.String("from", "", "file with the settings; without it, the stack's own")
	images := flags.String("images", "", "folder with the notes of the images that were built; it can be missing")
	imagesOf := flags.String("images-of", "", "an earlier run whose images they are, for a roll-back; then there must be some")
	running := flags.String("running", "", "file with the outputs of the stack: `pulumi stack output --json`")
	state := flags.String("state", "", "file with the state of the stack: `pulumi stack export`")
	asOf := flags.String("as-of", "", "the time that the program uses as the current time: last-update, so that no password has become due since, or preview, so that none "+
		"becomes due before the plan is carried out")
	return func(out io.Writer) error {
		if err := required(map[string]string{"stack": *stack, "running": *running, "state": *state}); err != nil {
			return err
		}
		if *asOf != "" && *asOf != "last-update" && *asOf != "preview" {
			return fmt.Errorf("-as-of %q is not one of last-update, preview", *asOf)
		}
		built, err := readImages(*images)
		if err != nil {
			return err
		}
		if *imagesOf != "" && len(built) == 0 {
			return fmt.Errorf("run %s has no images to roll back to: it built none, or its artifacts are no longer kept", *imagesOf)
		}
		var outputs stackOutputs
		if err := readYAML(*running, &outputs); err != nil {
			return err
		}
		var deployed deployedState
		if err := readYAML(*state, &deployed); err != nil {
			return err
		}
		own := "Pulumi." + baseName(*stack) + ".yaml"
		path := *from
		if path == "" {
			path = own
		}
		project, file, err := readStackFile(path, *stack)
		if err != nil {
			return err
		}
		told, err := withImages(file, project+":services", built, outputs.Images)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := withEncryption(file, deployed); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if *asOf != "" {
			moment := deployed.Deployment.Manifest.Time
			if *asOf == "preview" {
				moment = time.Now().UTC().Format(time.RFC3339)
			}
			if err := withMoment(file, project+":rotation", moment); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		for _, line := range told {
			fmt.Fprintln(out, line)
		}
		text, err := yaml.Marshal(file)
		if err != nil {
			return err
		}
		return os.WriteFile(own, text, 0o600)
	}
}

// readStackFile returns the project's name, and the settings of its stack in the file.
func readStackFile(path, stack string) (project string, settings *yaml.Node, err error) {
	var about struct {
		Name string `yaml:"name"`
	}
	if err := readYAML("Pulumi.yaml", &about); err != nil {
		return "", nil, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil, fmt.Errorf("%s is not in the repository, but the stack %s needs it for its settings: run pipeline setup again, "+
			"which writes it, or copy an example of infra/examples to it, without image.tag; and commit it", path, stack)
	} else if err != nil {
		return "", nil, err
	}
	if settings, err = parseStackFile(text, about.Name); err != nil {
		return "", nil, fmt.Errorf("%s: %w", path, err)
	}
	return about.Name, settings, nil
}

// servicesOfStack returns the settings of a stack's services, and the name of their file.
func servicesOfStack(stack string) (path string, services *yaml.Node, err error) {
	path = "Pulumi." + baseName(stack) + ".yaml"
	project, file, err := readStackFile(path, stack)
	if err != nil {
		return path, nil, err
	}
	if services = node(file, "config", project+":services"); services == nil || services.Kind != yaml.MappingNode {
		return path, nil, fmt.Errorf("%s: %s:services is missing, or is not an object", path, project)
	}
	return path, services, nil
}

// repositoryIn returns the repository of a service's image in the settings.
func repositoryIn(services *yaml.Node, service string) string {
	if set := node(services, service, "image", "repository"); set != nil && set.Value != "" {
		return set.Value
	}
	return service
}

// parseStackFile reads the settings of a project's stack. It replaces YAML's aliases by what they refer to: otherwise an image that
// is set for one service would also be set for another. As for Pulumi, a key without a namespace is the project's.
func parseStackFile(text []byte, project string) (*yaml.Node, error) {
	var plain any
	if err := yaml.Unmarshal(text, &plain); err != nil { // such as an alias inside its own anchor
		return nil, err
	}
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	settings := resolve(&file)
	if config := node(settings, "config"); config != nil && config.Kind == yaml.MappingNode {
		for i := 0; i < len(config.Content); i += 2 {
			if key := config.Content[i]; !strings.Contains(key.Value, ":") {
				key.Value = project + ":" + key.Value
			}
		}
	}
	return settings, nil
}

// baseName returns the last part of a stack's name, such as "test" of "acme/acr-microservices/test".
func baseName(stack string) string { return stack[strings.LastIndex(stack, "/")+1:] }

// stackOutputs are those outputs of the program that the pipeline reads.
type stackOutputs struct {
	Images       map[string]string `yaml:"images"`
	RegistryName string            `yaml:"registryName"`
}

// deployedState is the part of a stack's state that the command reads.
type deployedState struct {
	Deployment struct {
		Manifest struct {
			Time string `yaml:"time"`
		} `yaml:"manifest"`
		SecretsProviders struct {
			Type  string `yaml:"type"`
			State struct {
				Salt         string `yaml:"salt"`
				URL          string `yaml:"url"`
				EncryptedKey string `yaml:"encryptedkey"`
			} `yaml:"state"`
		} `yaml:"secrets_providers"`
	} `yaml:"deployment"`
}

// withEncryption adds the state's encryption key to the settings, unless they have one. Pulumi writes it into the file of whoever
// creates the stack; without it, in a fresh checkout, Pulumi would create a new key.
func withEncryption(file *yaml.Node, state deployedState) error {
	if node(file, "encryptionsalt") != nil || node(file, "encryptedkey") != nil {
		return nil
	}
	secrets := state.Deployment.SecretsProviders
	set := map[string]string{}
	switch secrets.Type {
	case "passphrase":
		set["encryptionsalt"] = secrets.State.Salt
	case "cloud":
		set["secretsprovider"], set["encryptedkey"] = secrets.State.URL, secrets.State.EncryptedKey
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		if !setNode(file.Content[0], set[key], key) {
			return errors.New("it is not an object")
		}
	}
	return nil
}

// withMoment sets the time that the program uses as the current time, unless the settings have one, or the stack was never updated.
func withMoment(file *yaml.Node, key, moment string) error {
	if moment == "" || node(file, "config", key, "asOf") != nil {
		return nil
	}
	if config := node(file, "config"); config == nil || !setNode(config, moment, key, "asOf") {
		return fmt.Errorf("%s is not an object", key)
	}
	return nil
}
