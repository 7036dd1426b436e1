package config

import (
	"cmp"
	"strings"

	"github.com/distribution/reference"
)

// dockerHub is the host of Docker Hub.
const dockerHub = "docker.io"

// normalizeDockerHub writes the sources of imports and of the cache at Docker Hub as Azure wants them: official images are in
// library, which only Docker adds by itself.
func (c *Config) normalizeDockerHub() {
	for _, service := range c.Services {
		if from := service.Image.Import; from != nil {
			from.Source = inDockerHub(from.Source)
		}
	}
	for name, rule := range c.Registry.Cache.Rules {
		rule.Source = inDockerHub(rule.Source)
		c.Registry.Cache.Rules[name] = rule
	}
}

// inDockerHub returns the full name of an image at Docker Hub, and everything else as it is.
func inDockerHub(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil || !namesHost(image) || reference.Domain(named) != dockerHub {
		return image
	}
	return named.String()
}

// namesHost says whether an image repository begins with a registry's host, by the rule that Docker uses: the first part
// of several has a dot or a colon, or is localhost.
func namesHost(repository string) bool {
	host, _, several := strings.Cut(repository, "/")
	return several && (strings.ContainsAny(host, ".:") || host == "localhost")
}

// ownHost says whether a host can only be that of the stack's own registry, as far as the configuration knows it. With a domain
// name label, which the stack never asks for, but which an existing registry may have, the host is "<name>-<hash>.azurecr.io".
func (c *Config) ownHost(host string) bool {
	name, labelled := c.Registry.Name, c.Registry.Adopt != ""
	if e := c.Registry.Existing; e != nil {
		id, _ := ParseRegistryID(e.ID)
		name, labelled = cmp.Or(e.Name, id.Name), true
	}
	first, rest, _ := strings.Cut(strings.ToLower(host), ".")
	if labelled {
		first, _, _ = strings.Cut(first, "-")
	}
	return name != "" && strings.EqualFold(first, name) && rest == c.Cloud.RegistrySuffix
}

// InAzure says whether a foreign image is in an Azure Container Registry.
func (c *Config) InAzure(image Image) bool {
	return image.Foreign() && strings.HasSuffix(strings.ToLower(image.host()), "."+c.Cloud.RegistrySuffix)
}

// CheckHost reports an image that is written with the host of the stack's own registry, which is known only now.
func (c *Config) CheckHost(service, loginServer string) error {
	image := c.Services[service].Image
	if !image.Foreign() || !strings.EqualFold(image.host(), loginServer) {
		return nil
	}
	var found problems
	found.add("services."+service+".image.repository", image.Repository, ruleOwnHost)
	return found.err(c.secretKeys)
}

const ruleOwnHost = "names the stack's own registry; leave the host out to pull with the pull secret"

// host is the registry's host in a foreign image's repository.
func (i Image) host() string {
	host, _, _ := strings.Cut(i.Repository, "/")
	return host
}

// Foreign says whether the image comes from another registry than the stack's.
func (i Image) Foreign() bool { return namesHost(i.Repository) }

// Deployable says whether the image is known well enough to be run.
func (i Image) Deployable() bool { return i.Tag != "" || i.Digest != "" }

// Reference returns the image below a prefix such as a registry's host, as "prefix/repository:tag@digest".
func (i Image) Reference(prefix string) string {
	reference := prefix + i.Repository
	if i.Tag != "" {
		reference += ":" + i.Tag
	}
	if i.Digest != "" {
		reference += "@" + i.Digest
	}
	return reference
}

// ForChart splits the image into the repository and tag from which charts made by `helm create` build "repository:tag".
// They know no digest: it rides at the end of the tag, or, without a tag, with its algorithm at the end of the
// repository, so that the colon between the two falls into the digest.
func (i Image) ForChart() (repository, tag string) {
	switch {
	case i.Digest == "":
		return i.Repository, i.Tag
	case i.Tag == "":
		algorithm, hex, _ := strings.Cut(i.Digest, ":")
		return i.Repository + "@" + algorithm, hex
	default:
		return i.Repository, i.Tag + "@" + i.Digest
	}
}

// buildPlatforms are those for which ACR Tasks build images that a cluster runs.
var buildPlatforms = []string{"linux/amd64", "linux/arm64"}

// Platform for which to build; imports have all platforms of their source.
func (i Image) Platform() string {
	if i.Build == nil || i.Build.Platform == "" {
		return buildPlatforms[0]
	}
	return i.Build.Platform
}

// Made says whether the stack itself brings the image into the registry.
func (i Image) Made() bool { return i.Import != nil || i.Build != nil }
