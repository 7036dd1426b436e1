package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

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
