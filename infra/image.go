package infra

import "strings"

// namesHost says whether an image repository begins with a registry's host, by the rule that Docker uses: the first part
// of several has a dot or a colon, or is localhost.
func namesHost(repository string) bool {
	host, _, several := strings.Cut(repository, "/")
	return several && (strings.ContainsAny(host, ".:") || host == "localhost")
}

// foreign says whether the image comes from another registry than the stack's.
func (i ImageConfig) foreign() bool { return namesHost(i.Repository) }

// loginServerOf returns the host of the registry with the given name.
func loginServerOf(registry string) string { return strings.ToLower(registry) + ".azurecr.io" }

// deployable says whether the image is known well enough to be run.
func (i ImageConfig) deployable() bool { return i.Tag != "" || i.Digest != "" }

// reference returns the image below a prefix such as a registry's host, as "prefix/repository:tag@digest".
func (i ImageConfig) reference(prefix string) string {
	reference := prefix + i.Repository
	if i.Tag != "" {
		reference += ":" + i.Tag
	}
	if i.Digest != "" {
		reference += "@" + i.Digest
	}
	return reference
}

// forChart splits the image into the repository and tag from which charts made by `helm create` build "repository:tag".
// They know no digest: it rides at the end of the tag, or, without a tag, with its algorithm at the end of the
// repository, so that the colon between the two falls into the digest.
func (i ImageConfig) forChart() (repository, tag string) {
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
