package config

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// validate reports everything that is wrong with a defaulted configuration: key, value and what is allowed. It looks at the
// files that the configuration names, and at nothing else outside.
func (c *Config) validate() problems {
	var found problems
	found.addUnless(isLabel(c.Environment), "environment", c.Environment, ruleLabel) // It may be the stack's name.
	addSameNames(&found, "tags", c.Tags)
	c.validateRegistry(&found)
	c.validateCluster(&found)
	c.validateChart(&found, "chart", c.Chart)
	validateNamespace(&found, "namespace", c.Namespace)
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
			"has a path, which takes no name, version, username or password")
		return
	}
	if chart.Repository != "" {
		found.addUnless(chart.Name != "", key+".name", nil, "is missing; name the chart in the repository")
	} else {
		found.addUnless(chart.Name == "", key+".name", chart.Name, "is not used with oci; the address names the chart")
	}
	found.addUnless(chart.Version != "", key+".version", chart.Version, kinds["exactVersion"].rule)
	found.addUnless(chart.Password == "" || chart.Username != "", key+".username", nil, "is missing beside the password")
}

func (c *Config) validateService(found *problems, name string) {
	key, service := "services."+name, c.Services[name]
	namespace := c.NamespaceName(name)
	switch {
	case !kinds["serviceName"].allows(name): // That has been said.
	case len(namespace) > maxLabel:
		found.add(key, namespace, fmt.Sprintf("has %d characters; a namespace, <service>-<environment>, can have %d", len(namespace), maxLabel))
	case strings.HasPrefix(namespace, "kube-"):
		found.add(key, namespace, "is a namespace of Kubernetes itself; names may not begin with kube-")
	case c.chartSettings(name) == Chart{} && beginsWithDigit(c.fullName(name)):
		found.add(key, c.fullName(name), "does not begin with a letter, as the name of a Kubernetes Service must, and the chart gives its Service this name; "+
			"choose another name, or set values.fullnameOverride")
	}
	c.validateImage(found, key+".image", service.Image)
	c.validateChart(found, key+".chart", service.Chart)
	validateNamespace(found, key+".namespace", service.Namespace)
	validateLimits(found, key+".namespace.limits", c.NamespaceOf(name).Limits)
	found.addUnless(len(service.Namespace.AllowFrom) == 0 || ValueOr(c.NamespaceOf(name).Isolate, false), key+".namespace.allowFrom", nil,
		"needs isolate true; without it every pod is allowed in")
	validateRelease(found, key+".release", c.ReleaseOf(name))
	for i, file := range service.ValuesFiles {
		at := fmt.Sprintf("%s.valuesFiles.%d", key, i)
		if !filepath.IsLocal(file) {
			found.add(at, file, "leaves the project folder; an outside path would differ on every machine")
		} else if _, err := readValuesFile(c.path(file)); err != nil {
			found.add(at, file, err.Error())
		}
	}
}

func validateRelease(found *problems, key string, release Release) {
	if ValueOr(release.Wait, true) {
		return
	}
	// Helm itself would wait nevertheless.
	found.addUnless(!ValueOr(release.Atomic, false), key+".atomic", true, "excludes wait false; a release that is undone when it fails is waited for")
	found.addUnless(!ValueOr(release.WaitForJobs, false), key+".waitForJobs", true, "excludes wait false")
}

func validateKeys(found *problems, key string, keys ChartKeys) {
	if keys.Image != "" {
		found.addUnless(keys.Registry == "" && keys.Repository == "" && keys.Tag == "" && keys.Digest == "", key+".image", keys.Image,
			"excludes registry, repository, tag and digest; it takes the whole image")
	}
	found.addUnless(keys.PullSecrets == "" || keys.PullSecretName == "", key+".pullSecretName", keys.PullSecretName, "excludes pullSecrets")
}

// fullName is that with which the names begin that charts made by `helm create` give a service's objects.
func (c *Config) fullName(service string) string {
	values, _ := c.ValuesOf(service) // An unreadable file is reported elsewhere.
	name, _ := values["fullnameOverride"].(string)
	return cmp.Or(name, service)
}

// beginsWithDigit tells the names that Services, of all objects, may not have:
// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#rfc-1035-label-names
func beginsWithDigit(name string) bool { return name != "" && name[0] >= '0' && name[0] <= '9' }

// warnServiceNames warns of names that the shipped chart would be refused with: another chart may or may not make a Service.
func (c *Config) warnServiceNames(warn func(key string, value any, rule string)) {
	for _, name := range c.ServiceNames() {
		if full := c.fullName(name); c.chartSettings(name) != (Chart{}) && beginsWithDigit(full) {
			warn("services."+name, full, "does not begin with a letter; if the chart gives a Service this name, Kubernetes refuses it")
		}
	}
}

func (c *Config) validateImage(found *problems, key string, image Image) {
	found.addUnless(!c.UsesACR() || !image.Foreign() || !c.ownHost(image.host()), key+".repository", image.Repository, ruleOwnHost)
	c.validateMade(found, key, image)
}

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
	found.addUnless(image.Digest == "", key+".digest", nil, "excludes import and build, whose digest is not known in advance")
	found.addUnless(c.UsesACR() && c.Registry.Existing == nil && !image.Foreign(), key, nil,
		"can use import and build only for the stack's own registry")
	if from := image.Import; from != nil {
		found.addUnless((from.Username == "") == (from.Password == ""), key+".import", nil, "takes username and password together")
		found.addUnless(!c.Registry.closedToServices(), key+".import", nil,
			"excludes registry.trustedServices false beside ipRules or publicNetworkAccess false; imports connect as a trusted service")
	}
	if image.Build != nil {
		found.addUnless(c.Registry.Public(), key+".build", nil,
			"excludes registry.publicNetworkAccess false; ACR Tasks run on shared machines, which connect from outside: import the image, or build it in a pipeline")
		found.addUnless(len(c.Registry.IPRules) == 0, key+".build", nil,
			"excludes registry.ipRules; ACR Tasks run on shared machines with changing addresses: import the image, or build it in a pipeline")
		found.addUnless(!c.Registry.ABAC, key+".build", nil, "excludes registry.abac; ACR Tasks have no access to the content of such a registry")
	}
}
