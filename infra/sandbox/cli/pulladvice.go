//go:build linux

package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
)

// roleReach is the time a new role assignment can take to reach a registry, plus some minutes:
// https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
const roleReach = 15 * time.Minute

// pulledImage matches the image in kubelet's failed-pull event.
var pulledImage = regexp.MustCompile(`Failed to pull image "([^"]+)"`)

// pullFacts help to explain a registry's rejection: its response is the same for a missing login, a permission that has not
// reached it, and an image that was not pushed.
type pullFacts struct {
	registry string          // host of the stack's registry; empty for none in Azure
	assigned time.Time       // when the newest pull role was assigned; zero for none, as with tokens, which take effect at once
	acrPull  bool            // that role is AcrPull
	bare     map[string]bool // images of pods that name no pull secret, although the stack has some
	now      time.Time
}

// factsOf reads the facts from the stack's state and the remaining pods.
func factsOf(resources []apitype.ResourceV3, pods []pod, now time.Time) pullFacts {
	facts := pullFacts{bare: map[string]bool{}, now: now}
	secrets, nodes := false, false
	for _, r := range resources {
		switch kind := string(r.Type); {
		case strings.HasSuffix(kind, ":Stack"):
			facts.registry, _ = r.Outputs["loginServer"].(string)
		case strings.HasSuffix(kind, ":RoleAssignment") && (r.URN.Name() == "pull" || r.URN.Name() == "pull-kubelet"):
			nodes = nodes || r.URN.Name() == "pull-kubelet"
			if r.Created != nil && r.Created.After(facts.assigned) {
				facts.assigned = *r.Created
				role, _ := r.Inputs["roleDefinitionId"].(string)
				facts.acrPull = strings.HasSuffix(role, azuredouble.RoleAcrPull)
			}
		case kind == "kubernetes:core/v1:Secret":
			secrets = true
		case strings.HasSuffix(kind, "containerregistry/v20231101preview:Registry") && facts.registry == "":
			facts.registry, _ = r.Outputs["loginServer"].(string) // a failed first update has no outputs yet
		}
	}
	for _, p := range pods {
		if secrets && !nodes && !p.PullSecret { // if the nodes pull by themselves, pods need none
			facts.bare[p.Image] = true
		}
	}
	return facts
}

// advise returns advice for each image that a registry rejects.
func (f pullFacts) advise(said []string) []string {
	var advised []string
	for _, text := range said {
		match := pulledImage.FindStringSubmatch(text)
		if match == nil || !strings.Contains(text, unauthorized) {
			continue
		}
		if do := f.adviseOn(match[1]); !slices.Contains(advised, do) {
			advised = append(advised, do)
		}
	}
	return advised
}

// abacHint extends the advice for AcrPull, a role without effect in a registry in ABAC mode. The stack cannot read the mode.
func (f pullFacts) abacHint() string {
	if !f.acrPull {
		return ""
	}
	return ". If the registry is in the mode \"RBAC Registry + ABAC Repository Permissions\", set registry.abac to true"
}

func (f pullFacts) adviseOn(image string) string {
	host, _, _ := strings.Cut(image, "/")
	age := f.now.Sub(f.assigned)
	minutes := int(age.Minutes())
	switch {
	case host != f.registry && f.registry != "":
		return fmt.Sprintf("%s is not in the stack's registry %s, the only one that the pull secret is for: leave the host out of image.repository, "+
			"or give the chart a pull secret for %s", image, f.registry, host)
	case f.registry == "":
		return fmt.Sprintf("%s: the registry requires a login, or has no such image; give the chart a pull secret for %s, or correct image.tag", image, host)
	case f.bare[image]:
		return fmt.Sprintf("%s: its pod names no pull secret; use a chart that takes imagePullSecrets, or put the stack's pull secret where the chart "+
			"takes it", image)
	case !f.assigned.IsZero() && age < roleReach:
		return fmt.Sprintf("%s: the role was assigned %d minutes ago and can take 10 minutes to reach the registry: run up again then. The registry gives the "+
			"same answer for an image that it does not have: push that%s", image, minutes, f.abacHint())
	case !f.assigned.IsZero():
		return fmt.Sprintf("%s: the role was assigned %d minutes ago, so it has reached the registry: push the image, or set another image.tag%s",
			image, minutes, f.abacHint())
	}
	return fmt.Sprintf("%s: push the image, or set another image.tag; what another service's token pulls is in pullRepositories", image)
}
