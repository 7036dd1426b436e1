package azuredouble

import (
	"context"
	"regexp"

	tasks "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20190601preview"
	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// registryModule is the prefix of the types of a registry and its children. The double supports the program's API versions,
// 2023-11-01-preview and, for tasks, 2019-06-01-preview. All versions return the same resources, and the engine treats their
// types as aliases of each other, as the SDK declares.
const registryModule = "azure-native:containerregistry:"

// registryKinds are the registry and its children.
func registryKinds() []*kind {
	return []*kind{
		armKind(&kind{
			token:     registryModule + "Registry",
			inputs:    schemaOf(acr.RegistryArgs{}.ElementType()),
			outputs:   outputNames(acr.Registry{}),
			name:      autoname{property: "registryName"},
			located:   true,
			immutable: []string{"registryName", "resourceGroupName", "location"},
			check:     checkName("registryName", alphanumeric),
			create: func(ctx context.Context, d *Double, in props) (string, props, error) {
				id, err := d.createRegistry(ctx, in)
				return id, nil, err
			},
			update: func(ctx context.Context, d *Double, id string, in props) error { return d.updateRegistry(ctx, id, in) },
		}, isRegistry, registryOutputs),
		armKind((&kind{
			token:     registryModule + "Replication",
			inputs:    schemaOf(acr.ReplicationArgs{}.ElementType()),
			outputs:   outputNames(acr.Replication{}),
			name:      autoname{property: "replicationName"},
			located:   true,
			immutable: []string{"replicationName", "registryName", "resourceGroupName", "location"},
			check:     checkName("replicationName", alphanumeric),
		}).with((*Double).createReplication, (*Double).updateReplication), isChild("replications"), replicationOutputs),
		armKind((&kind{
			token:     registryModule + "Webhook",
			inputs:    schemaOf(acr.WebhookArgs{}.ElementType()),
			outputs:   outputNames(acr.Webhook{}),
			name:      autoname{property: "webhookName"},
			located:   true,
			immutable: []string{"webhookName", "registryName", "resourceGroupName", "location"},
			check:     checkName("webhookName", alphanumeric),
		}).with((*Double).createWebhook, (*Double).updateWebhook), isChild("webhooks"), webhookOutputs),
		armKind((&kind{
			token:     registryModule + "CacheRule",
			inputs:    schemaOf(acr.CacheRuleArgs{}.ElementType()),
			outputs:   outputNames(acr.CacheRule{}),
			name:      autoname{property: "cacheRuleName"},
			immutable: []string{"cacheRuleName", "registryName", "resourceGroupName"},
			check:     checkName("cacheRuleName", dashed),
		}).with((*Double).createCacheRule, (*Double).updateCacheRule), isChild("cacheRules"), cacheRuleOutputs),
		armKind((&kind{
			token:     registryModule + "CredentialSet",
			inputs:    schemaOf(acr.CredentialSetArgs{}.ElementType()),
			outputs:   outputNames(acr.CredentialSet{}),
			name:      autoname{property: "credentialSetName"},
			immutable: []string{"credentialSetName", "registryName", "resourceGroupName"},
			check:     checkName("credentialSetName", dashed),
			keep:      keepCredentialSet,
		}).with((*Double).createCredentialSet, (*Double).updateCredentialSet), isChild("credentialSets"), credentialSetOutputs),
		armKind((&kind{
			token:     registryModule + "ScopeMap",
			inputs:    schemaOf(acr.ScopeMapArgs{}.ElementType()),
			outputs:   outputNames(acr.ScopeMap{}),
			name:      autoname{property: "scopeMapName"},
			immutable: []string{"scopeMapName", "registryName", "resourceGroupName"},
			check:     checkName("scopeMapName", scopeMapName),
			keep:      keepScopeMap,
		}).with((*Double).createScopeMap, (*Double).updateScopeMap), isChild("scopeMaps"), scopeMapOutputs),
		armKind((&kind{
			token:     registryModule + "Token",
			inputs:    schemaOf(acr.TokenArgs{}.ElementType()),
			outputs:   outputNames(acr.Token{}),
			name:      autoname{property: "tokenName"},
			immutable: []string{"tokenName", "registryName", "resourceGroupName"},
			check:     checkName("tokenName", tokenName),
		}).with((*Double).createToken, (*Double).updateToken), isChild("tokens"), tokenOutputs),
	}
}

// taskKind is the ACR Task, which has its own API versions.
func taskKind() *kind {
	return armKind((&kind{
		token:     registryModule + "Task",
		inputs:    schemaOf(tasks.TaskArgs{}.ElementType()),
		outputs:   outputNames(tasks.Task{}),
		name:      autoname{property: "taskName"},
		located:   true,
		immutable: []string{"taskName", "registryName", "resourceGroupName", "location"},
		check:     checkTask,
	}).with((*Double).createTask, (*Double).updateTask), isChild("tasks"), taskOutputs)
}

// checkName checks the name of a registry or its child.
func checkName(property string, allowed *regexp.Regexp) func(in props) []plugin.CheckFailure {
	return func(in props) []plugin.CheckFailure {
		name, known := in[property].(string)
		if !known {
			return nil
		}
		var failures []plugin.CheckFailure
		if len(name) < nameMinLength {
			failures = append(failures, failure(property,
				"'%s' is too short (%d): at least %d characters required", property, len(name), nameMinLength))
		}
		if len(name) > nameMaxLength {
			failures = append(failures, failure(property,
				"'%s' is too long (%d): at most %d characters allowed", property, len(name), nameMaxLength))
		}
		if !allowed.MatchString(name) {
			failures = append(failures, failure(property, "'%s' does not match expression '%s'", property, allowed))
		}
		return failures
	}
}
