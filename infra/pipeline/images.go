package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// builtImage is an image of a service, by tag, by digest, or by both.
type builtImage struct {
	Repository string `json:"repository,omitempty" yaml:"repository,omitempty"` // where it was pushed; default: the service's name
	Tag        string `json:"tag,omitempty" yaml:"tag,omitempty"`
	Digest     string `json:"digest,omitempty" yaml:"digest,omitempty"`
}

// Forms that the program accepts.
var (
	validTag    = regexp.MustCompile(`^\w[\w.-]{0,127}$`)
	validDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// imageCommand writes a note about an image that was built, for stack-file.
func imageCommand(flags *flag.FlagSet) func(io.Writer) error {
	service := flags.String("service", "", "name of the service")
	tag := flags.String("tag", "", "the image's tag")
	digest := flags.String("digest", "", "the image's digest, as in sha256:…")
	repository := flags.String("repository", "", "where it was pushed; default: the service's name")
	folder := flags.String("out", "", "folder for the note")
	return func(out io.Writer) error {
		if err := required(map[string]string{"service": *service, "tag": *tag, "digest": *digest, "out": *folder}); err != nil {
			return err
		}
		if !validTag.MatchString(*tag) {
			return fmt.Errorf("-tag %q is not a tag: up to 128 letters, digits, dots, dashes and underscores", *tag)
		}
		if !validDigest.MatchString(*digest) {
			return fmt.Errorf("-digest %q is not a digest: sha256: and 64 hexadecimal digits", *digest)
		}
		return noteImage(out, *folder, *service, builtImage{Repository: *repository, Tag: *tag, Digest: *digest})
	}
}

func noteImage(out io.Writer, folder, service string, image builtImage) error {
	note, err := json.MarshalIndent(map[string]builtImage{service: image}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %s, %s\n", service, image.Tag, image.Digest)
	return os.WriteFile(filepath.Join(folder, "image-"+service+".json"), note, 0o600)
}

// stackFileCommand writes images into the settings of a stack, on the agent only: nothing is committed.
func stackFileCommand(flags *flag.FlagSet) func(io.Writer) error {
	stack := flags.String("stack", "", "name of the stack")
	from := flags.String("from", "", "file with the settings; without it, the stack's own")
	images := flags.String("images", "", "folder with the notes of the images that were built; it can be missing")
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

// resolve returns a copy without aliases and merge keys. It keeps each scalar as it is written, because the program looks at that.
func resolve(at *yaml.Node) *yaml.Node {
	if at.Kind == yaml.AliasNode {
		return resolve(at.Alias)
	}
	plain := *at
	plain.Anchor, plain.Content = "", nil
	merged := map[string]bool{}
	for i := 0; at.Kind == yaml.MappingNode && i < len(at.Content); i += 2 {
		merged[at.Content[i].Value] = true
	}
	for i, item := range at.Content {
		switch {
		case at.Kind != yaml.MappingNode:
			plain.Content = append(plain.Content, resolve(item))
		case i%2 == 1: // a value, which its key has brought
		case item.Tag != "!!merge":
			plain.Content = append(plain.Content, resolve(item), resolve(at.Content[i+1]))
		default:
			delete(merged, item.Value)
			from := resolve(at.Content[i+1])
			sources := []*yaml.Node{from}
			if from.Kind == yaml.SequenceNode {
				sources = from.Content
			}
			for _, source := range sources {
				for k := 0; k+1 < len(source.Content); k += 2 {
					if key := source.Content[k]; !merged[key.Value] {
						merged[key.Value] = true
						plain.Content = append(plain.Content, key, source.Content[k+1])
					}
				}
			}
		}
	}
	return &plain
}

// baseName returns the last part of a stack's name, such as "test" of "acme/acr-microservices/test".
func baseName(stack string) string { return stack[strings.LastIndex(stack, "/")+1:] }

// stackOutputs are those outputs of the program that the pipeline reads.
type stackOutputs struct {
	Images       map[string]string `yaml:"images"`
	RegistryName string            `yaml:"registryName"`
}

// readYAML reads a file of YAML or JSON.
func readYAML(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return parseYAML(path, text, into)
}

func parseYAML(what string, text []byte, into any) error {
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// readImages returns the images that were built, by service. Each artifact has its own folder, whose name ends with the number of
// the job's attempt: the last attempt wins.
func readImages(folder string) (map[string]builtImage, error) {
	images := map[string]builtImage{}
	if folder == "" {
		return images, nil
	}
	for _, pattern := range []string{"*.json", "*/*.json"} {
		notes, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return nil, err
		}
		slices.SortFunc(notes, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
		for _, note := range notes {
			if err := readYAML(note, &images); err != nil {
				return nil, err
			}
		}
	}
	return images, nil
}

// withImages sets the image of each service in a stack's settings: the one that was built, otherwise the one in the settings,
// otherwise the one that runs. It returns a line for each service that it has changed.
func withImages(file *yaml.Node, key string, built map[string]builtImage, running map[string]string) ([]string, error) {
	services := node(file, "config", key)
	if services == nil || services.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s is missing, or is not an object", key)
	}
	var told, unknown []string
	var elsewhere problems
	for _, name := range slices.Sorted(maps.Keys(built)) {
		if node(services, name) == nil {
			unknown = append(unknown, name)
			continue
		}
		image := built[name]
		if pushed, set := cmp.Or(image.Repository, name), repositoryIn(services, name); pushed != set {
			elsewhere = append(elsewhere, fmt.Sprintf("services.%s.image.repository: %q is not the repository to which the pipeline pushed the image, %q", name, set, pushed))
			continue
		}
		what := "the image that was built"
		if now := parseReference(running[name]); image.Digest != "" && now.Digest == image.Digest {
			image.Tag, what = now.Tag, "the image that runs, which has not changed"
		}
		// The settings' tag and digest belong to another image.
		removeNode(services, "tag", name, "image")
		removeNode(services, "digest", name, "image")
		if err := setImage(services, name, image); err != nil {
			return nil, err
		}
		told = append(told, fmt.Sprintf("%s: %s, %s", name, what, image))
	}
	if len(elsewhere) > 0 {
		return nil, elsewhere
	}
	if err := listed("images were built for services that do not exist", unknown); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(running)) {
		service := node(services, name)
		if service == nil || node(service, "image", "tag") != nil || node(service, "image", "digest") != nil {
			continue
		}
		image := parseReference(running[name])
		if err := setImage(services, name, image); err != nil {
			return nil, err
		}
		told = append(told, fmt.Sprintf("%s: the image that runs, %s", name, image))
	}
	return told, nil
}

func setImage(services *yaml.Node, name string, image builtImage) error {
	ok := true
	if image.Tag != "" {
		ok = setNode(services, image.Tag, name, "image", "tag")
	}
	if image.Digest != "" {
		ok = ok && setNode(services, image.Digest, name, "image", "digest")
	}
	if !ok {
		return fmt.Errorf("%s.image is not an object", name)
	}
	return nil
}

func (i builtImage) String() string {
	return strings.Trim(i.Tag+"@"+i.Digest, "@")
}

// parseReference returns the tag and the digest of an image such as "example.azurecr.io/customerapi:1.0.0@sha256:…".
func parseReference(reference string) builtImage {
	name, digest, _ := strings.Cut(reference, "@")
	_, tag, _ := strings.Cut(name[strings.LastIndex(name, "/")+1:], ":")
	return builtImage{Tag: tag, Digest: digest}
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
