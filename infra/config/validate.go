package config

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"golang.org/x/mod/semver"
)

// Limits of what the names end up in.
const (
	maxLabel       = 63   // Kubernetes: RFC 1123 label
	maxSubdomain   = 253  // Kubernetes: RFC 1123 subdomain
	maxReleaseName = 53   // Helm
	maxTags        = 50   // Azure: tags on one resource
	maxTagName     = 512  // Azure
	maxTagValue    = 256  // Azure
	maxTimeout     = 3600 // seconds; a release that needs longer is not going to come up
	maxRevisions   = 100  // each kept revision is a secret in the namespace
)

var (
	labelPattern     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	subdomainPattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	clusterPattern   = regexp.MustCompile(`^[a-zA-Z0-9]([-\w]{0,61}[a-zA-Z0-9])?$`)
	tagPattern       = regexp.MustCompile(`^` + reference.TagRegexp.String() + `$`)
)

// validate reports everything that is wrong with a defaulted configuration: key, value and what is allowed. It looks at the
// files that the configuration names, and at nothing else outside.
func (c *Config) validate() problems {
	var found problems
	found.addUnless(isLabel(c.Environment), "environment", c.Environment, ruleLabel)
	found.addUnless(isSubdomain(c.PullSecretName), "pullSecretName", c.PullSecretName, ruleSubdomain)
	c.validateTags(&found)
	c.validateRegistry(&found)
	c.validateRotation(&found)
	c.validateCluster(&found)
	c.validateChart(&found, "chart", c.Chart)
	validateRelease(&found, "release", c.Release)
	validateNamespace(&found, "namespace", c.Namespace)
	if len(c.Services) == 0 {
		found.add("services", nil, "is missing; name at least one service")
	}
	for _, name := range c.ServiceNames() {
		c.validateService(&found, name)
	}
	c.validateMadeOnce(&found)
	return found
}

const (
	ruleLabel     = "is not an RFC 1123 label: at most 63 lower-case letters, digits and dashes, a letter or digit first and last"
	ruleSubdomain = "is not an RFC 1123 subdomain: at most 253 lower-case letters, digits, dashes and dots, a letter or digit first and last"
)

func isLabel(s string) bool { return len(s) <= maxLabel && labelPattern.MatchString(s) }

func isSubdomain(s string) bool { return len(s) <= maxSubdomain && subdomainPattern.MatchString(s) }

func (c *Config) validateTags(found *problems) {
	found.addUnless(len(c.Tags) <= maxTags, "tags", nil, fmt.Sprintf("has %d tags; Azure allows %d", len(c.Tags), maxTags))
	addSameNames(found, "tags", c.Tags)
	for _, name := range slices.Sorted(maps.Keys(c.Tags)) {
		key := "tags." + name
		found.addUnless(name != "" && len(name) <= maxTagName && !strings.ContainsAny(name, `<>%&\?/`), key, nil,
			`is not a tag name: 1 to 512 characters without < > % & \ ? /`)
		found.addUnless(len(c.Tags[name]) <= maxTagValue, key, c.Tags[name], "is longer than the 256 characters Azure allows")
	}
}

func (c *Config) validateCluster(found *problems) {
	if aks := c.Cluster.AKS; aks != nil {
		found.addUnless(c.Cluster.Kubeconfig == "" && c.Cluster.Context == "", "cluster.aks", nil, "excludes kubeconfig and context; Azure gives both")
		found.addUnless(resourceGroupPattern.MatchString(aks.ResourceGroup), "cluster.aks.resourceGroup", aks.ResourceGroup, ruleResourceGroup)
		found.addUnless(clusterPattern.MatchString(aks.Name), "cluster.aks.name", aks.Name,
			"is not a cluster's name: 1 to 63 letters, digits and -_, a letter or digit first and last")
	}
	if kubeconfig := c.Cluster.Kubeconfig; kubeconfig != "" && !IsKubeconfigContent(kubeconfig) {
		_, err := os.Stat(c.path(ExpandHome(kubeconfig)))
		found.addUnless(err == nil, "cluster.kubeconfig", kubeconfig, "is neither a file that is there nor the content of a kubeconfig")
	}
}

// path resolves a relative path against the project folder.
func (c *Config) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.root, name)
}

func (c *Config) validateChart(found *problems, key string, chart Chart) {
	forms := 0
	for _, form := range []string{chart.Path, chart.Repository, chart.OCI} {
		if form != "" {
			forms++
		}
	}
	if forms != 1 {
		found.addUnless(chart == (Chart{}), key, nil, "takes exactly one of path, repository and oci")
		return
	}
	if chart.Path != "" {
		_, err := chartFiles(c.path(chart.Path))
		switch {
		case !filepath.IsLocal(chart.Path):
			found.add(key+".path", chart.Path, "leaves the project folder; an outside path would differ on every machine")
		case err != nil:
			found.add(key+".path", chart.Path, "is neither a chart folder with a Chart.yaml nor a packaged chart (.tgz)")
		}
		found.addUnless(chart.Name == "" && chart.Version == "" && chart.Username == "" && chart.Password == "", key, nil,
			"has a path, which takes no name, version, username or password")
		return
	}
	if chart.Repository != "" {
		at, err := url.Parse(chart.Repository)
		found.addUnless(err == nil && at.Host != "" && (at.Scheme == "https" || at.Scheme == "http"), key+".repository",
			chart.Repository, "is not the http or https address of a chart repository")
		found.addUnless(chart.Name != "", key+".name", nil, "is missing; name the chart in the repository")
	} else {
		at, err := url.Parse(chart.OCI)
		found.addUnless(err == nil && at.Host != "" && at.Path != "" && at.Scheme == "oci", key+".oci", chart.OCI,
			`is not a chart's address, such as "oci://example.azurecr.io/charts/microservice"`)
		found.addUnless(chart.Name == "", key+".name", chart.Name, "is not used with oci; the address names the chart")
	}
	found.addUnless(isExactVersion(chart.Version), key+".version", chart.Version,
		`is not an exact version such as "1.2.3"; with less, the same stack would deploy different charts`)
	found.addUnless(chart.Password == "" || chart.Username != "", key+".username", nil, "is missing beside the password")
}

// isExactVersion accepts a complete semantic version, with or without the leading v.
func isExactVersion(version string) bool {
	v := "v" + strings.TrimPrefix(version, "v")
	return semver.Canonical(v)+semver.Build(v) == v
}

func validateRelease(found *problems, key string, release Release) {
	if t := release.TimeoutSeconds; t != nil {
		found.addUnless(*t >= 1 && *t <= maxTimeout, key+".timeoutSeconds", *t, fmt.Sprintf("is not from 1 to %d", maxTimeout))
	}
	if h := release.MaxHistory; h != nil {
		found.addUnless(*h >= 1 && *h <= maxRevisions, key+".maxHistory", *h, fmt.Sprintf("is not from 1 to %d", maxRevisions))
	}
}

func (c *Config) validateService(found *problems, name string) {
	key, service := "services."+name, c.Services[name]
	namespace := c.NamespaceName(name)
	switch {
	case !isLabel(name):
		found.add(key, name, ruleLabel)
		if service.Image.Repository == name { // The default, as wrong as the name itself.
			service.Image.Repository = "name"
		}
	case len(name) > maxReleaseName:
		found.add(key, name, fmt.Sprintf("is longer than the %d characters Helm allows for a release", maxReleaseName))
	case len(namespace) > maxLabel:
		found.add(key, namespace, fmt.Sprintf("has %d characters; a namespace, <service>-<environment>, may have %d", len(namespace), maxLabel))
	case strings.HasPrefix(namespace, "kube-"):
		found.add(key, namespace, "is a namespace of Kubernetes itself; names may not begin with kube-")
	}
	c.validateImage(found, key+".image", service.Image)
	for i, repository := range service.PullRepositories {
		found.addUnless(isRepository(repository), fmt.Sprintf("%s.pullRepositories.%d", key, i), repository,
			`is not a repository in the registry, such as "customerapi"`)
	}
	c.validateChart(found, key+".chart", service.Chart)
	validateRelease(found, key+".release", service.Release)
	validateNamespace(found, key+".namespace", service.Namespace)
	validateLimits(found, key+".namespace.limits", c.NamespaceOf(name).Limits)
	found.addUnless(len(service.Namespace.AllowFrom) == 0 || ValueOr(c.NamespaceOf(name).Isolate, false), key+".namespace.allowFrom", nil,
		"needs isolate true; without it everybody may come in")
	for i, file := range service.ValuesFiles {
		_, err := readValuesFile(c.path(file))
		found.addUnless(err == nil && filepath.IsLocal(file), fmt.Sprintf("%s.valuesFiles.%d", key, i), file,
			"is not a YAML file in the project folder with an object at the top")
	}
	values, _ := c.ValuesOf(name) // An unreadable file is reported above.
	for _, at := range nulls(values) {
		found.add(key+".values."+at, nil, "is null, which the Helm provider drops; set the value the chart shall have")
	}
}

func (c *Config) validateImage(found *problems, key string, image Image) {
	full := image.Repository
	if !namesHost(full) {
		full = "registry.azurecr.io/" + full
	}
	named, err := reference.ParseNormalizedNamed(full)
	switch {
	case err != nil || !reference.IsNameOnly(named):
		found.add(key+".repository", image.Repository, `is not an image repository: a lower-case path such as "customerapi", `+
			`or with a host "docker.io/library/nginx"; tag and digest have keys of their own`)
	case c.Registry.Name != "" && reference.Domain(named) == loginServerOf(c.Registry.Name):
		found.add(key+".repository", image.Repository, "names the stack's own registry; leave the host out to pull with the pull secret")
	}
	c.validateMade(found, key, image)
	found.addUnless(image.Tag == "" || tagPattern.MatchString(image.Tag), key+".tag", image.Tag,
		"is not an image tag: 1 to 128 letters, digits and _.-, not beginning with a dot or dash")
	found.addUnless(image.Digest == "" || isSHA256(image.Digest), key+".digest", image.Digest,
		"is not a digest: sha256: and 64 hexadecimal digits")
}

// contextPattern is a git repository that ACR Tasks reach.
var contextPattern = regexp.MustCompile(`^https://[^/\s#]+/[^\s#]+#[^\s#:]+(:[^\s#:]+)?$`)

// argumentPattern is what passes a command of an ACR Task unchanged.
var argumentPattern = regexp.MustCompile(`^[\w.~+/=@:-]*$`)

const ruleArgument = "may hold letters, digits and _.~+/=@:- only; it goes through a command line in Azure"

// validateMadeOnce reports an image that two services would make from different things.
func (c *Config) validateMadeOnce(found *problems) {
	makers := map[string]string{}
	for _, name := range c.PullingServices() {
		image := c.Services[name].Image
		if !image.Made() {
			continue
		}
		first, again := makers[image.Reference("")]
		found.addUnless(!again || reflect.DeepEqual(image, c.Services[first].Image), "services."+name+".image", image.Reference(""),
			"is made from something else by services."+first)
		if !again {
			makers[image.Reference("")] = name
		}
	}
}

// validateMade reports what is wrong with the way in which the stack itself is to bring an image into the registry.
func (c *Config) validateMade(found *problems, key string, image Image) {
	if !image.Made() {
		return
	}
	found.addUnless(image.Import == nil || image.Build == nil, key, nil, "takes either import or build")
	found.addUnless(image.Tag != "", key+".tag", nil, "is missing; import and build give the image this tag")
	found.addUnless(image.Digest == "", key+".digest", nil, "excludes import and build, whose digest is not known before")
	found.addUnless(c.UsesACR() && c.Registry.Existing == nil && !image.Foreign(), key, nil,
		"takes import and build for the stack's own registry only")
	if from := image.Import; from != nil {
		named, err := reference.ParseNormalizedNamed(from.Source)
		found.addUnless(err == nil && namesHost(from.Source) && !reference.IsNameOnly(named), key+".import.source", from.Source,
			`is not an image with its host and its tag or digest, such as "docker.io/library/nginx:1.29"`)
		found.addUnless((from.Username == "") == (from.Password == ""), key+".import", nil, "takes username and password together")
		found.addUnless(argumentPattern.MatchString(from.Username), key+".import.username", nil, ruleArgument)
		found.addUnless(argumentPattern.MatchString(from.Password), key+".import.password", nil, ruleArgument)
		restricted := !c.Registry.Public() || len(c.Registry.IPRules) > 0
		found.addUnless(!restricted || ValueOr(c.Registry.TrustedServices, true), key+".import", nil,
			"excludes registry.trustedServices false beside ipRules or publicNetworkAccess false; imports come in as a trusted service")
	}
	if from := image.Build; from != nil {
		found.addUnless(contextPattern.MatchString(from.Context), key+".build.context", from.Context,
			`is not an https git repository with branch, tag or commit, such as "https://github.com/example/shop.git#v1.2.0:customerapi"`)
		found.addUnless(from.Dockerfile == "" || filepath.IsLocal(from.Dockerfile), key+".build.dockerfile", from.Dockerfile,
			"is not a file in the context")
		found.addUnless(from.Platform == "" || slices.Contains(buildPlatforms, from.Platform), key+".build.platform", from.Platform,
			"is not one of "+strings.Join(buildPlatforms, ", "))
		found.addUnless(c.Registry.Public(), key+".build", nil,
			"excludes registry.publicNetworkAccess false; ACR Tasks run on shared machines, which come in from outside: import the image, or build it in a pipeline")
		found.addUnless(len(c.Registry.IPRules) == 0, key+".build", nil,
			"excludes registry.ipRules; ACR Tasks run on shared machines with changing addresses: import the image, or build it in a pipeline")
		found.addUnless(!c.Registry.ABAC, key+".build", nil, "excludes registry.abac; ACR Tasks have no access to the content of such a registry")
	}
}

// isRepository accepts a repository in the stack's own registry.
func isRepository(name string) bool {
	named, err := reference.ParseNormalizedNamed("registry.azurecr.io/" + name)
	return err == nil && reference.IsNameOnly(named) && !namesHost(name)
}

func isSHA256(s string) bool {
	parsed, err := digest.Parse(s)
	return err == nil && parsed.Algorithm() == digest.SHA256
}
