package config

import "strings"

// namesHost says whether an image repository begins with a registry's host, by the rule that Docker uses: the first part
// of several has a dot or a colon, or is localhost.
func namesHost(repository string) bool {
	host, _, several := strings.Cut(repository, "/")
	return several && (strings.ContainsAny(host, ".:") || host == "localhost")
}

// loginServerOf returns the host of the registry with the given name.
func loginServerOf(registry string) string { return strings.ToLower(registry) + ".azurecr.io" }

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
