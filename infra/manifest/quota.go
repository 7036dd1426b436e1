package manifest

import (
	"maps"
	"slices"
	"strings"
)

// quota reports a container that Kubernetes refuses because it says nothing about a resource that the quota counts, and that is in a
// pod without limits of its own. Only the pods would be refused, and the release would wait for them until its timeout.
// Source: enforcePodContainerConstraints in pkg/quota/v1/evaluator/core/pods.go of Kubernetes v1.34.
func (c *checker) quota(name string, container map[string]any) {
	rules := c.want.Rules
	limits, requests := at(container, "resources", "limits"), at(container, "resources", "requests")
	for _, counted := range slices.Sorted(maps.Keys(rules.Quota)) {
		resource, ofLimits := strings.CutPrefix(counted, "limits.")
		resource = strings.TrimPrefix(resource, "requests.")
		limited := limits[resource] != nil || rules.Limits.Default[resource] != ""
		switch {
		case resource != "cpu" && resource != "memory", limited:
		case ofLimits:
			c.fault("check", "%s has a container %q without a limit of %s, which namespace.quota.%s requires: set it in the chart's values, "+
				"or namespace.limits.default.%s", name, text(container, "name"), resource, counted, resource)
		case requests[resource] == nil && rules.Limits.DefaultRequest[resource] == "":
			c.fault("check", "%s has a container %q without a request of %s, which namespace.quota.%s requires: set it in the chart's values, "+
				"or namespace.limits.defaultRequest.%s", name, text(container, "name"), resource, counted, resource)
		}
	}
}
