package config

import (
	"cmp"
	"reflect"
	"strings"

	"github.com/distribution/reference"
)

// Image names a service's image. Without Tag and Digest the service gets no release yet.
type Image struct {
	// Repository is the image's repository in the stack's registry. With a host, such as `docker.io/library/nginx`, it is in another
	// registry, and the cluster pulls it without the pull secret. Default: the service's name.
	Repository string `json:"repository" is:"imageRepository"`
	// Tag is the tag to run. Put it in quotes: YAML reads 1.10 as 1.1.
	Tag string `json:"tag" is:"imageTag"`
	// Digest is the digest to run, `sha256:` and 64 hexadecimal digits. It overrides the tag.
	Digest string `json:"digest" is:"imageDigest"`
	// Import copies the image from another registry into the stack's, with the tag `image.tag`, before the release is installed.
	Import *Import `json:"import"`
	// Build builds the image from a git repository, with the tag `image.tag`, before the release is installed.
	Build *Build `json:"build"`
}

// Import says which image is copied into the registry.
type Import struct {
	// Source is the image to copy, with its host and its tag or digest, such as `docker.io/library/nginx:1.29`. For Docker Hub's
	// official images, `library/` is optional.
	Source string `json:"source" is:"image" required:"true"`
	// Username is the user name for the source, for a private image, such as `robot$ci+shop`. It needs `password`. It cannot contain
	// single quotes, line breaks, `$$`, or `$` before the name of an ACR Tasks alias such as `$ID`.
	Username string `json:"username" is:"taskValue" secret:"true"`
	// Password is the password for the source, with the same restrictions. Encrypt it.
	Password string `json:"password" is:"taskValue" secret:"true"`
}

// Build says from what an image is built.
type Build struct {
	// Context is an https git repository with a branch, tag or commit, and the folder unless it is the root:
	// `https://github.com/example/shop.git#v1.2.0:customerapi`.
	Context string `json:"context" is:"gitContext" required:"true"`
	// Dockerfile is the path of the Dockerfile in the context.
	Dockerfile string `json:"dockerfile" is:"contextPath" default:"Dockerfile"`
	// Platform is the platform for which the image is built.
	Platform string `json:"platform" is:"platform" default:"linux/amd64"`
	// Args are the build arguments, name to value.
	Args map[string]string `json:"args"`
	// Token is a token for a private git repository. Encrypt it.
	Token string `json:"token" secret:"true"`
}

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

func (c *Config) validateImage(found *problems, key string, image Image) {
	found.addUnless(!c.UsesACR() || !image.Foreign() || !c.ownHost(image.host()), key+".repository", image.Repository, ruleOwnHost)
	c.validateMade(found, key, image)
}

// validateMade reports problems of an image's import or build.
func (c *Config) validateMade(found *problems, key string, image Image) {
	if !image.made() {
		return
	}
	found.addUnless(image.Import == nil || image.Build == nil, key, nil, "takes import or build, not both")
	found.addUnless(image.Tag != "", key+".tag", nil, "is missing; import and build give the image this tag")
	found.addUnless(image.Digest == "", key+".digest", nil, "excludes import and build, whose digest is not known in advance")
	found.addUnless(c.UsesACR() && c.Registry.Existing == nil && !image.Foreign(), key, nil,
		"can use import and build only for the stack's own registry")
	if from := image.Import; from != nil {
		found.addUnless((from.Username == "") == (from.Password == ""), key+".import", nil, "needs both username and password")
		found.addUnless(!c.Registry.closedToServices(), key+".import", nil,
			"excludes registry.trustedServices false with ipRules or publicNetworkAccess false; imports connect as a trusted service")
	}
	if image.Build != nil {
		found.addUnless(c.Registry.Public(), key+".build", nil,
			"excludes registry.publicNetworkAccess false; ACR Tasks run on shared machines, which connect from outside: import the image, or build it in a pipeline")
		found.addUnless(len(c.Registry.IPRules) == 0, key+".build", nil,
			"excludes registry.ipRules; ACR Tasks run on shared machines with changing addresses: import the image, or build it in a pipeline")
		found.addUnless(!c.Registry.ABAC, key+".build", nil, "excludes registry.abac; ACR Tasks have no access to the content of such a registry")
	}
}

// validateMadeOnce reports an image that two services make from different sources.
func (c *Config) validateMadeOnce(found *problems) {
	makers := map[string]string{}
	for _, name := range c.PullingServices() {
		image := c.Services[name].Image
		if !image.made() {
			continue
		}
		first, again := makers[image.Reference("")]
		found.addUnless(!again || reflect.DeepEqual(image, c.Services[first].Image), "services."+name+".image", image.Reference(""),
			"is made from another source by services."+first)
		if !again {
			makers[image.Reference("")] = name
		}
	}
}
