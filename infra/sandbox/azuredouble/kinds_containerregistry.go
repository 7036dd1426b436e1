package azuredouble

import (
	"context"
	"regexp"

	"github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2"
	"github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// registryVersion is an API version of Microsoft.ContainerRegistry, as the SDK offers it. All versions show the same
// resources; the engine takes their types for aliases of each other, as the SDK tells it.
type registryVersion struct {
	module                                                   string
	registry, replication, webhook, cacheRule, credentialSet sdkType
	scopeMap, token                                          sdkType
	// preview versions have what the default one does not know, such as anonymous pull.
	preview bool
}

// sdkType is what the SDK can send and what it reads.
type sdkType struct {
	inputs  *schema
	outputs []string
}

var (
	// stableRegistry is the default of azure-native 2.90.0, API version 2022-12-01.
	stableRegistry = registryVersion{
		module:      "azure-native:containerregistry:",
		registry:    sdkType{schemaOf(containerregistry.RegistryArgs{}.ElementType()), outputNames(containerregistry.Registry{})},
		replication: sdkType{schemaOf(containerregistry.ReplicationArgs{}.ElementType()), outputNames(containerregistry.Replication{})},
		webhook:     sdkType{schemaOf(containerregistry.WebhookArgs{}.ElementType()), outputNames(containerregistry.Webhook{})},
		cacheRule:   sdkType{schemaOf(containerregistry.CacheRuleArgs{}.ElementType()), outputNames(containerregistry.CacheRule{})},
		credentialSet: sdkType{
			schemaOf(containerregistry.CredentialSetArgs{}.ElementType()), outputNames(containerregistry.CredentialSet{}),
		},
		scopeMap: sdkType{schemaOf(containerregistry.ScopeMapArgs{}.ElementType()), outputNames(containerregistry.ScopeMap{})},
		token:    sdkType{schemaOf(containerregistry.TokenArgs{}.ElementType()), outputNames(containerregistry.Token{})},
	}
	previewRegistry = registryVersion{
		module:      "azure-native:containerregistry/v20231101preview:",
		preview:     true,
		registry:    sdkType{schemaOf(v20231101preview.RegistryArgs{}.ElementType()), outputNames(v20231101preview.Registry{})},
		replication: sdkType{schemaOf(v20231101preview.ReplicationArgs{}.ElementType()), outputNames(v20231101preview.Replication{})},
		webhook:     sdkType{schemaOf(v20231101preview.WebhookArgs{}.ElementType()), outputNames(v20231101preview.Webhook{})},
		cacheRule:   sdkType{schemaOf(v20231101preview.CacheRuleArgs{}.ElementType()), outputNames(v20231101preview.CacheRule{})},
		credentialSet: sdkType{
			schemaOf(v20231101preview.CredentialSetArgs{}.ElementType()), outputNames(v20231101preview.CredentialSet{}),
		},
		scopeMap: sdkType{schemaOf(v20231101preview.ScopeMapArgs{}.ElementType()), outputNames(v20231101preview.ScopeMap{})},
		token:    sdkType{schemaOf(v20231101preview.TokenArgs{}.ElementType()), outputNames(v20231101preview.Token{})},
	}
)

// registryKinds are the registry and what belongs to it, in one API version.
func registryKinds(v registryVersion) []*kind {
	outputs := registryOutputs
	if !v.preview {
		outputs = stableRegistryOutputs
	}
	return []*kind{
		armKind(&kind{
			token:     v.module + "Registry",
			inputs:    v.registry.inputs,
			outputs:   v.registry.outputs,
			name:      autoname{property: "registryName"},
			located:   true,
			immutable: []string{"registryName", "resourceGroupName", "location"},
			check:     checkName("registryName", alphanumeric),
			create: func(ctx context.Context, d *Double, in props) (string, props, error) {
				id, err := d.createRegistry(ctx, in)
				return id, nil, err
			},
			update: func(ctx context.Context, d *Double, id string, in props) error {
				return d.updateRegistry(ctx, id, in, v.preview)
			},
		}, isRegistry, outputs),
		armKind((&kind{
			token:     v.module + "Replication",
			inputs:    v.replication.inputs,
			outputs:   v.replication.outputs,
			name:      autoname{property: "replicationName"},
			located:   true,
			immutable: []string{"replicationName", "registryName", "resourceGroupName", "location"},
			check:     checkName("replicationName", alphanumeric),
		}).with((*Double).createReplication, (*Double).updateReplication), isChild("replications"), replicationOutputs),
		armKind((&kind{
			token:     v.module + "Webhook",
			inputs:    v.webhook.inputs,
			outputs:   v.webhook.outputs,
			name:      autoname{property: "webhookName"},
			located:   true,
			immutable: []string{"webhookName", "registryName", "resourceGroupName", "location"},
			check:     checkName("webhookName", alphanumeric),
		}).with((*Double).createWebhook, (*Double).updateWebhook), isChild("webhooks"), webhookOutputs),
		armKind((&kind{
			token:     v.module + "CacheRule",
			inputs:    v.cacheRule.inputs,
			outputs:   v.cacheRule.outputs,
			name:      autoname{property: "cacheRuleName"},
			immutable: []string{"cacheRuleName", "registryName", "resourceGroupName"},
			check:     checkName("cacheRuleName", dashed),
		}).with((*Double).createCacheRule, (*Double).updateCacheRule), isChild("cacheRules"), cacheRuleOutputs),
		armKind((&kind{
			token:     v.module + "CredentialSet",
			inputs:    v.credentialSet.inputs,
			outputs:   v.credentialSet.outputs,
			name:      autoname{property: "credentialSetName"},
			immutable: []string{"credentialSetName", "registryName", "resourceGroupName"},
			check:     checkName("credentialSetName", dashed),
			keep:      keepCredentialSet,
		}).with((*Double).createCredentialSet, (*Double).updateCredentialSet), isChild("credentialSets"), credentialSetOutputs),
		armKind((&kind{
			token:     v.module + "ScopeMap",
			inputs:    v.scopeMap.inputs,
			outputs:   v.scopeMap.outputs,
			name:      autoname{property: "scopeMapName"},
			immutable: []string{"scopeMapName", "registryName", "resourceGroupName"},
			check:     checkName("scopeMapName", scopeMapName),
			keep:      keepScopeMap,
		}).with((*Double).createScopeMap, (*Double).updateScopeMap), isChild("scopeMaps"), scopeMapOutputs),
		armKind((&kind{
			token:     v.module + "Token",
			inputs:    v.token.inputs,
			outputs:   v.token.outputs,
			name:      autoname{property: "tokenName"},
			immutable: []string{"tokenName", "registryName", "resourceGroupName"},
			check:     checkName("tokenName", tokenName),
		}).with((*Double).createToken, (*Double).updateToken), isChild("tokens"), tokenOutputs),
	}
}

// taskKind is the ACR Task, which has API versions of its own.
func taskKind() *kind {
	return armKind((&kind{
		token:     "azure-native:containerregistry:Task",
		inputs:    schemaOf(containerregistry.TaskArgs{}.ElementType()),
		outputs:   outputNames(containerregistry.Task{}),
		name:      autoname{property: "taskName"},
		located:   true,
		immutable: []string{"taskName", "registryName", "resourceGroupName", "location"},
		check:     checkTask,
	}).with((*Double).createTask, (*Double).updateTask), isChild("tasks"), taskOutputs)
}

// checkName checks the name of a registry or of what belongs to one.
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
