package config

import (
	"cmp"
	"fmt"
	"path/filepath"
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

// path resolves a relative path against the project folder.
func (c *Config) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.root, name)
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
