package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Cloud is one of Azure's clouds, with the properties in which they differ.
type Cloud struct {
	// Name is its name in the Pulumi providers: public, usgovernment or china.
	Name string
	// RegistrySuffix ends the host of every registry, such as "azurecr.io".
	RegistrySuffix string
	// CLIName is its name in the Azure CLI: https://learn.microsoft.com/cli/azure/manage-clouds-azure-cli
	CLIName string
}

// The clouds. The suffixes are those of
// https://github.com/kubernetes-sigs/cloud-provider-azure/blob/master/pkg/credentialprovider/azure_credentials.go
var (
	publicCloud  = Cloud{"public", "azurecr.io", "AzureCloud"}
	usGovernment = Cloud{"usgovernment", "azurecr.us", "AzureUSGovernment"}
	china        = Cloud{"china", "azurecr.cn", "AzureChinaCloud"}
)

// clouds by the names that the provider azure-native knows, in lower case, with the name that other tools give the public cloud in
// AZURE_ENVIRONMENT:
// https://github.com/pulumi/pulumi-azure-native/blob/v2.90.0/provider/pkg/azure/cloud/cloud.go
// https://github.com/Azure/go-autorest/blob/main/autorest/azure/environments.go
var clouds = map[string]Cloud{
	"public": publicCloud, "azurecloud": publicCloud, "azurepubliccloud": publicCloud, "china": china, "azurechinacloud": china,
	"usgovernment": usGovernment, "usgov": usGovernment, "usgovernmentl4": usGovernment, "azureusgovernment": usGovernment,
	"azureusgovernmentcloud": usGovernment,
}

// entraClouds by the names that the provider azuread knows, in lower case:
// https://github.com/hashicorp/go-azure-sdk/blob/main/sdk/environments/from_name.go
var entraClouds = map[string]Cloud{
	"public": publicCloud, "global": publicCloud, "china": china,
	"usgovernment": usGovernment, "usgovernmentl4": usGovernment, "usgovernmentl5": usGovernment, "dod": usGovernment,
}

// CloudVariables are the environment variables in which the providers look for the cloud if the stack file does not name it: azure-native
// in this order, azure in the other, and azuread in the first alone.
var CloudVariables = []string{"ARM_ENVIRONMENT", "AZURE_ENVIRONMENT"}

// Public reports whether it is the public cloud, the providers' default.
func (c Cloud) Public() bool { return c == publicCloud }

// privateZone is the private DNS zone of the cloud's registries: https://learn.microsoft.com/azure/private-link/private-endpoint-dns
func (c Cloud) privateZone() string { return "privatelink." + c.RegistrySuffix }

// Around is what the configuration depends on outside the project's own namespace.
type Around struct {
	// Stack and Project are their names, and Root is the project folder.
	Stack, Project, Root string
	// Settings are the settings of other namespaces by their full keys, such as "azure-native:location", and CloudVariables by their
	// names.
	Settings map[string]string
}

// applyAround applies the settings of other namespaces, and reports those that the stack would ignore.
func (c *Config) applyAround(around Around) problems {
	var found problems
	c.Location, c.root = around.Settings["azure-native:location"], around.Root
	c.Cloud = publicCloud
	for i, key := range append([]string{"azure-native:environment"}, CloudVariables...) {
		if name := around.Settings[key]; name != "" {
			cloud, known := clouds[strings.ToLower(name)]
			rule := "is not one of china, public, usgovernment"
			if i > 0 {
				rule += "; azure-native:environment in the stack file would take precedence over this variable"
			}
			found.addUnless(known, key, name, rule)
			c.Cloud = cmp.Or(cloud, publicCloud)
			break
		}
	}
	c.TellsCloud = !c.Cloud.Public() || slices.ContainsFunc(CloudVariables, func(name string) bool {
		return around.Settings[name] != "" && !strings.EqualFold(around.Settings[name], publicCloud.Name)
	})
	for _, key := range slices.Sorted(maps.Keys(around.Settings)) {
		namespace, setting, _ := strings.Cut(key, ":")
		switch {
		case namespace == "kubernetes":
			found.add(key, nil, "is not read, because the stack's Kubernetes provider takes its settings from cluster; "+
				cmp.Or(insteadOfKubernetes[setting], "remove it"))
		case namespace == "azure":
			remedy := "remove it"
			if slices.Contains(sharedSettings, setting) {
				remedy = "use azure-native:" + setting
			}
			found.add(key, nil, "is not read, because the stack's provider azure takes its settings from azure-native; "+remedy)
		case key == "azuread:environment":
			other := around.Settings[key]
			found.addUnless(entraClouds[strings.ToLower(other)] == c.Cloud, key, other, "is not the cloud of azure-native:environment; leave it out")
		case key == "pulumi:autonaming":
			found.merge(checkAutonaming(around.Settings[key]))
		case namespace != "azure-native" && namespace != "azuread" && slices.Contains(Keys(), setting):
			found.add(key, nil, fmt.Sprintf("is not read, because the project is %s; use %[1]s:%s", around.Project, setting))
		}
	}
	return found
}

// sharedSettings are the settings that the providers azure and azure-native have in common. The stack applies azure-native's to
// both providers.
var sharedSettings = slices.Concat(ProviderSettings, []string{"environment", "location", "subscriptionId"})

// ProviderSettings select the identity of the providers azure and azure-native:
// https://www.pulumi.com/registry/packages/azure-native/installation-configuration/#configuration-options
var ProviderSettings = []string{
	"auxiliaryTenantIds", "clientCertificatePassword", "clientCertificatePath", "clientId", "clientSecret", "metadataHost", "msiEndpoint",
	"oidcRequestToken", "oidcRequestUrl", "oidcToken", "partnerId", "tenantId", "useMsi", "useOidc",
}

// EntraSettings select the identity and the cloud of the provider azuread:
// https://www.pulumi.com/registry/packages/azuread/installation-configuration/
var EntraSettings = []string{
	"clientCertificate", "clientCertificatePassword", "clientCertificatePath", "clientId", "clientIdFilePath", "clientSecret",
	"clientSecretFilePath", "environment", "metadataHost", "msiEndpoint", "oidcRequestToken", "oidcRequestUrl", "oidcToken", "oidcTokenFilePath",
	"partnerId", "tenantId", "useAksWorkloadIdentity", "useCli", "useMsi", "useOidc",
}

// insteadOfKubernetes says what to use in place of a setting of the provider kubernetes.
var insteadOfKubernetes = map[string]string{
	"context":    "use cluster.context",
	"kubeconfig": "use cluster.kubeconfig",
	"cluster":    "use cluster.context, the name of a context with that cluster",
	"namespace":  "each service has the namespace <service>-<environment>",
}
