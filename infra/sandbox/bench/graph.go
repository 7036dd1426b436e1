//go:build linux

package main

import (
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// criticalPath returns the duration of an ideal update of the resources that count, in which each step starts when its last
// dependency has ended: the longest chain of dependent steps in the state's graph.
func criticalPath(state []apitype.ResourceV3, steps []step, counts func(urn string) bool) time.Duration {
	took := map[string]time.Duration{}
	for _, s := range steps {
		took[s.urn] = s.ended.Sub(s.began)
	}
	ends := map[string]time.Duration{}
	var longest time.Duration
	// In a state, each resource follows its dependencies.
	for _, r := range state {
		urn := string(r.URN)
		for _, needed := range needs(r) {
			ends[urn] = max(ends[urn], ends[needed])
		}
		// A component takes no time itself: its step ends with its last child.
		if r.Custom {
			ends[urn] += took[urn]
		}
		if counts(urn) {
			longest = max(longest, ends[urn])
		}
	}
	return longest
}

// anything counts every resource.
func anything(string) bool { return true }

// isRelease reports whether a resource is a release.
func isRelease(urn string) bool { return strings.Contains(urn, "kubernetes:helm.sh/v3:Release::") }

// needs returns the URNs of the dependencies.
func needs(r apitype.ResourceV3) []string {
	needed := []string{string(r.Parent)}
	for _, dependency := range r.Dependencies {
		needed = append(needed, string(dependency))
	}
	// A provider's key is "urn::id".
	if i := strings.LastIndex(r.Provider, "::"); i > 0 {
		needed = append(needed, r.Provider[:i])
	}
	return needed
}

// span is the time from the start of the first step to the end of the last step that counts.
func span(steps []step, counts func(urn string) bool) time.Duration {
	last := lastEnd(steps, counts)
	if last.IsZero() {
		return 0
	}
	first := slices.MinFunc(steps, func(a, b step) int { return a.began.Compare(b.began) })
	return last.Sub(first.began)
}

// lastEnd is the end of the last step that counts; the zero time if none counts.
func lastEnd(steps []step, counts func(urn string) bool) time.Time {
	var last time.Time
	for _, s := range steps {
		if counts(s.urn) && s.ended.After(last) {
			last = s.ended
		}
	}
	return last
}
