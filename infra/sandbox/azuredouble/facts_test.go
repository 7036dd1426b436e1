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

	patched   = "no provider sends this PATCH"
	unlisted  = "no provider sends a list request"
	uncalled  = "no provider calls this operation"
	unstarted = "the program runs tasks through the provider azure, and has no resource of this type"

	scheduleTok = "azure:containerservice/registryTaskScheduleRunNow:RegistryTaskScheduleRunNow"
)

var premium = props{"sku": props{"name": "Premium"}}

// TestFacts tests the double against every fact and counts both kinds.
func TestFacts(t *testing.T) {
	seen := map[string]bool{}
	held, cannot := 0, 0
	for _, f := range facts {
		require.False(t, seen[f.id], "duplicate fact %s", f.id)
		seen[f.id] = true
		require.NotEmpty(t, f.says, f.id)
		require.NotEmpty(t, f.from, f.id)
		require.NotEqual(t, f.holds == nil, f.cannot == "", "%s: set either holds or cannot", f.id)
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
	t.Logf("%d of %d testable facts hold; %d facts cannot be tested", held, held, cannot)
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
	require.NotEmpty(e.t, resp.GetId(), "%s does not exist", id)
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
		id: "reg-create-basic", says: "a new Basic registry has these default values, and has no networkRuleSet, status or identity",
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
		id: "reg-create-standard", says: "a Standard registry is created synchronously and has no network rules",
		from: cliACR + "test_acr_create_webhook and test_acr_task, 2019-12-01-preview and 2021-08-01-preview",
		holds: func(e *engine) {
			r := e.registry(props{"sku": props{"name": "Standard"}})
			e.want(r, "Succeeded", "provisioningState")
			e.absent(r, "networkRuleSet", "status")
		},
	},
	{
		id: "reg-create-premium-async", says: "a Premium registry is created by an asynchronous operation, allows all networks, and does not search metadata",
		from: cliACR + "test_acr_create_with_managed_registry, 2024-11-01-preview",
		holds: func(e *engine) {
			r := e.registry(premium)
			e.want(r, "Succeeded", "provisioningState") // the provider waits for the operation's end
			e.want(r, props{"defaultAction": "Allow", "ipRules": []any{}}, "networkRuleSet")
			e.want(r, "Disabled", "metadataSearch")
		},
	},
	{
		id: "reg-create-premium-sync", says: "the creation of a Premium registry can also be synchronous",
		from: cliACR + "test_acr_create_with_data_endpoint, 2026-09-01-preview",
		holds: func(e *engine) {
			e.want(e.registry(merge(premium, props{"dataEndpointEnabled": true})), "Succeeded", "provisioningState")
		},
	},
	{
		id: "reg-new-fields-2026", says: "newer API versions add regional endpoints, a role assignment mode and other fields",
		from: cliACR + "test_acr_create_with_data_endpoint, 2026-09-01-preview", cannot: "the API versions of the SDK do not have these fields",
	},
	{
		id: "reg-policies-by-version", says: "API version 2022-12-01 returns four policies; the preview versions since 2022-02-01 return all six",
		from: cliACR + "several", cannot: "the double implements only the API version of the program, a preview version",
	},
	{
		id: "reg-not-registered", says: "a creation in a subscription that has not registered the resource provider fails with 409 MissingSubscriptionRegistration",
		from: cliACR + "test_acr_create_webhook, 2019-12-01-preview",
		holds: func(e *engine) {
			e.faults("create Registry unregistered")
			e.fails(registryTok, registryInputs(nil), `Status=409 Code="MissingSubscriptionRegistration"`)
		},
	},
	{
		id: "reg-name-taken", says: "a creation with a name that is in use, even in another resource group, fails with 409 RegistryNameAlreadyInUse",
		from: cliACR + "test_acr_create_with_domain_name_label_scope_name_in_use, 2026-09-01-preview",
		holds: func(e *engine) {
			e.registry(premium)
			e.create(groupType, "other", props{"resourceGroupName": "other", "location": "westeurope"})
			e.fails(registryTok, registryInputs(props{"resourceGroupName": "other"}), `Status=409 Code="RegistryNameAlreadyInUse"`)
		},
	},
	{
		id: "reg-name-label", says: "with a domain name label, the login server contains a hash of 16 characters, and the registry's name does not",
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
		id: "reg-reput", says: "a repeated PUT keeps omitted policies at their defaults, keeps the creation time, and updates the modification times",
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
	{id: "reg-patch-export", says: "a PATCH of the export policy does not change the retention policy's lastUpdatedTime", from: cliACR + "test_acr_export_policy, 2022-02-01-preview", cannot: patched},
	{id: "reg-patch-sku-same", says: "a PATCH that changes no value updates only lastModifiedAt", from: cliACR + "test_acr_export_policy, 2022-02-01-preview", cannot: patched},
	{
		id: "reg-create-closed", says: "a registry without public network access still has the default action Allow",
		from: cliACR + "test_acr_export_policy, 2022-02-01-preview",
		holds: func(e *engine) {
			r := e.registry(merge(premium, props{"publicNetworkAccess": "Disabled"}))
			e.want(r, "Disabled", "publicNetworkAccess")
			e.want(r, "Allow", "networkRuleSet", "defaultAction")
		},
	},
	{
		id: "reg-anonymous-on", says: "an update in place can enable anonymous pull",
		from: cliACR + "test_acr_with_anonymous_pull, 2022-02-01-preview",
		holds: func(e *engine) {
			r := e.registry(premium)
			require.NoError(e.t, e.update(r, registryInputs(merge(premium, props{"anonymousPullEnabled": true}))))
			e.want(r, true, "anonymousPullEnabled")
		},
	},
	{
		id: "reg-bypass", says: "without public network access, an update can disable and enable the bypass for Azure services",
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
		id: "reg-data-endpoint", says: "a registry has a data endpoint host name only while data endpoints are enabled",
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
		id: "reg-zone", says: "a zone-redundant registry returns zoneRedundancy Enabled", from: cliACR + "test_acr_with_zone_redundancy, 2021-08-01-preview",
		holds: func(e *engine) {
			e.want(e.registry(merge(premium, props{"zoneRedundancy": "Enabled"})), "Enabled", "zoneRedundancy")
		},
	},
	{
		id: "reg-abac", says: "a Basic registry supports ABAC mode, in which permissions apply per repository",
		from: cliACR + "test_acr_create_abac, 2025-03-01-preview",
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
		id: "reg-delete", says: "a deletion is an asynchronous operation; at its end the registry no longer exists",
		from: cliACR + "test_acr_cache, 2026-01-01-preview",
		holds: func(e *engine) {
			r := e.registry(nil)
			e.destroy(r)
			assert.False(e.t, e.refresh(r))
		},
	},
	{
		id: "reg-tags-empty", says: "a registry without tags returns the tags {}, and its location in the short form", from: cliACR + "all that were read",
		holds: func(e *engine) {
			for _, r := range e.everyRegistry() {
				e.want(r, props{}, "tags")
			}
			e.want(e.registry(props{"location": "West Europe"}), "westeurope", "location")
		},
	},
	{
		id: "reg-systemdata", says: "systemData contains the sign-in name of the user who created the registry",
		from: psACR + "New-AzContainerRegistry, 2023-01-01-preview",
		holds: func(e *engine) {
			r := e.registry(nil)
			assert.Contains(e.t, r.out("systemData", "createdBy"), "@")
			e.want(r, "User", "systemData", "createdByType")
		},
	},
	{
		id: "reg-usage-premium", says: "Premium allows 500 webhooks, 200 IP rules, 50000 scope maps and 50000 tokens; built-in scope maps do not count",
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
	{id: "reg-admin-regenerate", says: "a password of the admin user is regenerated by its case-insensitive name", from: psACR + "Update-AzContainerRegistryCredential, 2023-01-01-preview", cannot: uncalled},
	{
		id: "net-action-normalized", says: "the action of an IP rule is always returned as Allow, whatever value is sent",
		from: psACR + "Update-AzContainerRegistry, 2022-02-01-preview",
		holds: func(e *engine) {
			r := e.registry(merge(premium, props{"networkRuleSet": props{
				"defaultAction": "Allow", "ipRules": []any{props{"action": "Forbidden", "iPAddressOrRange": "52.1.2.3"}},
			}}))
			e.want(r, []any{props{"action": "Allow", "iPAddressOrRange": "52.1.2.3"}}, "networkRuleSet", "ipRules")
			e.want(r, "Allow", "networkRuleSet", "defaultAction")
		},
	},
	{
		id: "net-empty", says: "a Premium registry without network rules allows access from all networks", from: cliACR + "several, from 2022-02-01-preview on",
		holds: func(e *engine) {
			e.want(e.registry(premium), props{"defaultAction": "Allow", "ipRules": []any{}}, "networkRuleSet")
		},
	},
	{
		id: "net-absent-below-premium", says: "Basic and Standard registries have no network rules",
		from: cliACR + "several, and " + psACR + "New-AzContainerRegistry",
		holds: func(e *engine) {
			for _, r := range e.everyRegistry()[:2] {
				e.absent(r, "networkRuleSet")
			}
		},
	},
	{
		id: "id-type-case-user", says: "the registry's identity type is returned with a lowercase first letter, and the ids of the identities as sent",
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
	{id: "id-type-case-arm-list", says: "ARM's list of resources returns the identity type with an uppercase first letter", from: cliACR + "test_acr_identity, 2021-04-01", cannot: unlisted},
	{
		id: "id-patch-both", says: "both types of identity can be added to an existing registry", from: cliACR + "test_acr_identity, 2019-12-01-preview",
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
		id: "cmk-create", says: "a registry with encryption returns the key as sent, its version and the identity, and has no rotation time yet",
		from: cliACR + "test_acr_encryption_with_cmk, 2021-08-01-preview",
		holds: func(e *engine) {
			e.want(e.registry(ownKey("1")), props{"status": "enabled", "keyVaultProperties": props{
				"keyIdentifier": vaultKey + "/1", "versionedKeyIdentifier": vaultKey + "/1", "keyRotationEnabled": false,
				"identity": derivedGUID(userIdentity + "#client"),
			}}, "encryption")
		},
	},
	{
		id: "cmk-rotate", says: "after a change of the key, the registry returns the time of the key rotation",
		from: cliACR + "test_acr_encryption_with_cmk, 2021-08-01-preview",
		holds: func(e *engine) {
			r := e.registry(ownKey("1"))
			e.clock.advance(time.Hour)
			require.NoError(e.t, e.update(r, registryInputs(ownKey("2"))))
			e.want(r, vaultKey+"/2", "encryption", "keyVaultProperties", "keyIdentifier")
			e.want(r, r.out("policies", "retentionPolicy", "lastUpdatedTime"), "encryption", "keyVaultProperties", "lastKeyRotationTimestamp")
		},
	},
	{
		id: "repl-get", says: "a replica returns a status without a message, the default values, and the tags {}",
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
		id: "repl-home", says: "each Premium registry has a built-in replica in its home region, with the same zone redundancy as the registry",
		from: psACR + "Get-AzContainerRegistryReplication and " + cliACR + "test_acr_with_zone_redundancy",
		holds: func(e *engine) {
			registry := e.registry(merge(premium, props{"zoneRedundancy": "Enabled"}))
			home := e.read(replicaTok, registry.id+"/replications/westeurope")
			e.want(home, "Enabled", "zoneRedundancy")
			e.fails(replicaTok, child(props{"replicationName": "westeurope", "location": "westeurope"}), "cannot create already existing resource")
		},
	},
	{
		id: "repl-name-free", says: "the name of a replica can differ from the name of its region",
		from: psACR + "Get-AzContainerRegistryReplication, 2023-01-01-preview",
		holds: func(e *engine) {
			e.registry(premium)
			e.want(e.create(replicaTok, "r", child(props{"replicationName": "elsewhere", "location": "westus"})), "elsewhere", "name")
		},
	},
	{
		id: "hook-create", says: "a webhook returns its actions in the case sent and its status in lowercase; it does not return its URL or its headers",
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
		id: "hook-get", says: "GET returns the same values as PUT", from: psACR + "New-AzContainerRegistryWebhook, 2023-01-01-preview",
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
		id: "hook-patch", says: "the URL of a webhook can be updated in place, which changes lastModifiedAt",
		from: psACR + "Update-AzContainerRegistryWebhook, 2023-01-01-preview",
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
	{id: "hook-callback", says: "a request for the callback configuration returns the URL in plain text", from: psACR + "Get-AzContainerRegistryWebhookCallbackConfig, 2023-01-01-preview", cannot: uncalled},
	{
		id: "hook-delete", says: "a webhook is deleted synchronously", from: psACR + "Remove-AzContainerRegistryWebhook, 2023-01-01-preview",
		holds: func(e *engine) {
			e.registry(nil)
			r := e.create(webhookTok, "w", webhookInputs("deploy", nil))
			e.destroy(r)
			assert.False(e.t, e.refresh(r))
		},
	},
	{
		id: "cred-get", says: "a credential set has its identity immediately, and is unhealthy until the identity has permission to read the secrets",
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
			assert.Equal(e.t, pulumirpc.DiffResponse_DIFF_NONE, diff.GetChanges(), "the health is not an input")
		},
	},
	{
		id: "cred-async", says: "a credential set is created by an asynchronous operation", from: cliACR + "test_acr_cache, 2026-01-01-preview",
		holds: func(e *engine) {
			e.registry(nil)
			e.want(e.create(credentialTok, "c", credentialSetInputs("hub-login", nil)), "Succeeded", "provisioningState")
		},
	},
	{
		id: "cred-same-secret", says: "the user name and the password can refer to the same secret", from: cliACR + "test_acr_cache, 2026-01-01-preview",
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
		id: "cache-create", says: "a cache rule can be created while its credential set is unhealthy, and returns the values as sent",
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
		id: "scope-get", says: "a scope map returns its actions as sent, and has no description if none was sent",
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
		id: "scope-system", says: "each registry has built-in scope maps for pull, push and administration of all repositories",
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
		id: "scope-delete", says: "a scope map without tokens is deleted by an asynchronous operation",
		from: psACR + "Remove-AzContainerRegistryScopeMap, 2023-01-01-preview",
		holds: func(e *engine) {
			e.registry(nil)
			r := e.create(scopeMapTok, "pull", child(props{"scopeMapName": "pull-map", "actions": []any{"repositories/api/content/read"}}))
			e.destroy(r)
			assert.False(e.t, e.refresh(r))
		},
	},
	{
		id: "token-create", says: "a token is created by an asynchronous operation, is enabled, and has an empty list of passwords",
		from: psACR + "New-AzContainerRegistryToken, 2023-01-01-preview",
		holds: func(e *engine) {
			r := e.token()
			e.want(r, "Succeeded", "provisioningState")
			e.want(r, "enabled", "status")
			e.want(r, props{"passwords": []any{}}, "credentials")
		},
	},
	{
		id: "token-generate", says: "a request without a password name generates both passwords and returns their values, without an expiry",
		from: psACR + "New-AzContainerRegistryCredentials, 2023-01-01-preview", cannot: "the provider azure always sends the password's name",
	},
	{
		id: "token-get-after-generate", says: "a token returns the names and times of its passwords, but not their values",
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
			assert.Equal(e.t, []string{"credentials"}, diff.GetDiffs(), "the refresh has copied it into the inputs")
		},
	},
	{
		id: "token-reput-wipes", says: "a PUT without the passwords deletes them", from: "said: Azure/acr#667",
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
		id: "token-not-active", says: "a token has no passwords until its creation is complete", from: "said: a comment in public Go code, of the live API",
		cannot: "the provider waits until the token has been created",
	},
	{
		id: "token-list-empty", says: "a token without passwords returns an empty list, not null",
		from: psACR + "New-AzContainerRegistryCredentials, 2023-01-01-preview",
		holds: func(e *engine) {
			r := e.token()
			require.True(e.t, e.refresh(r))
			e.want(r, []any{}, "credentials", "passwords")
		},
	},
	{
		id: "task-create", says: "a task has its identity immediately, with the type in the case sent, and returns its step and its platform as sent",
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
	{id: "task-service", says: "a separate service answers requests for tasks", from: cliACR + "test_acr_task and test_acr_taskrun, 2019-06-01-preview", cannot: "the service is visible only in a header, which providers do not return"},
	{id: "taskrun-result", says: "a task run returns its result", from: cliACR + "test_acr_taskrun, 2019-06-01-preview", cannot: unstarted},
	{id: "taskrun-delete", says: "a task run is deleted synchronously", from: cliACR + "test_acr_taskrun, 2019-06-01-preview", cannot: unstarted},
	{
		id: "pe-manual", says: "a connection that needs manual approval is pending and has no IP addresses",
		from: cliACR + "test_acr_with_private_endpoint, network 2021-08-01",
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
		id: "pe-auto", says: "an automatic connection is approved immediately, and has its DNS names and IP addresses",
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
		id: "pe-dns-group-empties", says: "after the creation of a DNS zone group, the endpoint's customDnsConfigs is empty",
		from: "said: documentation of hashicorp/terraform-provider-azurerm, private_endpoint",
		holds: func(e *engine) {
			registry := e.registry(premium)
			r := e.create(endpointTok, "acme", endpointInputs(registry, nil))
			e.create(zoneGroupTok, "acme", zoneGroupInputs(r, nil))
			require.True(e.t, e.refresh(r))
			e.want(r, []any{}, "customDnsConfigs")
			_, diff := e.plan(r, endpointInputs(registry, nil))
			assert.Equal(e.t, []string{"customDnsConfigs"}, diff.GetDiffs(), "the refresh has copied it into the inputs")
		},
	},
	{
		id: "pec-list", says: "the registry's connection has a different name from the endpoint's, and its state contains only the status while it is pending",
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
	{id: "pec-approve", says: "an approval is an asynchronous operation of about 30 seconds", from: cliACR + "test_acr_with_private_endpoint, 2021-08-01-preview", cannot: "the program does not approve connections"},
	{id: "pec-reject", says: "a connection can be rejected", from: cliACR + "test_acr_with_private_endpoint, 2021-08-01-preview", cannot: "the program does not reject connections"},
	{id: "pec-delete", says: "a connection is deleted by an asynchronous operation", from: cliACR + "test_acr_with_private_endpoint, 2021-08-01-preview", cannot: "the program deletes a connection only with its endpoint"},
	{
		id: "ra-create-sp", says: "a role can be assigned to a service principal immediately after its creation if the principal type is given",
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
		id: "ra-create-user", says: "a role can be assigned to a user", from: cliRole + "test_role_assignment_handle_conflicted_assignments, 2022-04-01",
		holds: func(e *engine) {
			e.want(e.create(roleType, "r", props{
				"principalId": e.double.current().Owner, "principalType": "User", "roleDefinitionId": e.roleID(reader), "scope": e.registry(nil).id,
			}), "User", "principalType")
		},
	},
	{
		id: "ra-condition", says: "a condition is returned as sent, and a change of it updates only updatedOn",
		from: psRole + "RaWithV2Conditions, 2020-04-01-preview",
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
		id: "ra-exists", says: "a second assignment of the same role on the same scope to the same principal fails with 409 RoleAssignmentExists, whatever its name",
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
		id: "ra-no-subscription", says: "a request for an unknown subscription fails with 404 SubscriptionNotFound",
		from: psRole + "CreateRAWhenIdNotExist, 2020-08-01-preview",
		holds: func(e *engine) {
			e.fails(roleType, props{
				"principalId": e.double.current().Owner, "roleDefinitionId": e.roleID(reader), "scope": "/subscriptions/" + otherGUID,
			}, `Status=404 Code="SubscriptionNotFound"`)
		},
	},
	{
		id: "ra-bad-subscription", says: "a request with an invalid subscription id fails with 400 InvalidSubscriptionId",
		from: psRole + "TestResourceLockCRUDTest, 2021-04-01",
		holds: func(e *engine) {
			e.fails(lockTok, props{"scope": "/subscriptions//resourceGroups/" + testGroup, "lockName": "keep", "level": "CanNotDelete"},
				`Status=400 Code="InvalidSubscriptionId"`)
		},
	},
	{id: "ra-filter-unknown", says: "the list of role assignments of an unknown principal is empty", from: psRole + "RaNegativeScenarios, 2020-08-01-preview", cannot: unlisted},
	{
		id: "role-definition-form", says: "a role definition's id contains the subscription",
		from: cliRole + "test_create_for_rbac_password_with_assignment, 2022-05-01-preview",
		holds: func(e *engine) {
			registry, pull := e.registry(nil), e.identity("pull")
			e.want(e.assign("pull", pull.objectID(), acrPull, registry.id),
				"/subscriptions/"+e.double.current().Subscription+"/providers/Microsoft.Authorization/roleDefinitions/"+acrPull, "roleDefinitionId")
		},
	},
	{
		id: "graph-app-create", says: "a new application has an object id, a client id and a publisher domain, and has no tags or identifier URIs",
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
		id: "graph-add-password", says: "a password's value is returned only once, with a key id and with dates in whole seconds",
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
		id: "graph-app-passwords", says: "later reads of an application return the ids, names and dates of its passwords",
		from: cliRole + "test_app_credential, v1.0",
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
		id: "graph-sp-create", says: "a service principal has the type Application, the tenant's id, and the sign-in audience of its application",
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
		id: "graph-sp-find", says: "a query finds a service principal immediately after its creation",
		from: cliRole + "test_create_for_rbac_password_with_assignment, v1.0",
		holds: func(e *engine) {
			app := e.create(appType, "pull", props{"displayName": "pull"})
			in := props{"clientId": app.out("clientId"), "useExisting": true}
			assert.Equal(e.t, e.create(spType, "pull", in).id, e.create(spType, "again", in).id)
		},
	},
	{
		id: "graph-denied", says: "a request of a caller without permissions in the directory fails with 403 Authorization_RequestDenied",
		from: cliRole + "test_app_credential, v1.0",
		holds: func(e *engine) {
			e.double.SetConditions(Conditions{Rights: &Rights{}})
			e.fails(appType, props{"displayName": "pull"}, "unexpected status 403 with OData error: Authorization_RequestDenied")
		},
	},
	{
		id: "graph-not-found", says: "a request for an unknown object fails with 404 Request_ResourceNotFound, and the message contains the object's id",
		from: psRole + "RaNegativeScenarios, v1.0",
		holds: func(e *engine) {
			e.fails(appPassType, props{"applicationId": applicationID(otherGUID)},
				"unexpected status 404 with OData error: Request_ResourceNotFound: Resource '"+otherGUID+"'")
		},
	},
	{
		id: "graph-filter-none", says: "a filter without a match returns an empty list", from: psRole + "RaNegativeScenarios, v1.0",
		holds: func(e *engine) { // the provider finds no existing principal and creates one
			app := e.create(appType, "pull", props{"displayName": "pull"})
			assert.NotEmpty(e.t, e.create(spType, "pull", props{"clientId": app.out("clientId"), "useExisting": true}).id)
		},
	},
	{id: "name-free", says: "the check of an available name returns its login server", from: cliACR + "test_check_name_availability, 2026-09-01-preview", cannot: uncalled},
	{id: "name-free-scoped", says: "with a domain name label, the check returns a login server with a hash of 16 characters", from: cliACR + "test_check_name_availability_dnl_scope, 2026-01-01-preview", cannot: uncalled},
	{id: "name-taken", says: "the check of a name that is in use returns the reason", from: psACR + "Test-AzContainerRegistryNameAvailability, 2022-02-01-preview", cannot: uncalled},
	{
		id: "rg-create", says: "a resource group is created synchronously, and has no tags if none were sent",
		from: cliACR + "test_acr_create_with_domain_name_label_scope_name_in_use, 2024-11-01",
		holds: func(e *engine) {
			r := e.create(groupType, "other", props{"resourceGroupName": "other", "location": "westeurope"})
			e.want(r, "Succeeded", "properties", "provisioningState")
			e.absent(r, "tags")
		},
	},
	{
		id: "uai-id-case", says: "the managed identity service returns an identity's id with resourcegroups in lowercase",
		from: cliACR + "test_acr_encryption_with_cmk, 2018-11-30",
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
		id: "azure-native-diff", says: "the provider compares inputs exactly, except for the spelling of locations", from: native + "diff.go",
		holds: func(e *engine) {
			r := e.registry(props{"location": "West Europe"})
			_, diff := e.plan(r, registryInputs(props{"location": "westeurope"}))
			assert.Equal(e.t, pulumirpc.DiffResponse_DIFF_NONE, diff.GetChanges())
			_, diff = e.plan(r, registryInputs(props{"location": "West Europe", "adminUserEnabled": false, "tags": props{}}))
			assert.Equal(e.t, []string{"adminUserEnabled", "tags"}, diff.GetDiffs(), "an explicit default of Azure is a change")
			_, diff = e.plan(r, registryInputs(props{"registryName": "other12345", "location": "West Europe"}))
			assert.True(e.t, diff.GetDeleteBeforeReplace(), "the program sets the name explicitly")
		},
	},
	{
		id: "azure-native-refresh", says: "a refresh copies into the inputs only the values that have changed in the response since the last read",
		from: native + "provider.go",
		holds: func(e *engine) {
			in := registryInputs(merge(premium, props{"policies": props{"exportPolicy": props{"status": "enabled"}}}))
			r := e.create(registryTok, "registry", in)
			e.want(r, "Disabled", "metadataSearch") // Create returns what GET does
			before := r.inputs
			require.True(e.t, e.refresh(r))
			assert.Equal(e.t, before, r.inputs)
			require.NoError(e.t, armOf(registryTok).update(e.t.Context(), e.double, r.id, merge(toProps(before), props{
				"policies": props{"retentionPolicy": props{"status": "enabled", "days": 7.0}}, "tags": props{"by": "hand"},
			})))
			require.True(e.t, e.refresh(r))
			_, diff := e.plan(r, in)
			assert.Equal(e.t, []string{"policies.retentionPolicy", "tags"}, diff.GetDiffs())
		},
	},
	{
		id: "azure-native-import", says: "an import copies all input properties of the response into the inputs", from: native + "provider.go",
		holds: func(e *engine) {
			r := e.read(registryTok, e.registry(nil).id)
			in := toProps(r.inputs)
			for _, key := range []string{"registryName", "resourceGroupName", "sku", "tags", "zoneRedundancy", "policies", "encryption"} {
				assert.Contains(e.t, in, key)
			}
			assert.Equal(e.t, props{"name": "Basic"}, in["sku"], "the tier is not an input")
			for _, key := range []string{"loginServer", "provisioningState", "systemData", "creationDate"} {
				assert.NotContains(e.t, in, key)
			}
		},
	},
	{
		id: "repl-create", says: "a replica is created by an asynchronous operation, and its regional endpoint is enabled by default",
		from: cliACR + "test_acr_with_zone_redundancy, 2021-08-01-preview",
		holds: func(e *engine) {
			e.registry(merge(premium, props{"zoneRedundancy": "Enabled"}))
			r := e.create(replicaTok, "r", child(props{"replicationName": "uksouth", "location": "uksouth", "zoneRedundancy": "Enabled"}))
			e.want(r, "Succeeded", "provisioningState")
			e.want(r, true, "regionEndpointEnabled")
			e.want(r, "Enabled", "zoneRedundancy")
		},
	},
	{
		id: "repl-create-default-zone", says: "a replica does not inherit its registry's zone redundancy",
		from: cliACR + "test_acr_with_zone_redundancy, 2021-08-01-preview",
		holds: func(e *engine) {
			e.registry(merge(premium, props{"zoneRedundancy": "Enabled"}))
			e.want(e.create(replicaTok, "r", child(props{"replicationName": "uksouth", "location": "uksouth"})), "Disabled", "zoneRedundancy")
		},
	},
	{
		id: "arm-502", says: "ARM occasionally fails with 502 InvalidGatewayHost, and a retry one second later succeeds",
		from: cliACR + "test_acr_with_zone_redundancy, 2021-08-01-preview",
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
		id: "run-not-allowed", says: "free-trial and similar subscriptions reject a task run with 400 TasksOperationsNotAllowed",
		from: "said: Azure-Samples/contoso-chat#259, azure-search-openai-demo#2220 and #2592",
		holds: func(e *engine) {
			e.registry(nil)
			task := e.create(taskTok, "t", taskInputs(nil))
			e.faults("create RegistryTaskScheduleRunNow no-tasks")
			e.fails(scheduleTok, props{"containerRegistryTaskId": task.id}, `Status=400 Code="TasksOperationsNotAllowed"`)
		},
	},
	{
		id: "run-closed-registry", says: "a task run cannot log in to a registry without public network access", from: "said: Azure/azure-cli#28151",
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
