package azuredouble

import (
	insights "github.com/pulumi/pulumi-azure-native-sdk/insights/v2/v20210501preview"
	network "github.com/pulumi/pulumi-azure-native-sdk/network/v2/v20210201"
)

// networkKinds connect a registry to a virtual network and to the destination of its logs.
func networkKinds() []*kind {
	return []*kind{
		armKind(&kind{
			token:   "azure-native:network:PrivateEndpoint",
			inputs:  schemaOf(network.PrivateEndpointArgs{}.ElementType()),
			outputs: outputNames(network.PrivateEndpoint{}),
			name:    autoname{property: "privateEndpointName"},
			located: true,
			// Not the location: a change is rejected, as by ARM. https://github.com/pulumi/pulumi-azure-native/issues/3883
			immutable: []string{"privateEndpointName", "resourceGroupName", "subnet"},
			arm:       arm{is: isPrivateEndpoint, id: newPrivateEndpoint, rules: checkPrivateEndpoint, returns: privateEndpointOutputs},
		}),
		armKind(&kind{
			token:     "azure-native:network:PrivateDnsZoneGroup",
			inputs:    schemaOf(network.PrivateDnsZoneGroupArgs{}.ElementType()),
			outputs:   outputNames(network.PrivateDnsZoneGroup{}),
			name:      autoname{property: "privateDnsZoneGroupName"},
			immutable: []string{"privateDnsZoneGroupName", "privateEndpointName", "resourceGroupName"},
			arm:       arm{is: isZoneGroup, id: newZoneGroup, rules: checkZoneGroup, returns: zoneGroupOutputs},
		}),
		armKind(&kind{
			token:     "azure-native:insights:DiagnosticSetting",
			inputs:    schemaOf(insights.DiagnosticSettingArgs{}.ElementType()),
			outputs:   outputNames(insights.DiagnosticSetting{}),
			name:      autoname{property: "name"},
			immutable: []string{"name", "resourceUri"},
			arm: arm{
				is: isDiagnosticSetting, id: extensionID("microsoft.insights/diagnosticSettings", "resourceUri", "name"),
				rules: checkDiagnosticSetting, returns: diagnosticSettingOutputs,
			},
		}),
	}
}
