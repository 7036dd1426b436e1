// Package azuredouble is a double of Azure: one pretended Entra tenant with one pretended subscription, for running a
// Pulumi program on a machine that has neither. Nothing in it ever talks to Azure.
//
// It has two layers. The cloud model (resourcegroup.go, registry.go, replication.go, roleassignment.go, entra.go) keeps what exists and
// applies the rules of Azure Resource Manager (ARM) and of Entra, in their own words where those are known. The provider
// layer (provider.go, kind.go and the tables kinds_azurenative.go, kinds_azuread.go) speaks Pulumi's resource provider
// protocol over gRPC, as the plug-ins `azure-native` 2.90.0 and `azuread` 5.53.5 do. The engine attaches to it when the
// environment has PULUMI_DEBUG_PROVIDERS=azure-native:PORT,azuread:PORT. A registry's data plane (who may log in, who may
// pull) is answered from the same state: dataplane.go.
//
// What it stands for: names, locations, SKUs and which of them allow what; references that must exist; what a change
// replaces; drift, import and deletion; secrets that are handed out once; the delays with which a new service principal
// becomes visible to ARM and a new role assignment to a registry.
//
// What it does not show:
//   - Sign-in, quotas, policies, locks, soft deletion and prices: the deploying user is Owner of everything, always, and
//     there is one subscription, whichever a stack is configured for.
//   - Effects of settings that have no counterpart here, such as replicas, networkRuleSet, encryption or retention: they are
//     checked against the SKU, stored and given back, and nothing more.
//   - Resource kinds that are not in the two tables: they fail with an error that says so.
//   - Time: every operation is immediate, except the delays that [Options] names.
//   - Wording: errors whose text is not public are worded in the same style, so do not match on whole messages.
//
// One thing it does for the convenience of a sandbox: it undoes a creation when the engine that asked for it, or the double
// itself, dies before the answer. Azure would keep the resource, and the next update would stumble over it.
//
// Being stricter than Azure is deliberate in two places: an input that the SDK does not know is an error (the real
// azure-native provider drops it silently), and a role definition must be given in the one form that ARM gives back.
package azuredouble
