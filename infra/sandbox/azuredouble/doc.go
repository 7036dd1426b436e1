// Package azuredouble is a double of Azure: one simulated Entra tenant with one simulated subscription, for running a Pulumi
// program on a machine that has neither. It never contacts Azure.
//
// It has two layers. The cloud model (a file for each kind of resource, from resourcegroup.go to diagnosticsetting.go, and
// entra.go) stores existing objects and applies the rules of Azure Resource Manager (ARM) and of Entra, with their own error
// texts where those are known. The provider layer (provider.go, kind.go, armkind.go and the tables kinds_*.go) implements Pulumi's resource
// provider protocol over gRPC, as the plug-ins `azure-native` 2.90.0, `azuread` 5.53.5 and `azure` 6.32.0 do. The engine
// attaches to it when the environment has PULUMI_DEBUG_PROVIDERS=azure-native:PORT,azuread:PORT,azure:PORT. A registry's data
// plane (logins, pulls and network access) uses the same state: dataplane.go.
//
// It simulates:
//   - Resource groups; registries with replicas, webhooks, cache rules, credential sets and tasks; private endpoints with their
//     DNS zone groups; diagnostic settings; role assignments and management locks; applications, service principals and
//     passwords. All API versions of a type share one kind.
//   - Names, locations, SKUs with their features and limits; settings that exclude each other, such as soft delete and
//     replicas; references that must exist; inputs whose change replaces a resource or is rejected; drift, import and deletion;
//     secrets that are returned once or never.
//   - Locks: a locked resource, its containers and what belongs to it cannot be deleted.
//   - The delays until ARM sees a new service principal, and until a registry sees a role assignment or its deletion.
//   - The deploying user's permissions: those in [Conditions].Rights, or all by default; ownership in Entra.
//   - Faults: throttling, conflicts, errors, slow and lost responses, taken names, quotas and missing permissions, for the
//     requests that [Conditions].Faults selects. The provider layer retries a request as the real providers do, a hundred times
//     faster.
//   - A registry's network: clients on this machine connect through its private endpoint, if the connection is approved, and
//     otherwise from [ClientIP], which publicNetworkAccess and ipRules reject or accept.
//
// It does not simulate:
//   - Sign-in, subscription-wide quotas, Azure policies and prices. There is one subscription, regardless of the stack's
//     configuration. The condition of the deploying user's role is ignored.
//   - Other users' resources: networks, DNS zones, vaults, workspaces and user-assigned identities. An id of the right form and
//     type is enough, in any subscription. Whether a key, a secret or a subnet's address exists is not checked.
//   - Effects of settings on content. Replicas do not serve, webhooks are not called, cache rules fetch nothing, tasks do not
//     run, nothing is retained, quarantined or encrypted, and no log is sent: all this is checked, stored and returned. A
//     private endpoint has no address, and works without a DNS zone group.
//   - The addresses of Azure's services: networkRuleBypassOptions has no effect.
//   - A registry's admin user: adminUserEnabled is stored and returned, but nobody logs in with it.
//   - Groups: members do not get a group's roles.
//   - A diagnostic setting without its resource: it is deleted too; in Azure it remains for a new one of that name.
//   - Resource kinds missing from the tables: they return an error that says so.
//   - Time: every operation is immediate, except for the delays and faults in [Conditions].
//   - Wording: errors whose text is not public, and many codes, imitate Azure's style; do not match whole messages.
//
// facts_test.go tests the double against observations of Azure, Entra and the providers. Azure's rules are not all documented
// or observed. These rules are assumed: a PUT resets the settings that it omits to their defaults; a rejected SKU, quota or
// combination has the code that the double returns; a user can write a scope map for all repositories; a token keeps the
// passwords that a PUT names; the letter case of an identity's type and of a webhook's status is ignored; with rights over its
// own objects only, a user can read all objects in Entra; a webhook needs its registry or a replica in its location;
// sourceRepository, targetRepository and loginServer cannot be changed; a credential set that a cache rule uses cannot be
// deleted; a private endpoint's connection and location cannot be changed; and an update's location and role definition are
// checked as a creation's.
//
// Two differences make a sandbox convenient. The double undoes a creation when the engine that requested it, or the double
// itself, dies before the response; Azure would keep the resource, and the next update would fail because of it. And a
// registry's network accepts all clients until the registry has its first images (Options.OnRegistry), because their push
// simulates a pipeline inside the network.
//
// The double is deliberately stricter than Azure in four places: an input unknown to the SDK is an error (the real azure-native
// provider drops it silently); a role definition must have the one form that ARM returns; a role cannot be assigned to an
// application's client id or object id, which ARM treats as a principal that it does not know yet; and soft delete and
// retention exclude each other as documented, although Azure has been observed with both.
package azuredouble
