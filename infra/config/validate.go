package config

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// validate reports all problems of a configuration with defaults: key, value and what is allowed. Besides the configuration, it
// reads only the files that the configuration names.
func (c *Config) validate() problems {
	var found problems
	found.addUnless(isLabel(c.Environment), "environment", c.Environment, ruleLabel) // The default is the stack's name, which can be invalid.
	addSameNames(&found, "tags", c.Tags)
	c.validateRegistry(&found)
	c.validateCluster(&found)
	c.validateChart(&found, "chart", c.Chart)
	validateCounts(&found, "namespace.quota", c.Namespace.Quota)
	for _, name := range c.ServiceNames() {
		c.validateService(&found, name)
	}
	c.validateMadeOnce(&found)
	return found
}

func (c *Config) validateCluster(found *problems) {
	if aks := c.Cluster.AKS; aks != nil {
		found.addUnless(c.Cluster.Kubeconfig == "" && c.Cluster.Context == "", "cluster.aks", nil, "excludes kubeconfig and context; Azure provides both")
	}
	if kubeconfig := c.Cluster.Kubeconfig; kubeconfig != "" && !IsKubeconfigContent(kubeconfig) {
		_, err := os.Stat(c.path(ExpandHome(kubeconfig)))
		found.addUnless(err == nil, "cluster.kubeconfig", kubeconfig, "is neither an existing file nor the content of a kubeconfig")
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
	validateKeys(found, key+".keys", chart.Keys)
	if forms != 1 {
		found.addUnless(!chart.named(), key, nil, "takes exactly one of path, repository and oci")
		return
	}
	if chart.Path != "" {
		if filepath.IsLocal(chart.Path) {
			if _, err := c.localChart(chartPath(chart)); err != nil {
				found.add(key+".path", chart.Path, err.Error())
			}
		}
		found.addUnless(chart.Name == "" && chart.Version == "" && chart.Username == "" && chart.Password == "", key, nil,
			"has a path, which excludes name, version, username and password")
		return
	}
	if chart.Repository != "" {
		found.addUnless(chart.Name != "", key+".name", nil, "is missing; name the chart in the repository")
	} else {
		found.addUnless(chart.Name == "", key+".name", chart.Name, "is not used with oci; the address names the chart")
	}
	found.addUnless(chart.Version != "", key+".version", chart.Version, kinds["exactVersion"].rule)
	found.addUnless(chart.Password == "" || chart.Username != "", key+".username", nil, "is missing; the password needs it")
}

func (c *Config) validateService(found *problems, name string) {
	key, service := "services."+name, c.Services[name]
	namespace := c.NamespaceName(name)
	switch {
	case !kinds["serviceName"].allows(name): // Already reported.
	case len(namespace) > maxLabel:
		found.add(key, namespace, fmt.Sprintf("has %d characters; a namespace, <service>-<environment>, can have %d", len(namespace), maxLabel))
	case strings.HasPrefix(namespace, "kube-"):
		found.add(key, namespace, "is a namespace of Kubernetes itself; names must not begin with kube-")
	case c.chartSettings(name).shipped() && beginsWithDigit(c.fullName(name)):
		found.add(key, c.fullName(name), "does not begin with a letter, but the chart's Kubernetes Service gets this name, which must; "+
			"choose another name, or set values.fullnameOverride")
	}
	c.validateImage(found, key+".image", service.Image)
	c.validatePullRepositories(found, key+".pullRepositories", service.PullRepositories)
	c.validateChart(found, key+".chart", service.Chart)
	validateCounts(found, key+".namespace.quota", service.Namespace.Quota)
	c.validateLabels(found, name)
	validateLimits(found, key+".namespace.limits", c.NamespaceOf(name).Limits)
	found.addUnless(len(service.Namespace.AllowFrom) == 0 || ValueOr(c.NamespaceOf(name).Isolate, false), key+".namespace.allowFrom", nil,
		"needs isolate true; without it, every pod is allowed to connect")
	validateRelease(found, key+".release", c.ReleaseOf(name))
	for i, file := range service.ValuesFiles {
		at := fmt.Sprintf("%s.valuesFiles.%d", key, i)
		if !filepath.IsLocal(file) {
			found.add(at, file, "is outside the project folder; such a path would differ from machine to machine")
		} else if _, err := readValuesFile(c.path(file)); err != nil {
			found.add(at, file, err.Error())
		}
	}
}

func validateRelease(found *problems, key string, release Release) {
	if ValueOr(release.Wait, true) {
		return
	}
	// Helm does not refuse these combinations, but waits.
	found.addUnless(!ValueOr(release.Atomic, false), key+".atomic", true, "excludes wait false; Helm waits for an atomic release")
	found.addUnless(!ValueOr(release.WaitForJobs, false), key+".waitForJobs", true, "excludes wait false")
}

func validateKeys(found *problems, key string, keys ChartKeys) {
	if keys.Image != "" {
		found.addUnless(keys.Registry == "" && keys.Repository == "" && keys.Tag == "" && keys.Digest == "", key+".image", keys.Image,
			"excludes registry, repository, tag and digest; it takes the whole image")
	}
	found.addUnless(keys.PullSecrets == "" || keys.PullSecretName == "", key+".pullSecretName", keys.PullSecretName, "excludes pullSecrets")
}

// fullName returns the prefix of the names of a service's objects in charts made by `helm create`.
func (c *Config) fullName(service string) string {
	values, _ := c.ValuesOf(service) // An unreadable file is reported elsewhere.
	name, _ := values["fullnameOverride"].(string)
	return cmp.Or(name, service)
}

// beginsWithDigit reports a name that Kubernetes allows for other objects, but not for Services:
// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#rfc-1035-label-names
func beginsWithDigit(name string) bool { return name != "" && name[0] >= '0' && name[0] <= '9' }

// warnServiceNames warns of names that are an error with the shipped chart. Another chart does not necessarily create a Service.
func (c *Config) warnServiceNames(warn func(key string, value any, rule string)) {
	for _, name := range c.ServiceNames() {
		if full := c.fullName(name); !c.chartSettings(name).shipped() && beginsWithDigit(full) {
			warn("services."+name, full, "does not begin with a letter; if the chart gives a Service this name, Kubernetes refuses it")
		}
	}
}

func (c *Config) validateImage(found *problems, key string, image Image) {
	found.addUnless(!c.UsesACR() || !image.Foreign() || !c.ownHost(image.host()), key+".repository", image.Repository, ruleOwnHost)
	c.validateMade(found, key, image)
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
