package config

import (
	"cmp"
	"strings"

	"github.com/distribution/reference"
)

// dockerHub is the host of Docker Hub.
const dockerHub = "docker.io"

// normalizeDockerHub adds library/ to the names of Docker Hub's official images in imports and cache rules. Docker adds it
// implicitly; Azure requires it.
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

// inDockerHub returns the full name of a Docker Hub image, and any other image unchanged.
func inDockerHub(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil || !namesHost(image) || reference.Domain(named) != dockerHub {
		return image
	}
	return named.String()
}

// namesHost reports whether an image repository begins with a registry's host, by the rule that Docker uses: the first part of
// several has a dot or a colon, or is localhost.
func namesHost(repository string) bool {
	host, _, several := strings.Cut(repository, "/")
	return several && (strings.ContainsAny(host, ".:") || host == "localhost")
}

// ownHost reports whether a host can only be that of the stack's own registry, as far as the configuration tells. With a domain
// name label, the host is "<name>-<hash>.azurecr.io": the stack never requests a label, but an existing registry can have one.
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

// InAzure reports whether a foreign image is in an Azure Container Registry.
func (c *Config) InAzure(image Image) bool {
	return image.Foreign() && strings.HasSuffix(strings.ToLower(image.host()), "."+c.Cloud.RegistrySuffix)
}

// CheckHost reports an image that names the host of the stack's own registry. It is for a registry whose host is not in the
// configuration.
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

// Foreign reports whether the image comes from another registry than the stack's.
func (i Image) Foreign() bool { return namesHost(i.Repository) }

// Deployable reports whether the image has a tag or a digest, so that a release can run it.
func (i Image) Deployable() bool { return i.Tag != "" || i.Digest != "" }

// Reference returns the image as "host/repository:tag@digest". The host is left out if it is empty, or if the image names its own.
func (i Image) Reference(host string) string {
	reference := i.Repository
	if host != "" && !i.Foreign() {
		reference = host + "/" + reference
	}
	if i.Tag != "" {
		reference += ":" + i.Tag
	}
	if i.Digest != "" {
		reference += "@" + i.Digest
	}
	return reference
}

// forChart splits the image into the repository and tag from which charts made by `helm create` build "repository:tag". Such charts
// have no value for the digest, so it is appended to the tag. Without a tag, the digest's algorithm is appended to the repository,
// so that the colon that the chart inserts is the one in the digest.
func (i Image) forChart() (repository, tag string) {
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

// buildPlatforms are the platforms for which ACR Tasks build images that a cluster can run.
var buildPlatforms = []string{"linux/amd64", "linux/arm64"}

// Platform returns the platform to build for. Imports have all platforms of their source.
func (i Image) Platform() string {
	if i.Build == nil || i.Build.Platform == "" {
		return buildPlatforms[0]
	}
	return i.Build.Platform
}

// made reports whether the stack imports or builds the image.
func (i Image) made() bool { return i.Import != nil || i.Build != nil }
