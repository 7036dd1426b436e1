package azuredouble

import (
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
			arm:       arm{is: isRegistry, id: newRegistry, rules: checkRegistry, returns: registryOutputs},
		}),
		childKind("Replication", alphanumeric, &kind{
			inputs: schemaOf(acr.ReplicationArgs{}.ElementType()), outputs: outputNames(acr.Replication{}), located: true,
			arm: arm{rules: checkReplication, returns: replicationOutputs},
		}),
		childKind("Webhook", alphanumeric, &kind{
			inputs: schemaOf(acr.WebhookArgs{}.ElementType()), outputs: outputNames(acr.Webhook{}), located: true,
			arm: arm{rules: checkWebhook, hidden: []string{"customHeaders", "serviceUri"}, returns: webhookOutputs},
		}),
		childKind("CacheRule", dashed, &kind{
			inputs: schemaOf(acr.CacheRuleArgs{}.ElementType()), outputs: outputNames(acr.CacheRule{}),
			arm: arm{rules: checkCacheRule, returns: cacheRuleOutputs},
		}),
		childKind("CredentialSet", dashed, &kind{
			inputs: schemaOf(acr.CredentialSetArgs{}.ElementType()), outputs: outputNames(acr.CredentialSet{}),
			arm: arm{rules: checkCredentialSet, returns: credentialSetOutputs, keep: keepCredentialSet},
		}),
		childKind("ScopeMap", scopeMapName, &kind{
			inputs: schemaOf(acr.ScopeMapArgs{}.ElementType()), outputs: outputNames(acr.ScopeMap{}),
			arm: arm{rules: checkScopeMap, returns: scopeMapOutputs, keep: keepScopeMap},
		}),
		childKind("Token", tokenName, &kind{
			inputs: schemaOf(acr.TokenArgs{}.ElementType()), outputs: outputNames(acr.Token{}),
			arm: arm{rules: checkToken, returns: tokenOutputs},
		}),
		childKind("Task", taskName, &kind{
			inputs: schemaOf(tasks.TaskArgs{}.ElementType()), outputs: outputNames(tasks.Task{}), located: true,
			check: checkStep,
			arm:   arm{rules: checkTask, returns: taskOutputs},
		}),
	}
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
