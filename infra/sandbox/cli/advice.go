//go:build linux

package cli

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/engine"
	"example.com/acr-microservices/infra/sandbox/progress"
)

// advice maps part of a failure's messages to the remedy. infra/docs/troubleshooting.md explains them in more detail: a test checks
// that it covers each one.
var advice = []struct{ said, do string }{
	{"manifest tagged by", "push the image, or set another image.tag"},
	{"Unable to retrieve some image pull secrets", "run up --refresh: it creates the pull secret again"},
	{"SubscriptionRequestsThrottled", again},
	{"TooManyRequests", again},
	{"InvalidGatewayHost", again},
	{"AnotherOperationInProgress", again},
	{"Directory_ConcurrencyViolation", again},
	{"InternalServerError", again},
	{"ServiceUnavailable", again},
	{lostAnswer, "Azure may have carried out the request: delete the orphans that are listed, and run up again"},
	{"cannot create already existing resource", "if it is left over from an earlier update whose response was lost, delete it, and run up again"},
	{"RoleAssignmentExists", "if it is left over from an earlier update whose response was lost, delete it, and run up again"},
	{"Request_MultipleObjectsWithSameKeyValue", "the response to the creation was lost: run up again, which takes over what was created"},
	{"AlreadyInUse", "set another registry.name, or none"},
	{"MissingSubscriptionRegistration", "az provider register --namespace …, with the namespace that the message names, and run up again some minutes later"},
	{"TasksOperationsNotAllowed", "push the images yourself instead of image.import and image.build, or ask Azure's support to allow ACR Tasks"},
	{"QuotaExceeded", "delete what is not needed, or have the quota raised, and run up again"},
	{"LimitExceeded", "delete what is not needed, or have the quota raised, and run up again"},
	{"AuthorizationFailed", "have the role assigned that infra/docs/security.md lists, and run up again"},
	{"Authorization_RequestDenied", "have the Entra permission granted that infra/docs/security.md lists, and run up again"},
	{"cluster is unreachable", "when the cluster answers again, run up again"},
	{"connection refused", "when the cluster answers again, run up again"},
	{"denied the request", "a policy of the cluster refuses it, for the reason in the message: comply with the policy, or ask its owner"},
	{unauthorized, ""}, // pullFacts finds the cause
	{"no match for platform in manifest", "build the image for the nodes' platform"},
	{"Back-off restarting failed container", "the container exits: with release.atomic=false the pod stays, and kubectl logs says why." +
		" \"exec format error\" there: build the image for the nodes' platform"},
	{"MountVolume.SetUp failed", "create the object that the pod mounts; if a post-install hook of the chart creates it, set release.wait to false"},
	{"no nodes available", "repair the cluster's nodes, and run up again"},
	{"unbound immediate PersistentVolumeClaims", "correct the claim's storage class and volume, and run up again"},
	{"exited prematurely", "a provider was killed, or has crashed: run up again"},
	{"no space left on device", "free disk space where the state is kept, and run up again"},
}

const (
	unauthorized = "authentication required"
	lostAnswer   = "connection reset by peer"
)

// azureAddress matches Azure and Entra URLs.
var azureAddress = regexp.MustCompile(`https://(management\.azure|graph\.microsoft)\.com/`)

const again = "wait a few minutes, and run up again: it resumes"

// advise returns the remedies for the messages, in the order of the list and without duplicates.
func advise(said []string) []string {
	var advised []string
	for _, a := range advice {
		seen := slices.ContainsFunc(said, func(text string) bool {
			// A cluster that stops also resets connections.
			return strings.Contains(text, a.said) && (a.said != lostAnswer || azureAddress.MatchString(text))
		})
		if a.do != "" && seen && !slices.Contains(advised, a.do) {
			advised = append(advised, a.do)
		}
	}
	return advised
}

// explainFailure shows the cluster's warnings after a failed update, the orphans that the update left, and the remedies.
func (sb *sandbox) explainFailure(ctx context.Context, st *engine.Stack, services *daemon.Client, before daemon.Info, failure engine.Result, since time.Time) {
	if ctx.Err() != nil {
		return
	}
	said := failure.Errors
	var facts pullFacts
	// If the state or the cluster is unreadable, only the failure is reported.
	if resources, err := st.Resources(); err == nil {
		warnings, err := sb.kubectl(before).warnings(ctx, namespaces(resources), since)
		if err == nil && len(warnings) > 0 {
			sb.section("warnings of the cluster", warnings)
			said = append(said, warnings...)
		}
		pods, err := sb.kubectl(before).pods(ctx, namespaces(resources))
		if err != nil {
			pods = nil // the failed release may have deleted them
		}
		facts = factsOf(resources, pods, time.Now())
	}
	sb.tellStrays(ctx, services, before)
	todo := advise(said)
	if len(todo) == 0 { // a failed pull can be the result of another failure, such as a missing secret
		todo = facts.advise(said)
	}
	if len(todo) > 0 {
		sb.section("what to do", todo)
	}
}

func (sb *sandbox) section(title string, lines []string) {
	sb.Printf("\n  %s", sb.Styled(progress.Strong, title))
	for _, line := range lines {
		sb.Printf("%s", progress.Indent("    ", line))
	}
}

// tellStrays shows the update's orphans: objects in Azure that are in no stack.
func (sb *sandbox) tellStrays(ctx context.Context, services *daemon.Client, before daemon.Info) {
	now, err := services.Info(ctx)
	if err != nil {
		return // the services do not respond
	}
	known, err := engine.Known(sb.dir)
	if err != nil {
		return
	}
	var lines []string
	for _, id := range strays(now.Inventory, idsOf(known)) {
		if !slices.Contains(before.Inventory, id) {
			lines = append(lines, id, "  to delete it: "+sb.hint("delete", id))
		}
	}
	if len(lines) > 0 {
		sb.section("orphans: resources in Azure that no stack manages", lines)
	}
}

// strays returns the ids in Azure that are in no stack.
func strays(inventory []string, known map[string]bool) []string {
	return slices.DeleteFunc(slices.Clone(inventory), func(id string) bool { return known[id] })
}

// idsOf returns the ids of resources.
func idsOf(resources []apitype.ResourceV3) map[string]bool {
	ids := map[string]bool{}
	for _, r := range resources {
		ids[string(r.ID)] = true
	}
	return ids
}

// tellFaults shows how often each fault of the flags has struck.
func (sb *sandbox) tellFaults(ctx context.Context, services *daemon.Client) {
	info, err := services.Info(ctx)
	if err != nil {
		return
	}
	for _, f := range info.Faults {
		sb.Printf("  fault %q: struck %d of %d requests", f.Rule, f.Struck, f.Requests)
	}
}
