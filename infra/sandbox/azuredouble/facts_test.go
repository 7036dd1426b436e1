package azuredouble

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fact is an observation of Azure, Entra or a provider.
type fact struct {
	id   string
	says string
	// from is the evidence: a recording of a test of az or of Az PowerShell with the version of the API, or a source. "said:"
	// marks what was not observed, but reported by others.
	from string
	// holds asserts that the double does the same; nil if cannot says why this is untestable.
	holds  func(e *engine)
	cannot string
}

const (
	cliACR  = "Azure/azure-cli, acr/tests/latest/recordings/"
	cliRole = "Azure/azure-cli, role/tests/latest/recordings/"
	psACR   = "Azure/azure-powershell, ContainerRegistry.Autorest/test/"
	psRole  = "Azure/azure-powershell, Resources SessionRecords, "
	native  = "pulumi/pulumi-azure-native, provider/pkg/provider/"

	patched   = "no provider changes this by PATCH"
	unlisted  = "no provider lists, and so the double has nothing to ask"
	uncalled  = "no provider calls it"
	unstarted = "the program runs tasks by the provider azure, and has no resource of this kind"

	scheduleTok = "azure:containerservice/registryTaskScheduleRunNow:RegistryTaskScheduleRunNow"
)

var premium = props{"sku": props{"name": "Premium"}}

// TestFacts tests the double against every fact and counts both kinds.
func TestFacts(t *testing.T) {
	seen := map[string]bool{}
	held, cannot := 0, 0
	for _, f := range facts {
		require.False(t, seen[f.id], "%s is there twice", f.id)
		seen[f.id] = true
		require.NotEmpty(t, f.says, f.id)
		require.NotEmpty(t, f.from, f.id)
		require.NotEqual(t, f.holds == nil, f.cannot == "", "%s: either it is tested, or it is said why not", f.id)
		if f.holds == nil {
			cannot++
			continue
		}
		held++
		t.Run(f.id, func(t *testing.T) {
			e := newEngine(t, Options{})
			e.group()
			f.holds(e)
		})
	}
	assert.Equal(t, 92, held+cannot, "facts")
	t.Logf("%d of %d facts that can be asked of a double hold; %d cannot be", held, held, cannot)
}

// want asserts a resource's output at a path.
func (e *engine) want(r *deployed, value any, path ...string) {
	e.t.Helper()
	assert.Equal(e.t, value, at(toProps(r.outputs), path...), "%s: %v", r.token, path)
}

// absent asserts that a resource has no outputs of these names.
func (e *engine) absent(r *deployed, names ...string) {
	e.t.Helper()
	for _, name := range names {
		assert.NotContains(e.t, toProps(r.outputs), name)
	}
}

// fails asserts that a creation fails.
func (e *engine) fails(token string, in props, said string) {
	e.t.Helper()
	_, err := e.try(token, "refused", in)
	assert.ErrorContains(e.t, err, said)
}

// read imports a resource.
func (e *engine) read(token, id string) *deployed {
	e.t.Helper()
	resp, err := e.client(token).Read(context.Background(), &pulumirpc.ReadRequest{Id: id, Urn: urn(token, "imported"), Name: "imported", Type: token})
	require.NoError(e.t, err)
	require.NotEmpty(e.t, resp.GetId(), "%s is not there", id)
	return &deployed{token: token, name: "imported", id: id, inputs: unwire(e.t, resp.GetInputs()), outputs: unwire(e.t, resp.GetProperties())}
}

// token creates a scope map and a token without a password.
func (e *engine) token() *deployed {
	e.t.Helper()
	e.registry(nil)
	scope := e.create(scopeMapTok, "pull", child(props{"scopeMapName": "pull-map", "actions": []any{"repositories/api/content/read"}}))
	return e.create(tokenTok, "pull", child(props{"tokenName": "pull-token", "scopeMapId": scope.id}))
}

func (e *engine) tokenPassword(token *deployed) *deployed {
	e.t.Helper()
	r := e.create(passwordTok, "pull", props{
		"containerRegistryTokenId": token.id, "password1": props{"expiry": e.clock.now().Add(time.Hour).UTC().Format(time.RFC3339)},
	})
	require.True(e.t, e.refresh(token))
	return r
}

// passwordsOf are a token's passwords.
func passwordsOf(token *deployed) []props {
	return objects(toProps(token.outputs), "credentials", "passwords")
}

func (e *engine) everyRegistry() []*deployed {
	e.t.Helper()
	var all []*deployed
	for _, sku := range registrySKUs {
		all = append(all, e.create(registryTok, sku, registryInputs(props{"registryName": "all" + strings.ToLower(sku), "sku": props{"name": sku}})))
	}
	return all
}

// ownKey encrypts a registry with a customer-managed key.
func ownKey(version string) props {
	return merge(premium, props{
		"identity": props{"type": "UserAssigned", "userAssignedIdentities": []any{userIdentity}},
		"encryption": props{"status": "enabled", "keyVaultProperties": props{
			"keyIdentifier": vaultKey + "/" + version, "identity": derivedGUID(userIdentity + "#client"),
		}},
	})
}

var facts = []fact{
	{
		id: "reg-create-basic", says: "a new Basic registry has these settings, and nothing about networks or an identity",
		from: psACR + "New-AzContainerRegistry, 2023-01-01-preview",
		holds: func(e *engine) {
			r := e.registry(nil)
			for name, value := range map[string]any{
				"provisioningState": "Succeeded", "sku": props{"name": "Basic", "tier": "Basic"}, "tags": props{}, "adminUserEnabled": false,
				"encryption": props{"status": "disabled"}, "dataEndpointEnabled": false, "dataEndpointHostNames": []any{},
				"privateEndpointConnections": []any{}, "publicNetworkAccess": "Enabled", "networkRuleBypassOptions": "AzureServices",
				"zoneRedundancy": "Disabled", "anonymousPullEnabled": false,
			} {
				e.want(r, value, name)
			}
			changed := r.out("creationDate")
			e.want(r, props{
				"quarantinePolicy": props{"status": "disabled"}, "trustPolicy": props{"type": "Notary", "status": "disabled"},
				"retentionPolicy":                  props{"days": 7.0, "status": "disabled", "lastUpdatedTime": changed},
				"exportPolicy":                     props{"status": "enabled"},
				"azureADAuthenticationAsArmPolicy": props{"status": "enabled"},
				"softDeletePolicy":                 props{"retentionDays": 7.0, "status": "disabled", "lastUpdatedTime": changed},
			}, "policies")
			e.absent(r, "networkRuleSet", "status", "identity") // metadataSearch came with a later version
			before := r.outputs
			require.True(e.t, e.refresh(r))
			assert.Equal(e.t, before, r.outputs)
		},
	},
	{
		id: "reg-create-standard", says: "a Standard registry is made at once, without network rules",
		from: cliACR + "test_acr_create_webhook and test_acr_task, 2019-12-01-preview and 2021-08-01-preview",
		holds: func(e *engine) {
			r := e.registry(props{"sku": props{"name": "Standard"}})
			e.want(r, "Succeeded", "provisioningState")
			e.absent(r, "networkRuleSet", "status")
		},
	},
	{
		id: "reg-create-premium-async", says: "a Premium registry is made by an operation; it has open network rules and does not search metadata",
		from: cliACR + "test_acr_create_with_managed_registry, 2024-11-01-preview",
		holds: func(e *engine) {
			r := e.registry(premium)
			e.want(r, "Succeeded", "provisioningState") // the provider waits for the operation's end
			e.want(r, props{"defaultAction": "Allow", "ipRules": []any{}}, "networkRuleSet")
			e.want(r, "Disabled", "metadataSearch")
		},
	},
	{
		id: "reg-create-premium-sync", says: "or it is there at once",
		from: cliACR + "test_acr_create_with_data_endpoint, 2026-09-01-preview",
		holds: func(e *engine) {
			e.want(e.registry(merge(premium, props{"dataEndpointEnabled": true})), "Succeeded", "provisioningState")
		},
	},
	{
		id: "reg-new-fields-2026", says: "newer versions of the API have regional endpoints, a role assignment mode and more",
		from: cliACR + "test_acr_create_with_data_endpoint, 2026-09-01-preview", cannot: "the SDK's versions of the API have none of these fields",
	},
	{
		id: "reg-policies-by-version", says: "2022-12-01 shows four policies, the previews from 2022-02-01 on all six",
		from: cliACR + "several", cannot: "the double answers in the version of the program, a preview",
	},
	{
		id: "reg-not-registered", says: "a subscription that has not registered the service answers 409 MissingSubscriptionRegistration",
		from: cliACR + "test_acr_create_webhook, 2019-12-01-preview",
		holds: func(e *engine) {
			e.faults("create Registry unregistered")
			e.fails(registryTok, registryInputs(nil), `Status=409 Code="MissingSubscriptionRegistration"`)
		},
	},
	{
		id: "reg-name-taken", says: "a name in use, even in another group, answers 409 RegistryNameAlreadyInUse",
		from: cliACR + "test_acr_create_with_domain_name_label_scope_name_in_use, 2026-09-01-preview",
		holds: func(e *engine) {
			e.registry(premium)
			e.create(groupType, "other", props{"resourceGroupName": "other", "location": "westeurope"})
			e.fails(registryTok, registryInputs(props{"resourceGroupName": "other"}), `Status=409 Code="RegistryNameAlreadyInUse"`)
		},
	},
	{
		id: "reg-name-label", says: "with a domain name label, the login server has 16 characters more, and the name has not",
		from: cliACR + "test_acr_create_with_domain_name_label_scope_name_in_use, 2026-09-01-preview",
		holds: func(e *engine) {
			e.double.SetConditions(Conditions{Labelled: []string{testRegistry}})
			r := e.registry(premium)
			assert.Regexp(e.t, "^"+testRegistry+`-[0-9a-z]{16}\.azurecr\.io$`, r.out("loginServer"))
			e.want(r, testRegistry, "name")
			assert.True(e.t, e.double.RegistryExists(r.out("loginServer")))
			assert.False(e.t, e.double.RegistryExists(server))
		},
	},
	{
		id: "reg-reput", says: "a repeated PUT leaves unsent policies at their defaults and the creation's time, and moves the times of change",
		from: cliACR + "test_acr_export_policy, 2022-02-01-preview",
		holds: func(e *engine) {
			r := e.registry(premium)
			before := *r
			e.clock.advance(time.Hour)
			require.NoError(e.t, e.update(r, registryInputs(merge(premium, props{
				"publicNetworkAccess": "Disabled", "policies": props{"exportPolicy": props{"status": "disabled"}},
			}))))
			e.want(r, before.out("creationDate"), "systemData", "createdAt")
			for _, policy := range []string{"retentionPolicy", "softDeletePolicy"} {
				e.want(r, "disabled", "policies", policy, "status")
				e.want(r, r.out("systemData", "lastModifiedAt"), "policies", policy, "lastUpdatedTime")
			}
			assert.NotEqual(e.t, before.out("systemData", "lastModifiedAt"), r.out("systemData", "lastModifiedAt"))
		},
	},
	{id: "reg-patch-export", says: "a PATCH of the export policy does not move the retention policy's time", from: cliACR + "test_acr_export_policy, 2022-02-01-preview", cannot: patched},
	{id: "reg-patch-sku-same", says: "a PATCH of nothing new moves the last change only", from: cliACR + "test_acr_export_policy, 2022-02-01-preview", cannot: patched},
	{
		id: "reg-create-closed", says: "a registry without public access has the default action Allow all the same",
		from: cliACR + "test_acr_export_policy, 2022-02-01-preview",
		holds: func(e *engine) {
			r := e.registry(merge(premium, props{"publicNetworkAccess": "Disabled"}))
			e.want(r, "Disabled", "publicNetworkAccess")
			e.want(r, "Allow", "networkRuleSet", "defaultAction")
		},
	},
	{
		id: "reg-anonymous-on", says: "anonymous pull is switched on in place",
		from: cliACR + "test_acr_with_anonymous_pull, 2022-02-01-preview",
		holds: func(e *engine) {
			r := e.registry(premium)
			require.NoError(e.t, e.update(r, registryInputs(merge(premium, props{"anonymousPullEnabled": true}))))
			e.want(r, true, "anonymousPullEnabled")
		},
	},
	{
		id: "reg-bypass", says: "the bypass for Azure's services is taken and given back, with public access off",
		from: cliACR + "test_acr_with_public_network_access_and_bypass, 2020-11-01-preview",
		holds: func(e *engine) {
			r := e.registry(premium)
			for _, bypass := range []string{"None", "AzureServices"} {
				require.NoError(e.t, e.update(r, registryInputs(merge(premium, props{
					"publicNetworkAccess": "Disabled", "networkRuleBypassOptions": bypass,
				}))))
				e.want(r, bypass, "networkRuleBypassOptions")
				e.want(r, "Disabled", "publicNetworkAccess")
			}
		},
	},
	{
		id: "reg-data-endpoint", says: "there is a data endpoint while they are on, and none while they are off",
		from: cliACR + "test_acr_create_with_data_endpoint, 2026-09-01-preview",
		holds: func(e *engine) {
			r := e.registry(merge(premium, props{"dataEndpointEnabled": true}))
			on := []any{testRegistry + ".westeurope.data.azurecr.io"}
			e.want(r, on, "dataEndpointHostNames")
			for _, enabled := range []bool{false, true} {
				require.NoError(e.t, e.update(r, registryInputs(merge(premium, props{"dataEndpointEnabled": enabled}))))
				assert.Equal(e.t, enabled, len(at(toProps(r.outputs), "dataEndpointHostNames").([]any)) == 1)
			}
		},
	},
	{
		id: "reg-zone", says: "a zone-redundant registry says so", from: cliACR + "test_acr_with_zone_redundancy, 2021-08-01-preview",
		holds: func(e *engine) {
			e.want(e.registry(merge(premium, props{"zoneRedundancy": "Enabled"})), "Enabled", "zoneRedundancy")
		},
	},
	{
		id: "reg-abac", says: "a Basic registry can be in the mode for permissions by repository", from: cliACR + "test_acr_create_abac, 2025-03-01-preview",
		holds: func(e *engine) {
			e.double.SetConditions(Conditions{ABAC: true})
			r := e.registry(nil)
			e.absent(r, "networkRuleSet")
			for guid, want := range map[string]bool{acrPull: false, "b93aa761-3e63-49ed-ac28-beffa264f7ac": true} {
				pull := e.identity(guid)
				e.assign(guid, pull.objectID(), guid, r.id)
				assert.Equal(e.t, want, e.double.Allowed(server, pull.objectID(), "api", "pull"), roles[guid].name)
			}
		},
	},
	{
		id: "reg-delete", says: "a deletion is an operation, at whose end the registry is gone", from: cliACR + "test_acr_cache, 2026-01-01-preview",
		holds: func(e *engine) {
			r := e.registry(nil)
			e.destroy(r)
			assert.False(e.t, e.refresh(r))
		},
	},
	{
		id: "reg-tags-empty", says: "a registry without tags has the tags {}, and its location is in the short form", from: cliACR + "all that were read",
		holds: func(e *engine) {
			for _, r := range e.everyRegistry() {
				e.want(r, props{}, "tags")
			}
			e.want(e.registry(props{"location": "West Europe"}), "westeurope", "location")
		},
	},
	{
		id: "reg-systemdata", says: "who made it is told by the name with which they sign in", from: psACR + "New-AzContainerRegistry, 2023-01-01-preview",
		holds: func(e *engine) {
			r := e.registry(nil)
			assert.Contains(e.t, r.out("systemData", "createdBy"), "@")
			e.want(r, "User", "systemData", "createdByType")
		},
	},
	{
		id: "reg-usage-premium", says: "Premium allows 500 webhooks, 200 IP rules, 50000 scope maps and as many tokens; what comes with a registry does not count",
		from: psACR + "Get-AzContainerRegistryUsage, 2023-01-01-preview",
		holds: func(e *engine) {
			r := e.registry(premium)
			require.NoError(e.t, checkWebhookQuota(premium, 500))
			require.Error(e.t, checkWebhookQuota(premium, 501))
			assert.Equal(e.t, 50000, maxTokens["Premium"])
			assert.Equal(e.t, 200, maxIPRules)
			assert.Empty(e.t, e.double.current().children(e.double.current().resource(r.id), "scopeMaps"))
		},
	},
	{id: "reg-admin-regenerate", says: "the admin user's passwords are made anew by name, in any case", from: psACR + "Update-AzContainerRegistryCredential, 2023-01-01-preview", cannot: uncalled},
	{
		id: "net-action-normalized", says: "the action of an IP rule is Allow, whatever is sent", from: psACR + "Update-AzContainerRegistry, 2022-02-01-preview",
		holds: func(e *engine) {
			r := e.registry(merge(premium, props{"networkRuleSet": props{
				"defaultAction": "Allow", "ipRules": []any{props{"action": "Forbidden", "iPAddressOrRange": "52.1.2.3"}},
			}}))
			e.want(r, []any{props{"action": "Allow", "iPAddressOrRange": "52.1.2.3"}}, "networkRuleSet", "ipRules")
			e.want(r, "Allow", "networkRuleSet", "defaultAction")
		},
	},
	{
		id: "net-empty", says: "a Premium registry without rules lets everybody in", from: cliACR + "several, from 2022-02-01-preview on",
		holds: func(e *engine) {
			e.want(e.registry(premium), props{"defaultAction": "Allow", "ipRules": []any{}}, "networkRuleSet")
		},
	},
	{
		id: "net-absent-below-premium", says: "below Premium there are no network rules", from: cliACR + "several, and " + psACR + "New-AzContainerRegistry",
		holds: func(e *engine) {
			for _, r := range e.everyRegistry()[:2] {
				e.absent(r, "networkRuleSet")
			}
		},
	},
	{
		id: "id-type-case-user", says: "a registry's identity type comes back with a small first letter, and the identities' ids as sent",
		from: cliACR + "test_acr_encryption_with_cmk, 2021-08-01-preview",
		holds: func(e *engine) {
			id := strings.Replace(userIdentity, "/resourceGroups/", "/resourcegroups/", 1)
			r := e.registry(merge(premium, props{"identity": props{"type": "UserAssigned", "userAssignedIdentities": []any{id}}}))
			e.want(r, "userAssigned", "identity", "type")
			users, _ := at(toProps(r.outputs), "identity", "userAssignedIdentities").(props)
			require.Contains(e.t, users, id)
			assert.Len(e.t, users[id], 2)
		},
	},
	{id: "id-type-case-arm-list", says: "ARM itself spells the type with a capital", from: cliACR + "test_acr_identity, 2021-04-01", cannot: unlisted},
	{
		id: "id-patch-both", says: "a registry can be given both kinds of identity later", from: cliACR + "test_acr_identity, 2019-12-01-preview",
		holds: func(e *engine) {
			r := e.registry(premium)
			require.NoError(e.t, e.update(r, registryInputs(merge(premium, props{
				"identity": props{"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": []any{userIdentity}},
			}))))
			e.want(r, "systemAssigned, userAssigned", "identity", "type")
			assert.NotEmpty(e.t, r.out("identity", "principalId"))
		},
	},
	{
		id: "cmk-create", says: "encryption answers the key as sent, its version, the identity, and no rotation yet",
		from: cliACR + "test_acr_encryption_with_cmk, 2021-08-01-preview",
		holds: func(e *engine) {
			e.want(e.registry(ownKey("1")), props{"status": "enabled", "keyVaultProperties": props{
				"keyIdentifier": vaultKey + "/1", "versionedKeyIdentifier": vaultKey + "/1", "keyRotationEnabled": false,
				"identity": derivedGUID(userIdentity + "#client"),
			}}, "encryption")
		},
	},
	{
		id: "cmk-rotate", says: "after another key was given, there is a time of the rotation", from: cliACR + "test_acr_encryption_with_cmk, 2021-08-01-preview",
		holds: func(e *engine) {
			r := e.registry(ownKey("1"))
			e.clock.advance(time.Hour)
			require.NoError(e.t, e.update(r, registryInputs(ownKey("2"))))
			e.want(r, vaultKey+"/2", "encryption", "keyVaultProperties", "keyIdentifier")
			e.want(r, r.out("policies", "retentionPolicy", "lastUpdatedTime"), "encryption", "keyVaultProperties", "lastKeyRotationTimestamp")
		},
	},
	{
		id: "repl-get", says: "a replica has a status without a message, the defaults, and the tags {}",
		from: psACR + "Get-AzContainerRegistryReplication, 2023-01-01-preview",
		holds: func(e *engine) {
			e.registry(premium)
			r := e.create(replicaTok, "r", child(props{"replicationName": "uksouth", "location": "uksouth"}))
			e.want(r, "Succeeded", "provisioningState")
			e.want(r, props{"displayStatus": "Ready", "timestamp": r.out("systemData", "createdAt")}, "status")
			e.want(r, true, "regionEndpointEnabled")
			e.want(r, "Disabled", "zoneRedundancy")
			e.want(r, props{}, "tags")
		},
	},
	{
		id: "repl-home", says: "a Premium registry has a replica in its own region by itself, as zone-redundant as it is",
		from: psACR + "Get-AzContainerRegistryReplication and " + cliACR + "test_acr_with_zone_redundancy",
		holds: func(e *engine) {
			registry := e.registry(merge(premium, props{"zoneRedundancy": "Enabled"}))
			home := e.read(replicaTok, registry.id+"/replications/westeurope")
			e.want(home, "Enabled", "zoneRedundancy")
			e.fails(replicaTok, child(props{"replicationName": "westeurope", "location": "westeurope"}), "cannot create already existing resource")
		},
	},
	{
		id: "repl-name-free", says: "a replica need not be called like its region", from: psACR + "Get-AzContainerRegistryReplication, 2023-01-01-preview",
		holds: func(e *engine) {
			e.registry(premium)
			e.want(e.create(replicaTok, "r", child(props{"replicationName": "elsewhere", "location": "westus"})), "elsewhere", "name")
		},
	},
	{
		id: "hook-create", says: "a webhook keeps the letters of its actions, and not those of its status; it does not tell where it calls",
		from: psACR + "New-AzContainerRegistryWebhook, 2023-01-01-preview",
		holds: func(e *engine) {
			e.registry(props{"location": "eastus"})
			r := e.create(webhookTok, "w", webhookInputs("deploy", props{
				"serviceUri": "http://www.example.com", "status": "Enabled", "scope": "foo:*", "actions": []any{"Delete", "Push"}, "location": "east us",
			}))
			e.want(r, "enabled", "status")
			e.want(r, []any{"Delete", "Push"}, "actions")
			e.want(r, "eastus", "location")
			e.want(r, props{}, "tags")
			e.want(r, "Succeeded", "provisioningState")
			e.absent(r, "serviceUri", "customHeaders")
		},
	},
	{
		id: "hook-get", says: "GET answers the same as PUT", from: psACR + "New-AzContainerRegistryWebhook, 2023-01-01-preview",
		holds: func(e *engine) {
			e.registry(nil)
			r := e.create(webhookTok, "w", webhookInputs("deploy", nil))
			before := r.outputs
			require.True(e.t, e.refresh(r))
			assert.Equal(e.t, before, r.outputs)
			e.absent(r, "serviceUri", "customHeaders")
		},
	},
	{
		id: "hook-patch", says: "another address is taken in place and moves the last change", from: psACR + "Update-AzContainerRegistryWebhook, 2023-01-01-preview",
		holds: func(e *engine) {
			e.registry(nil)
			r := e.create(webhookTok, "w", webhookInputs("deploy", nil))
			before := *r
			e.clock.advance(time.Hour)
			require.NoError(e.t, e.update(r, webhookInputs("deploy", props{"serviceUri": "https://example.org"})))
			assert.NotEqual(e.t, before.out("systemData", "lastModifiedAt"), r.out("systemData", "lastModifiedAt"))
			e.want(r, at(toProps(before.outputs), "actions"), "actions")
		},
	},
	{id: "hook-callback", says: "the address is told in the clear to who asks for it", from: psACR + "Get-AzContainerRegistryWebhookCallbackConfig, 2023-01-01-preview", cannot: uncalled},
	{
		id: "hook-delete", says: "a webhook is gone at once", from: psACR + "Remove-AzContainerRegistryWebhook, 2023-01-01-preview",
		holds: func(e *engine) {
			e.registry(nil)
			r := e.create(webhookTok, "w", webhookInputs("deploy", nil))
			e.destroy(r)
			assert.False(e.t, e.refresh(r))
		},
	},
	{
		id: "cred-get", says: "a credential set has its identity at once, and is unhealthy until that may read the secrets",
		from: cliACR + "test_acr_cache, 2026-01-01-preview",
		holds: func(e *engine) {
			e.registry(nil)
			r := e.create(credentialTok, "c", credentialSetInputs("hub-login", nil))
			e.want(r, "systemAssigned", "identity", "type")
			principal := r.out("identity", "principalId")
			require.NoError(e.t, uuid.Validate(principal))
			health := func() props {
				return objects(toProps(r.outputs), "authCredentials")[0]["credentialHealth"].(props)
			}
			assert.Equal(e.t, "Unhealthy", health()["status"])
			assert.Equal(e.t, "Forbidden", health()["errorCode"])
			e.absent(r, "tags", "location")
			e.assign("secrets", principal, vaultUser, vault)
			require.True(e.t, e.refresh(r))
			assert.Equal(e.t, props{"status": "Healthy"}, health())
			_, diff := e.plan(r, credentialSetInputs("hub-login", nil))
			assert.Equal(e.t, pulumirpc.DiffResponse_DIFF_NONE, diff.GetChanges(), "its health is no setting")
		},
	},
	{
		id: "cred-async", says: "a credential set is made by an operation", from: cliACR + "test_acr_cache, 2026-01-01-preview",
		holds: func(e *engine) {
			e.registry(nil)
			e.want(e.create(credentialTok, "c", credentialSetInputs("hub-login", nil)), "Succeeded", "provisioningState")
		},
	},
	{
		id: "cred-same-secret", says: "user name and password may be the same secret", from: cliACR + "test_acr_cache, 2026-01-01-preview",
		holds: func(e *engine) {
			e.registry(nil)
			r := e.create(credentialTok, "c", credentialSetInputs("hub-login", nil))
			const same = "https://acme.vault.azure.net/secrets/both"
			assert.NoError(e.t, e.update(r, credentialSetInputs("hub-login", props{"authCredentials": []any{props{
				"name": "Credential1", "usernameSecretIdentifier": same, "passwordSecretIdentifier": same,
			}}})))
		},
	},
	{
		id: "cache-create", says: "a cache rule is made although its credential set is unhealthy, and answers what was sent",
		from: cliACR + "test_acr_cache, 2026-01-01-preview",
		holds: func(e *engine) {
			e.registry(nil)
			set := e.create(credentialTok, "c", credentialSetInputs("mcr-login", props{"loginServer": "mcr.microsoft.com"}))
			in := cacheRuleInputs("nginx", props{"sourceRepository": "mcr.microsoft.com/nginx", "credentialSetResourceId": set.id})
			r := e.create(cacheTok, "n", in)
			for _, key := range []string{"sourceRepository", "targetRepository", "credentialSetResourceId"} {
				e.want(r, in[key], key)
			}
			e.absent(r, "tags", "location")
		},
	},
	{
		id: "scope-get", says: "a scope map answers its actions as sent, and no description if it has none",
		from: psACR + "Get-AzContainerRegistryScopeMap, 2023-01-01-preview",
		holds: func(e *engine) {
			e.registry(premium)
			actions := []any{"repositories/b/content/read", "repositories/a/content/read"}
			r := e.create(scopeMapTok, "pull", child(props{"scopeMapName": "pull-map", "actions": actions}))
			e.want(r, actions, "actions")
			e.want(r, "Succeeded", "provisioningState")
			e.absent(r, "description")
		},
	},
	{
		id: "scope-system", says: "each registry has scope maps for pulling, pushing and all, on every repository",
		from: psACR + "Get-AzContainerRegistryScopeMap, 2023-01-01-preview",
		holds: func(e *engine) {
			registry := e.registry(nil)
			for name, count := range map[string]int{"_repositories_admin": 5, "_repositories_pull": 1, "_repositories_push": 2} {
				actions := texts(toProps(e.read(scopeMapTok, registry.id+"/scopeMaps/"+name).outputs), "actions")
				assert.Len(e.t, actions, count)
				assert.Contains(e.t, actions, "repositories/*/content/read")
			}
			token := e.create(tokenTok, "pull", child(props{"tokenName": "pull-token", "scopeMapId": registry.id + "/scopeMaps/_repositories_pull"}))
			assert.True(e.t, e.double.Allowed(server, tokenPrincipal+token.id, "any/thing", "pull"))
			assert.False(e.t, e.double.Allowed(server, tokenPrincipal+token.id, "any/thing", "push"))
		},
	},
	{
		id: "scope-delete", says: "a scope map that nobody uses is deleted by an operation", from: psACR + "Remove-AzContainerRegistryScopeMap, 2023-01-01-preview",
		holds: func(e *engine) {
			e.registry(nil)
			r := e.create(scopeMapTok, "pull", child(props{"scopeMapName": "pull-map", "actions": []any{"repositories/api/content/read"}}))
			e.destroy(r)
			assert.False(e.t, e.refresh(r))
		},
	},
	{
		id: "token-create", says: "a token is made by an operation, is enabled, and has an empty list of passwords",
		from: psACR + "New-AzContainerRegistryToken, 2023-01-01-preview",
		holds: func(e *engine) {
			r := e.token()
			e.want(r, "Succeeded", "provisioningState")
			e.want(r, "enabled", "status")
			e.want(r, props{"passwords": []any{}}, "credentials")
		},
	},
	{
		id: "token-generate", says: "without a name, both passwords are made, with their values and no end",
		from: psACR + "New-AzContainerRegistryCredentials, 2023-01-01-preview", cannot: "the provider azure names the password that it wants",
	},
	{
		id: "token-get-after-generate", says: "a token shows the names and the times of its passwords, and no values",
		from: psACR + "Update-AzContainerRegistryToken, 2023-01-01-preview",
		holds: func(e *engine) {
			r := e.token()
			before := r.out("creationDate")
			e.tokenPassword(r)
			require.Len(e.t, passwordsOf(r), 1)
			assert.Equal(e.t, "password1", passwordsOf(r)[0]["name"])
			assert.Contains(e.t, passwordsOf(r)[0], "creationTime")
			assert.NotContains(e.t, passwordsOf(r)[0], "value")
			e.want(r, before, "creationDate")
			_, diff := e.plan(r, child(props{"tokenName": "pull-token", "scopeMapId": r.out("scopeMapId")}))
			assert.Equal(e.t, []string{"credentials"}, diff.GetDiffs(), "the refresh has made an input of it")
		},
	},
	{
		id: "token-reput-wipes", says: "a PUT without the passwords takes them away", from: "said: Azure/acr#667",
		holds: func(e *engine) {
			r := e.token()
			password := e.tokenPassword(r)
			require.NoError(e.t, e.update(r, child(props{"tokenName": "pull-token", "scopeMapId": r.out("scopeMapId"), "status": "enabled"})))
			assert.Empty(e.t, passwordsOf(r))
			assert.False(e.t, e.refresh(password))
			value, _ := toProps(password.outputs)["password1"].(props)
			_, err := e.double.Authenticate(server, "pull-token", text(value, "value"))
			assert.Error(e.t, err)
		},
	},
	{
		id: "token-not-active", says: "a token that is still being made has no passwords to give", from: "said: a comment in public Go code, of the live API",
		cannot: "the provider waits until the token has been made",
	},
	{
		id: "token-list-empty", says: "no passwords are an empty list, and not nothing", from: psACR + "New-AzContainerRegistryCredentials, 2023-01-01-preview",
		holds: func(e *engine) {
			r := e.token()
			require.True(e.t, e.refresh(r))
			e.want(r, []any{}, "credentials", "passwords")
		},
	},
	{
		id: "task-create", says: "a task has its identity at once, spelled as sent, and answers its step and its system as sent",
		from: cliACR + "test_acr_task, 2019-06-01-preview",
		holds: func(e *engine) {
			e.registry(props{"sku": props{"name": "Standard"}})
			step := props{
				"type": "Docker", "dockerFilePath": "Dockerfile", "contextPath": "https://example.com/repo.git", "arguments": []any{}, "noCache": false,
			}
			in := taskInputs(props{"identity": props{"type": "SystemAssigned"}})
			in["step"], in["platform"] = step, props{"os": "linux"}
			r := e.create(taskTok, "t", in)
			e.want(r, "SystemAssigned", "identity", "type")
			require.NoError(e.t, uuid.Validate(r.out("identity", "principalId")))
			e.want(r, step, "step")
			e.want(r, "linux", "platform", "os")
			e.want(r, false, "isSystemTask")
			e.absent(r, "tags", "credentials")
		},
	},
	{id: "task-service", says: "tasks are answered by another service than the rest", from: cliACR + "test_acr_task and test_acr_taskrun, 2019-06-01-preview", cannot: "it shows in a header, which providers do not pass on"},
	{id: "taskrun-result", says: "a run tells what it has made", from: cliACR + "test_acr_taskrun, 2019-06-01-preview", cannot: unstarted},
	{id: "taskrun-delete", says: "a run is deleted at once", from: cliACR + "test_acr_taskrun, 2019-06-01-preview", cannot: unstarted},
	{
		id: "pe-manual", says: "a manual connection waits, without addresses", from: cliACR + "test_acr_with_private_endpoint, network 2021-08-01",
		holds: func(e *engine) {
			registry := e.registry(premium)
			in := endpointInputs(registry, props{"manualPrivateLinkServiceConnections": connectionTo(registry.id, nil)})
			delete(in, "privateLinkServiceConnections")
			r := e.create(endpointTok, "acme", in)
			state := objects(toProps(r.outputs), "manualPrivateLinkServiceConnections")[0]["privateLinkServiceConnectionState"]
			assert.Equal(e.t, props{"status": "Pending", "description": "", "actionsRequired": "None"}, state)
			e.want(r, []any{}, "customDnsConfigs") // 2021-02-01 has no ipConfigurations and no customNetworkInterfaceName
			require.NoError(e.t, uuid.Validate(r.out("resourceGuid")))
			e.want(r, props{"id": subnetID}, "subnet")
			e.absent(r, "tags")
		},
	},
	{
		id: "pe-auto", says: "an automatic connection is approved at once, and its names and addresses are there",
		from: "Azure/azure-cli, storage/tests/latest/recordings/test_storage_account_private_endpoint, network 2022-01-01",
		holds: func(e *engine) {
			r := e.create(endpointTok, "acme", endpointInputs(e.registry(premium), nil))
			state := objects(toProps(r.outputs), "privateLinkServiceConnections")[0]["privateLinkServiceConnectionState"]
			assert.Equal(e.t, props{"status": "Approved", "description": "Auto-Approved", "actionsRequired": "None"}, state)
			configs := objects(toProps(r.outputs), "customDnsConfigs")
			require.Len(e.t, configs, 2, "the registry and its data endpoint")
			assert.Equal(e.t, server, configs[0]["fqdn"])
			assert.Len(e.t, configs[0]["ipAddresses"], 1)
		},
	},
	{
		id: "pe-dns-group-empties", says: "a DNS zone group takes the names over", from: "said: documentation of hashicorp/terraform-provider-azurerm, private_endpoint",
		holds: func(e *engine) {
			registry := e.registry(premium)
			r := e.create(endpointTok, "acme", endpointInputs(registry, nil))
			e.create(zoneGroupTok, "acme", zoneGroupInputs(r, nil))
			require.True(e.t, e.refresh(r))
			e.want(r, []any{}, "customDnsConfigs")
			_, diff := e.plan(r, endpointInputs(registry, nil))
			assert.Equal(e.t, []string{"customDnsConfigs"}, diff.GetDiffs(), "the refresh has made an input of it")
		},
	},
	{
		id: "pec-list", says: "the registry's side of a connection has a name of its own, and a state of one word while it waits",
		from: cliACR + "test_acr_with_private_endpoint, 2021-08-01-preview",
		holds: func(e *engine) {
			registry := e.registry(premium)
			in := endpointInputs(registry, props{"manualPrivateLinkServiceConnections": connectionTo(registry.id, nil)})
			delete(in, "privateLinkServiceConnections")
			e.create(endpointTok, "acme", in)
			require.True(e.t, e.refresh(registry))
			connection := objects(toProps(registry.outputs), "privateEndpointConnections")[0]
			assert.Regexp(e.t, "^"+testRegistry+`\.[0-9a-f]{32}$`, connection["name"])
			assert.Equal(e.t, props{"status": "Pending"}, connection["privateLinkServiceConnectionState"])
		},
	},
	{id: "pec-approve", says: "an approval is an operation of half a minute", from: cliACR + "test_acr_with_private_endpoint, 2021-08-01-preview", cannot: "nobody approves a connection here"},
	{id: "pec-reject", says: "a connection can be rejected", from: cliACR + "test_acr_with_private_endpoint, 2021-08-01-preview", cannot: "nobody rejects a connection here"},
	{id: "pec-delete", says: "a connection is deleted by an operation", from: cliACR + "test_acr_with_private_endpoint, 2021-08-01-preview", cannot: "connections go with their endpoint here"},
	{
		id: "ra-create-sp", says: "a role is given to a service principal in the second of its creation, if its type is told",
		from: cliRole + "test_create_for_rbac_password_with_assignment, 2022-04-01",
		holds: func(e *engine) {
			e.double.SetConditions(Conditions{Replication: time.Minute})
			registry, pull := e.registry(nil), e.identity("pull")
			r := e.assign("pull", pull.objectID(), acrPull, registry.id)
			e.want(r, e.roleID(acrPull), "roleDefinitionId")
			e.want(r, "ServicePrincipal", "principalType")
			e.want(r, registry.id, "scope")
			e.absent(r, "condition", "conditionVersion", "description", "delegatedManagedIdentityResourceId")
			require.NoError(e.t, uuid.Validate(r.out("updatedBy")))
		},
	},
	{
		id: "ra-create-user", says: "and to a person", from: cliRole + "test_role_assignment_handle_conflicted_assignments, 2022-04-01",
		holds: func(e *engine) {
			e.want(e.create(roleType, "r", props{
				"principalId": e.double.current().Owner, "principalType": "User", "roleDefinitionId": e.roleID(reader), "scope": e.registry(nil).id,
			}), "User", "principalType")
		},
	},
	{
		id: "ra-condition", says: "a condition comes back as sent, and a change of it moves the time of change only", from: psRole + "RaWithV2Conditions, 2020-04-01-preview",
		holds: func(e *engine) {
			const one = "((!(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/read'}) AND" +
				" !(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/metadata/read'})) OR" +
				" (@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEqualsIgnoreCase 'api'))"
			in := props{
				"principalId": e.identity("pull").objectID(), "principalType": "ServicePrincipal", "roleDefinitionId": e.roleID(acrPull),
				"scope": e.registry(nil).id, "condition": one, "conditionVersion": "2.0",
			}
			r := e.create(roleType, "r", in)
			e.want(r, one, "condition")
			e.want(r, "2.0", "conditionVersion")
			before := *r
			e.clock.advance(time.Hour)
			require.NoError(e.t, e.update(r, merge(in, props{"condition": strings.Replace(one, "'api'", "'web'", 1)})))
			e.want(r, before.out("createdOn"), "createdOn")
			assert.NotEqual(e.t, before.out("updatedOn"), r.out("updatedOn"))
		},
	},
	{
		id: "ra-exists", says: "the same role on the same scope to the same principal answers 409 RoleAssignmentExists, whatever its name",
		from: "said: hashicorp/terraform-provider-azurerm#17421 and #19118, Azure/azure-cli#8599",
		holds: func(e *engine) {
			registry, pull := e.registry(nil), e.identity("pull")
			e.assign("first", pull.objectID(), acrPull, registry.id)
			e.fails(roleType, props{
				"principalId": pull.objectID(), "principalType": "ServicePrincipal", "roleDefinitionId": e.roleID(acrPull), "scope": registry.id,
			}, `Status=409 Code="RoleAssignmentExists"`)
		},
	},
	{
		id: "ra-no-subscription", says: "an unknown subscription answers 404 SubscriptionNotFound", from: psRole + "CreateRAWhenIdNotExist, 2020-08-01-preview",
		holds: func(e *engine) {
			e.fails(roleType, props{
				"principalId": e.double.current().Owner, "roleDefinitionId": e.roleID(reader), "scope": "/subscriptions/" + otherGUID,
			}, `Status=404 Code="SubscriptionNotFound"`)
		},
	},
	{
		id: "ra-bad-subscription", says: "what is no subscription's id answers 400 InvalidSubscriptionId", from: psRole + "TestResourceLockCRUDTest, 2021-04-01",
		holds: func(e *engine) {
			e.fails(lockTok, props{"scope": "/subscriptions//resourceGroups/" + testGroup, "lockName": "keep", "level": "CanNotDelete"},
				`Status=400 Code="InvalidSubscriptionId"`)
		},
	},
	{id: "ra-filter-unknown", says: "the assignments of an unknown principal are an empty list", from: psRole + "RaNegativeScenarios, 2020-08-01-preview", cannot: unlisted},
	{
		id: "role-definition-form", says: "a role definition's id names the subscription", from: cliRole + "test_create_for_rbac_password_with_assignment, 2022-05-01-preview",
		holds: func(e *engine) {
			registry, pull := e.registry(nil), e.identity("pull")
			e.want(e.assign("pull", pull.objectID(), acrPull, registry.id),
				"/subscriptions/"+e.double.current().Subscription+"/providers/Microsoft.Authorization/roleDefinitions/"+acrPull, "roleDefinitionId")
		},
	},
	{
		id: "graph-app-create", says: "a new application has its two ids, a domain, and no tags or identifiers",
		from: cliRole + "test_create_for_rbac_password_with_assignment, v1.0",
		holds: func(e *engine) {
			r := e.create(appType, "pull", props{"displayName": "pull"})
			require.NoError(e.t, uuid.Validate(r.out("objectId")))
			require.NoError(e.t, uuid.Validate(r.out("clientId")))
			assert.NotEqual(e.t, r.out("objectId"), r.out("clientId"))
			assert.NotEmpty(e.t, r.out("publisherDomain"))
			e.want(r, "AzureADMyOrg", "signInAudience") // the provider's default, which it always sends
			assert.Empty(e.t, at(toProps(r.outputs), "identifierUris"))
		},
	},
	{
		id: "graph-add-password", says: "a password is told once, with a key id and the dates in whole seconds",
		from: cliRole + "test_create_for_rbac_password_with_assignment and test_app_credential, v1.0",
		holds: func(e *engine) {
			app := e.create(appType, "pull", props{"displayName": "pull"})
			in := props{"applicationId": app.id, "displayName": "image pull", "startDate": "2026-03-01T12:00:00Z", "endDate": "2026-05-01T12:00:00Z"}
			r := e.create(appPassType, "pull", in)
			assert.NotEmpty(e.t, r.out("value"))
			require.NoError(e.t, uuid.Validate(r.out("keyId")))
			e.want(r, in["startDate"], "startDate")
			e.want(r, in["endDate"], "endDate")
			_, err := e.ad.Read(context.Background(), &pulumirpc.ReadRequest{Id: r.id, Urn: urn(appPassType, "pull"), Name: "pull", Type: appPassType})
			assert.ErrorContains(e.t, err, "only known at its creation")
		},
	},
	{
		id: "graph-app-passwords", says: "afterwards an application tells its passwords' ids, names and dates", from: cliRole + "test_app_credential, v1.0",
		holds: func(e *engine) {
			pull := e.identity("pull")
			before := *pull.password
			require.True(e.t, e.refresh(pull.password))
			for _, key := range []string{"keyId", "startDate", "endDate"} {
				e.want(pull.password, before.out(key), key)
			}
		},
	},
	{
		id: "graph-sp-create", says: "a service principal is of the type Application, of the tenant, and for the audience of its application",
		from: cliRole + "test_create_for_rbac_password_with_assignment, v1.0",
		holds: func(e *engine) {
			app := e.create(appType, "pull", props{"displayName": "pull", "signInAudience": "AzureADMultipleOrgs"})
			r := e.create(spType, "pull", props{"clientId": app.out("clientId")})
			e.want(r, "Application", "type")
			e.want(r, e.double.current().Tenant, "applicationTenantId")
			e.want(r, "AzureADMultipleOrgs", "signInAudience")
			e.want(r, []any{}, "servicePrincipalNames") // the provider omits the application's id, which Graph returns
		},
	},
	{
		id: "graph-sp-find", says: "it is found right after its creation", from: cliRole + "test_create_for_rbac_password_with_assignment, v1.0",
		holds: func(e *engine) {
			app := e.create(appType, "pull", props{"displayName": "pull"})
			in := props{"clientId": app.out("clientId"), "useExisting": true}
			assert.Equal(e.t, e.create(spType, "pull", in).id, e.create(spType, "again", in).id)
		},
	},
	{
		id: "graph-denied", says: "who has no rights in the directory gets 403 Authorization_RequestDenied", from: cliRole + "test_app_credential, v1.0",
		holds: func(e *engine) {
			e.double.SetConditions(Conditions{Rights: &Rights{}})
			e.fails(appType, props{"displayName": "pull"}, "unexpected status 403 with OData error: Authorization_RequestDenied")
		},
	},
	{
		id: "graph-not-found", says: "an unknown object answers 404 Request_ResourceNotFound and its id", from: psRole + "RaNegativeScenarios, v1.0",
		holds: func(e *engine) {
			e.fails(appPassType, props{"applicationId": applicationID(otherGUID)},
				"unexpected status 404 with OData error: Request_ResourceNotFound: Resource '"+otherGUID+"'")
		},
	},
	{
		id: "graph-filter-none", says: "a filter that fits nothing answers an empty list", from: psRole + "RaNegativeScenarios, v1.0",
		holds: func(e *engine) { // the provider finds no existing principal and creates one
			app := e.create(appType, "pull", props{"displayName": "pull"})
			assert.NotEmpty(e.t, e.create(spType, "pull", props{"clientId": app.out("clientId"), "useExisting": true}).id)
		},
	},
	{id: "name-free", says: "a free name is told with its login server", from: cliACR + "test_check_name_availability, 2026-09-01-preview", cannot: uncalled},
	{id: "name-free-scoped", says: "with a domain name label, the login server has 16 characters more", from: cliACR + "test_check_name_availability_dnl_scope, 2026-01-01-preview", cannot: uncalled},
	{id: "name-taken", says: "a name in use is told with the reason", from: psACR + "Test-AzContainerRegistryNameAvailability, 2022-02-01-preview", cannot: uncalled},
	{
		id: "rg-create", says: "a resource group is there at once, and has no tags if none were sent",
		from: cliACR + "test_acr_create_with_domain_name_label_scope_name_in_use, 2024-11-01",
		holds: func(e *engine) {
			r := e.create(groupType, "other", props{"resourceGroupName": "other", "location": "westeurope"})
			e.want(r, "Succeeded", "properties", "provisioningState")
			e.absent(r, "tags")
		},
	},
	{
		id: "uai-id-case", says: "an identity's id has resourcegroups in small letters, from its own service", from: cliACR + "test_acr_encryption_with_cmk, 2018-11-30",
		holds: func(e *engine) {
			id := strings.Replace(userIdentity, "/resourceGroups/", "/resourcegroups/", 1)
			identity := props{"identity": props{"type": "UserAssigned", "userAssignedIdentities": []any{id}}}
			r := e.registry(merge(premium, identity))
			require.True(e.t, e.refresh(r))
			_, diff := e.plan(r, registryInputs(merge(premium, identity)))
			assert.Equal(e.t, pulumirpc.DiffResponse_DIFF_NONE, diff.GetChanges())
		},
	},
	{
		id: "azure-native-diff", says: "inputs are compared as they are, all but a location's spelling", from: native + "diff.go",
		holds: func(e *engine) {
			r := e.registry(props{"location": "West Europe"})
			_, diff := e.plan(r, registryInputs(props{"location": "westeurope"}))
			assert.Equal(e.t, pulumirpc.DiffResponse_DIFF_NONE, diff.GetChanges())
			_, diff = e.plan(r, registryInputs(props{"location": "West Europe", "adminUserEnabled": false, "tags": props{}}))
			assert.Equal(e.t, []string{"adminUserEnabled", "tags"}, diff.GetDiffs(), "Azure assumes the same, and it is a change")
			_, diff = e.plan(r, registryInputs(props{"registryName": "other12345", "location": "West Europe"}))
			assert.True(e.t, diff.GetDeleteBeforeReplace(), "the program gave the name")
		},
	},
	{
		id: "azure-native-refresh", says: "what has changed in the answer since the last one becomes an input, and nothing else", from: native + "provider.go",
		holds: func(e *engine) {
			in := registryInputs(merge(premium, props{"policies": props{"exportPolicy": props{"status": "enabled"}}}))
			r := e.create(registryTok, "registry", in)
			e.want(r, "Disabled", "metadataSearch") // Create returns what GET does
			before := r.inputs
			require.True(e.t, e.refresh(r))
			assert.Equal(e.t, before, r.inputs)
			require.NoError(e.t, e.double.updateRegistry(context.Background(), r.id, merge(in, props{
				"policies": props{"retentionPolicy": props{"status": "enabled", "days": 7.0}}, "tags": props{"by": "hand"},
			})))
			require.True(e.t, e.refresh(r))
			_, diff := e.plan(r, in)
			assert.Equal(e.t, []string{"policies.retentionPolicy", "tags"}, diff.GetDiffs())
		},
	},
	{
		id: "azure-native-import", says: "an import makes inputs of all that the answer has of them", from: native + "provider.go",
		holds: func(e *engine) {
			r := e.read(registryTok, e.registry(nil).id)
			in := toProps(r.inputs)
			for _, key := range []string{"registryName", "resourceGroupName", "sku", "tags", "zoneRedundancy", "policies", "encryption"} {
				assert.Contains(e.t, in, key)
			}
			assert.Equal(e.t, props{"name": "Basic"}, in["sku"], "the tier is no input")
			for _, key := range []string{"loginServer", "provisioningState", "systemData", "creationDate"} {
				assert.NotContains(e.t, in, key)
			}
		},
	},
	{
		id: "repl-create", says: "a replica is made by an operation, and serves by default", from: cliACR + "test_acr_with_zone_redundancy, 2021-08-01-preview",
		holds: func(e *engine) {
			e.registry(merge(premium, props{"zoneRedundancy": "Enabled"}))
			r := e.create(replicaTok, "r", child(props{"replicationName": "uksouth", "location": "uksouth", "zoneRedundancy": "Enabled"}))
			e.want(r, "Succeeded", "provisioningState")
			e.want(r, true, "regionEndpointEnabled")
			e.want(r, "Enabled", "zoneRedundancy")
		},
	},
	{
		id: "repl-create-default-zone", says: "a replica does not follow its registry's zone redundancy", from: cliACR + "test_acr_with_zone_redundancy, 2021-08-01-preview",
		holds: func(e *engine) {
			e.registry(merge(premium, props{"zoneRedundancy": "Enabled"}))
			e.want(e.create(replicaTok, "r", child(props{"replicationName": "uksouth", "location": "uksouth"})), "Disabled", "zoneRedundancy")
		},
	},
	{
		id: "arm-502", says: "ARM now and then answers 502 InvalidGatewayHost, and a second later all is well", from: cliACR + "test_acr_with_zone_redundancy, 2021-08-01-preview",
		holds: func(e *engine) {
			e.registry(premium)
			e.faults("create Replication gateway call=1")
			in := child(props{"replicationName": "uksouth", "location": "uksouth"})
			e.want(e.create(replicaTok, "r", in), "Succeeded", "provisioningState") // the provider retries
			e.faults("create Replication gateway")
			e.fails(replicaTok, merge(in, props{"replicationName": "francecentral", "location": "francecentral"}), `Status=502 Code="InvalidGatewayHost"`)
		},
	},
	{
		id: "run-not-allowed", says: "subscriptions such as trials answer 400 TasksOperationsNotAllowed to a run",
		from: "said: Azure-Samples/contoso-chat#259, azure-search-openai-demo#2220 and #2592",
		holds: func(e *engine) {
			e.registry(nil)
			task := e.create(taskTok, "t", taskInputs(nil))
			e.faults("create RegistryTaskScheduleRunNow no-tasks")
			e.fails(scheduleTok, props{"containerRegistryTaskId": task.id}, `Status=400 Code="TasksOperationsNotAllowed"`)
		},
	},
	{
		id: "run-closed-registry", says: "a run cannot log in to a registry with a closed network", from: "said: Azure/azure-cli#28151",
		holds: func(e *engine) {
			e.registry(merge(premium, props{"publicNetworkAccess": "Disabled"}))
			in := taskInputs(nil)
			in["step"] = props{
				"type": "Docker", "dockerFilePath": "Dockerfile", "contextPath": "https://example.com/repo.git", "imageNames": []any{"api:1"}, "isPushEnabled": true,
			}
			task := e.create(taskTok, "t", in)
			e.fails(scheduleTok, props{"containerRegistryTaskId": task.id}, "failed to login to "+server)
		},
	},
}
