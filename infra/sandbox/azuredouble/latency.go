package azuredouble

import (
	"context"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"
)

// Names in [Conditions] that are not types of the double.
const (
	PullLatency    = "registry:Pull" // a node pulls an image
	CommandLatency = "az:Command"    // an az command starts and sends a request to Azure; creations take longer
	RetriesLatency = "az:Retries"    // az ad sp create-for-rbac waits until ARM knows the new service principal
)

// TypicalLatency is how long Azure takes for the stack's requests, by type as named in [Conditions]: medians of other users'
// published runs, found in November 2026. Each comment gives their number, their range and one source. None was measured here,
// and few are from one registry, one tenant and one region.
var TypicalLatency = map[string]time.Duration{
	// 7 runs of Pulumi, 0.6 to 4 s: github.com/pulumi/examples, azure-py-oidc-provider-pulumi-cloud/README.md
	"azure-native:ResourceGroup": time.Second,
	// 7 of azd, 9 to 88 s: github.com/MicrosoftDocs/azure-docs, articles/container-apps/microservices-dapr-service-invoke.md.
	// Terraform keeps polling and takes longer: median 23 s of 11.
	"azure-native:Registry": 17700 * time.Millisecond,
	// 18 of Pulumi, 2 to 11 s, by one author: github.com/baoduy/drunk-azure-pulumi-articles. Terraform, which waits until the
	// assignment is readable everywhere: median 28 s of 9.
	"azure-native:RoleAssignment": 6500 * time.Millisecond,
	// 4 of Pulumi and of Terraform since azuread 2, 3 to 14 s: github.com/pulumi/examples, as above
	"azuread:Application": 4 * time.Second,
	// 3 of the same, 2 to 11 s: github.com/tusharshahrs/pulumi-home, azure-ts-aks-managed-profile/README.md
	"azuread:ServicePrincipal": 4 * time.Second,
	// 3 of the same, 5 to 10 s, same source. The provider checks five times, one second apart, whether Entra returns it.
	"azuread:ApplicationPassword": 10 * time.Second,
	// One operation each, polled after ten seconds, in recordings of az and Az PowerShell: see repl-create, token-create and
	// pe-manual in facts_test.go. The endpoint, with a manual connection, took 40 seconds.
	"azure-native:Replication":     10 * time.Second,
	"azure-native:Token":           10 * time.Second,
	"azure-native:PrivateEndpoint": 40 * time.Second,
	// 10 kubelet events, first pulls of images of 4 to 270 MB, 1.3 to 14.5 s:
	// github.com/Azure/acr, docs/teleport/aks-teleport-comparison.md has larger ones, of 32 and 35 s
	PullLatency: 4060 * time.Millisecond,
	// 3 commands that read something small, 0.9 to 1.3 s: github.com/thruput-io/azure-lab, ongoing.md. By az's own timer, which
	// excludes Python's start, 8 more take 0.7 to 1.8 s: github.com/Azure/azure-cli/issues/7447
	CommandLatency: 1130 * time.Millisecond,
	// "Retrying role assignment creation" in 10 logs, 1 to 4 times, median 2, five seconds apart as in az's source:
	// github.com/Azure/azure-cli, src/azure-cli/azure/cli/command_modules/role/custom.py. With the principalType, as in the program,
	// there is no wait. Newer versions of az may send it as well.
	RetriesLatency: 10 * time.Second,
}

// Delay waits for the latency that [Conditions] has for a name, or until ctx ends.
func (d *Double) Delay(ctx context.Context, name string) error {
	if latency := d.conditions.Load().Latency[name]; latency > 0 {
		return pause(ctx, latency)
	}
	return nil
}

// begin waits for a resource's turn to be created, updated or deleted, and then for the latency of that operation. end ends the
// turn.
func (d *Double) begin(ctx context.Context, k *kind, in props, id string) (end func(), err error) {
	end = func() {}
	if k.owner != nil {
		queue, _ := d.queues.LoadOrStore(k.owner(in, id), semaphore.NewWeighted(1))
		turn := queue.(*semaphore.Weighted)
		if err := turn.Acquire(ctx, 1); err != nil {
			return nil, err
		}
		end = func() { turn.Release(1) }
	}
	if err := d.Delay(ctx, shortType(k.token)); err != nil {
		end()
		return nil, err
	}
	return end, nil
}

// shortType removes a type token's module: "azure-native:containerregistry:Registry" becomes "azure-native:Registry".
func shortType(token string) string {
	provider, _, _ := strings.Cut(token, ":")
	return provider + token[strings.LastIndex(token, ":"):]
}
