package azuredouble

import (
	"context"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"
)

// Names in [Conditions] for what is none of the double's types.
const (
	PullLatency    = "registry:Pull" // a node pulls an image
	CommandLatency = "az:Command"    // a command of az starts and asks Azure something; what it makes comes on top
	RetriesLatency = "az:Retries"    // az ad sp create-for-rbac waits until ARM knows the new service principal
)

// TypicalLatency is how long Azure takes for what the stack asks of it, by type as [Conditions] names them: medians of what
// people have published of their own runs, found in November 2026. The comments tell how many, from where to where, and one
// place to look. Nobody has measured them here, and few are those of one registry, one tenant and one region.
var TypicalLatency = map[string]time.Duration{
	// 7 runs of Pulumi, 0.6 to 4 s: github.com/pulumi/examples, azure-py-oidc-provider-pulumi-cloud/README.md
	"azure-native:ResourceGroup": time.Second,
	// 7 of azd, 9 to 88 s: github.com/MicrosoftDocs/azure-docs, articles/container-apps/microservices-dapr-service-invoke.md.
	// Terraform's, which polls on, are longer: 23 s in the middle of 11.
	"azure-native:Registry": 17700 * time.Millisecond,
	// 18 of Pulumi, 2 to 11 s, by one author: github.com/baoduy/drunk-azure-pulumi-articles. Terraform, which waits until it
	// can read the assignment everywhere, takes 28 s in the middle of 9.
	"azure-native:RoleAssignment": 6500 * time.Millisecond,
	// 4 of Pulumi and of Terraform since azuread 2, 3 to 14 s: github.com/pulumi/examples, as above
	"azuread:Application": 4 * time.Second,
	// 3 of the same, 2 to 11 s: github.com/tusharshahrs/pulumi-home, azure-ts-aks-managed-profile/README.md
	"azuread:ServicePrincipal": 4 * time.Second,
	// 3 of the same, 5 to 10 s, in the same place. The provider asks five times, a second apart, whether Entra knows it.
	"azuread:ApplicationPassword": 10 * time.Second,
	// One operation each, polled after ten seconds, in recordings of az and Az PowerShell: see repl-create, token-create and pe-manual
	// in facts_test.go. That of the endpoint took 40 seconds, by a manual connection.
	"azure-native:Replication":     10 * time.Second,
	"azure-native:Token":           10 * time.Second,
	"azure-native:PrivateEndpoint": 40 * time.Second,
	// 10 events of kubelets, images of 4 to 270 MB pulled for the first time, 1.3 to 14.5 s:
	// github.com/Azure/acr, docs/teleport/aks-teleport-comparison.md has larger ones, of 32 and 35 s
	PullLatency: 4060 * time.Millisecond,
	// 3 commands that read something small, 0.9 to 1.3 s: github.com/thruput-io/azure-lab, ongoing.md. By az's own clock, which
	// leaves out the start of Python, 8 more take 0.7 to 1.8 s: github.com/Azure/azure-cli/issues/7447
	CommandLatency: 1130 * time.Millisecond,
	// "Retrying role assignment creation" in 10 logs, 1 to 4 times, 2 in the middle, five seconds apart as in az's source:
	// github.com/Azure/azure-cli, src/azure-cli/azure/cli/command_modules/role/custom.py. Who gives the principalType, as the
	// program does, need not wait. Newer versions of az may give it as well.
	RetriesLatency: 10 * time.Second,
}

// Delay waits for as long as Azure takes for something that [Conditions] names. When ctx ends, so does the waiting.
func (d *Double) Delay(ctx context.Context, name string) error {
	latency := d.conditions.Load().Latency[name]
	if latency <= 0 {
		return nil
	}
	select {
	case <-time.After(latency):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin waits until it is a resource's turn to be created, updated or deleted, and then for as long as Azure would take for
// that. The turn is over with end.
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

// shortType leaves the module out of a type token: "azure-native:containerregistry:Registry" becomes "azure-native:Registry".
func shortType(token string) string {
	provider, _, _ := strings.Cut(token, ":")
	return provider + token[strings.LastIndex(token, ":"):]
}
