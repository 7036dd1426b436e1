package azuredouble

import "reflect"

// The types of this file are those of the SDK's modules network/v2 and insights/v2, version 2.90.0, written down by hand:
// the modules themselves would be hundreds of thousands of lines to compile. A property whose own properties do not matter
// here is taken as it comes.

type privateEndpointArgs struct {
	ApplicationSecurityGroups           []any                          `pulumi:"applicationSecurityGroups"`
	CustomDNSConfigs                    []any                          `pulumi:"customDnsConfigs"`
	CustomNetworkInterfaceName          *string                        `pulumi:"customNetworkInterfaceName"`
	ExtendedLocation                    *extendedLocation              `pulumi:"extendedLocation"`
	ID                                  *string                        `pulumi:"id"`
	IPConfigurations                    []privateEndpointIP            `pulumi:"ipConfigurations"`
	Location                            *string                        `pulumi:"location"`
	ManualPrivateLinkServiceConnections []privateLinkServiceConnection `pulumi:"manualPrivateLinkServiceConnections"`
	PrivateEndpointName                 *string                        `pulumi:"privateEndpointName"`
	PrivateLinkServiceConnections       []privateLinkServiceConnection `pulumi:"privateLinkServiceConnections"`
	ResourceGroupName                   string                         `pulumi:"resourceGroupName"`
	Subnet                              *subnet                        `pulumi:"subnet"`
	Tags                                map[string]string              `pulumi:"tags"`
}

type extendedLocation struct {
	Name *string `pulumi:"name"`
	Type *string `pulumi:"type"`
}

type privateEndpointIP struct {
	GroupID          *string `pulumi:"groupId"`
	MemberName       *string `pulumi:"memberName"`
	Name             *string `pulumi:"name"`
	PrivateIPAddress *string `pulumi:"privateIPAddress"`
}

type privateLinkServiceConnection struct {
	GroupIDs                          []string `pulumi:"groupIds"`
	ID                                *string  `pulumi:"id"`
	Name                              *string  `pulumi:"name"`
	PrivateLinkServiceConnectionState *struct {
		ActionsRequired *string `pulumi:"actionsRequired"`
		Description     *string `pulumi:"description"`
		Status          *string `pulumi:"status"`
	} `pulumi:"privateLinkServiceConnectionState"`
	PrivateLinkServiceID *string `pulumi:"privateLinkServiceId"`
	RequestMessage       *string `pulumi:"requestMessage"`
}

// subnet is what a reference to a subnet needs. The SDK would take all of a subnet's settings here, and Azure ignore them.
type subnet struct {
	ID   *string `pulumi:"id"`
	Name *string `pulumi:"name"`
	Type *string `pulumi:"type"`
}

type zoneGroupArgs struct {
	ID                      *string      `pulumi:"id"`
	Name                    *string      `pulumi:"name"`
	PrivateDNSZoneConfigs   []zoneConfig `pulumi:"privateDnsZoneConfigs"`
	PrivateDNSZoneGroupName *string      `pulumi:"privateDnsZoneGroupName"`
	PrivateEndpointName     string       `pulumi:"privateEndpointName"`
	ResourceGroupName       string       `pulumi:"resourceGroupName"`
}

type zoneConfig struct {
	Name             *string `pulumi:"name"`
	PrivateDNSZoneID *string `pulumi:"privateDnsZoneId"`
}

type diagnosticSettingArgs struct {
	EventHubAuthorizationRuleID *string         `pulumi:"eventHubAuthorizationRuleId"`
	EventHubName                *string         `pulumi:"eventHubName"`
	LogAnalyticsDestinationType *string         `pulumi:"logAnalyticsDestinationType"`
	Logs                        []logSetting    `pulumi:"logs"`
	MarketplacePartnerID        *string         `pulumi:"marketplacePartnerId"`
	Metrics                     []metricSetting `pulumi:"metrics"`
	Name                        *string         `pulumi:"name"`
	ResourceURI                 string          `pulumi:"resourceUri"`
	ServiceBusRuleID            *string         `pulumi:"serviceBusRuleId"`
	StorageAccountID            *string         `pulumi:"storageAccountId"`
	WorkspaceID                 *string         `pulumi:"workspaceId"`
}

type logSetting struct {
	Category        *string          `pulumi:"category"`
	CategoryGroup   *string          `pulumi:"categoryGroup"`
	Enabled         bool             `pulumi:"enabled"`
	RetentionPolicy *retentionPolicy `pulumi:"retentionPolicy"`
}

type metricSetting struct {
	Category        *string          `pulumi:"category"`
	Enabled         bool             `pulumi:"enabled"`
	RetentionPolicy *retentionPolicy `pulumi:"retentionPolicy"`
	TimeGrain       *string          `pulumi:"timeGrain"`
}

type retentionPolicy struct {
	Days    int  `pulumi:"days"`
	Enabled bool `pulumi:"enabled"`
}

// networkKinds are what surrounds a registry: its way into a virtual network, and where its logs go.
func networkKinds() []*kind {
	return []*kind{
		armKind((&kind{
			token:  "azure-native:network:PrivateEndpoint",
			inputs: schemaOf(reflect.TypeFor[privateEndpointArgs]()),
			outputs: []string{
				"applicationSecurityGroups", "customDnsConfigs", "customNetworkInterfaceName", "etag", "extendedLocation", "ipConfigurations",
				"location", "manualPrivateLinkServiceConnections", "name", "networkInterfaces", "privateLinkServiceConnections",
				"provisioningState", "subnet", "tags", "type",
			},
			name:    autoname{property: "privateEndpointName"},
			located: true,
			// Not the location: a new one is refused, as by ARM. https://github.com/pulumi/pulumi-azure-native/issues/3883
			immutable: []string{"privateEndpointName", "resourceGroupName", "subnet"},
		}).with((*Double).createPrivateEndpoint, (*Double).updatePrivateEndpoint), isPrivateEndpoint, privateEndpointOutputs),
		armKind((&kind{
			token:     "azure-native:network:PrivateDnsZoneGroup",
			inputs:    schemaOf(reflect.TypeFor[zoneGroupArgs]()),
			outputs:   []string{"etag", "name", "privateDnsZoneConfigs", "provisioningState"},
			name:      autoname{property: "privateDnsZoneGroupName"},
			immutable: []string{"privateDnsZoneGroupName", "privateEndpointName", "resourceGroupName"},
		}).with((*Double).createZoneGroup, (*Double).updateZoneGroup), isZoneGroup, zoneGroupOutputs),
		armKind((&kind{
			token:  "azure-native:insights:DiagnosticSetting",
			inputs: schemaOf(reflect.TypeFor[diagnosticSettingArgs]()),
			outputs: []string{
				"eventHubAuthorizationRuleId", "eventHubName", "logAnalyticsDestinationType", "logs", "marketplacePartnerId", "metrics",
				"name", "serviceBusRuleId", "storageAccountId", "systemData", "type", "workspaceId",
			},
			name:      autoname{property: "name"},
			immutable: []string{"name", "resourceUri"},
		}).with((*Double).createDiagnosticSetting, (*Double).updateDiagnosticSetting), isDiagnosticSetting, diagnosticSettingOutputs),
	}
}
