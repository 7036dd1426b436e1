// Package azuredouble is a double of Azure: one pretended Entra tenant with one pretended subscription, for running a
// Pulumi program on a machine that has neither. Nothing in it ever talks to Azure.
//
// It has two layers. The cloud model (a file for each kind of resource, from resourcegroup.go to diagnosticsetting.go, and
// entra.go) keeps what exists and applies the rules of Azure Resource Manager (ARM) and of Entra, in their own words where
// those are known. The provider layer (provider.go, kind.go and the tables kinds_*.go) speaks Pulumi's resource provider
// protocol over gRPC, as the plug-ins `azure-native` 2.90.0 and `azuread` 5.53.5 do. The engine attaches to it when the
// environment has PULUMI_DEBUG_PROVIDERS=azure-native:PORT,azuread:PORT. A registry's data plane (who may log in, who may
// pull, whom the network lets in) is answered from the same state: dataplane.go.
//
// What it stands for:
//   - Resource groups; registries with replicas, webhooks, cache rules, credential sets and tasks; private endpoints with their
//     DNS zone groups; diagnostic settings; role assignments and management locks; applications, service principals and
//     passwords. A type of any API version stands for the kind; a registry and what belongs to it has two kinds, by
//     the SDK's default version and by 2023-11-01-preview: they show the same resource, and the default one does not know what
//     is newer.
//   - Names, locations, SKUs and which of them allow what and how much; what excludes each other, such as soft delete and
//     replicas; references that must exist; what a change replaces or what cannot be changed; drift, import and deletion;
//     secrets that are handed out once or never shown.
//   - Locks: what is locked, what contains it and what belongs to it is not deleted.
//   - The delays with which a new service principal becomes visible to ARM, and to a registry a role assignment or its end.
//   - What the deploying user may do, if [Conditions].Rights says so, and everything otherwise; who owns what in Entra.
//   - What goes wrong: throttling, conflicts, errors, slow and lost answers, names that are taken, quotas and missing
//     permissions, for the requests that [Conditions].Faults name. The provider layer repeats a request as the real providers
//     do, a hundred times faster.
//   - A registry's network: whoever is on this machine comes through a private endpoint, if the registry has one with an
//     approved connection, and otherwise from [ClientIP], which publicNetworkAccess and ipRules refuse or let in.
//
// What it does not show:
//   - Sign-in, subscription-wide quotas, Azure policies and prices. There is one subscription, whichever a stack is configured
//     for. The condition of a role that the deploying user has is not looked at.
//   - Somebody else's resources: networks, DNS zones, vaults, workspaces and user-assigned identities. An id of the right form
//     and type is enough, in any subscription; whether a key, a secret or an address in a subnet is there, nobody looks.
//   - What settings do to content. Replicas do not serve, webhooks are not called, cache rules fetch nothing, tasks do not
//     run, nothing is retained, quarantined or encrypted, and no log is sent: all this is checked, stored and given back. A
//     private endpoint has no address, and works without a DNS zone group.
//   - The addresses that Azure's services come from: networkRuleBypassOptions makes no difference.
//   - Groups: who is a member of one gets nothing by its roles.
//   - A diagnostic setting goes with its resource; in Azure it waits for another of the same name.
//   - Resource kinds that are not in the tables: they fail with an error that says so.
//   - Time: every operation is immediate, except the delays and faults that [Conditions] names.
//   - Wording: errors whose text is not public are worded in the same style, and so are many codes; do not match on whole
//     messages.
//
// facts_test.go holds the double against what Azure, Entra and the providers have been seen to do. What Azure does is neither
// documented nor seen everywhere. These rules are assumed: what Azure has not been told in a PUT is at its default afterwards; a
// refused SKU, quota or combination has the code that the double gives; a user may write a scope map for all repositories; a
// token keeps those passwords that a PUT names; the letters of an identity's type and of a webhook's status do not matter;
// with rights over its own objects only, a user can read all of them in Entra; a webhook needs its registry or a replica in
// its location; sourceRepository, targetRepository and loginServer cannot be changed; a credential set that a cache rule uses
// cannot be deleted; the connection of a private endpoint cannot be changed, nor its location; the default API version refuses
// to update a registry with soft delete; and anonymous pull does not list repositories.
//
// Two things it does for the convenience of a sandbox. It undoes a creation when the engine that asked for it, or the double
// itself, dies before the answer; Azure would keep the resource, and the next update would stumble over it. And a registry's
// network lets everybody in until the registry has been filled with its first images (Options.OnRegistry): whoever does that
// stands for a pipeline inside the network.
//
// Being stricter than Azure is deliberate in four places: an input that the SDK does not know is an error (the real
// azure-native provider drops it silently); a role definition must be given in the one form that ARM gives back; a role cannot
// be given to an application's client id or object id, which ARM takes for a principal it has not heard of yet; and soft
// delete and retention exclude each other as documented, although Azure has been seen with both.
package azuredouble
