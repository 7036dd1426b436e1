package azuredouble

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

func TestPluginInfo(t *testing.T) {
	e := newEngine(t, Options{})
	for client, version := range map[pulumirpc.ResourceProviderClient]string{e.native: "2.90.0", e.ad: "5.53.5", e.classic: "6.32.0"} {
		info, err := client.GetPluginInfo(context.Background(), &emptypb.Empty{})
		require.NoError(t, err)
		assert.Equal(t, version, info.GetVersion())
		_, err = client.Attach(context.Background(), &pulumirpc.PluginAttach{Address: "127.0.0.1:1"})
		require.NoError(t, err)
		hello, err := client.Handshake(context.Background(), &pulumirpc.ProviderHandshakeRequest{})
		require.NoError(t, err)
		assert.True(t, hello.GetAcceptSecrets())
		assert.True(t, hello.GetSupportsAutonamingConfiguration())
		schema, err := client.GetSchema(context.Background(), &pulumirpc.GetSchemaRequest{})
		require.NoError(t, err)
		assert.Contains(t, schema.GetSchema(), version)
		_, err = client.Parameterize(context.Background(), &pulumirpc.ParameterizeRequest{})
		assert.Equal(t, codes.Unimplemented, status.Code(err))
	}
}

func TestUnknownTypeAndFunction(t *testing.T) {
	e := newEngine(t, Options{})
	_, err := e.native.Check(context.Background(), &pulumirpc.CheckRequest{Urn: urn("azure-native:storage:StorageAccount", "x")})
	require.ErrorContains(t, err, "azure-native:storage:StorageAccount is not in the Azure double")
	_, err = e.invoke("azure-native:storage:getStorageAccount", props{})
	require.ErrorContains(t, err, "not in the Azure double")
}

func TestCheckReportsAllErrors(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	for name, c := range map[string]struct {
		token string
		in    props
		want  []string
	}{
		"unknown property with a suggestion": {
			registryTok, registryInputs(props{"skuu": "Basic", "zzzzzzzzz": 1.0}),
			[]string{
				"skuu: unknown property 'skuu'", "zzzzzzzzz: unknown property 'zzzzzzzzz'",
			},
		},
		"unknown nested property": {
			registryTok, registryInputs(props{"policies": props{"retentionPolicy": props{"day": 3.0}}}),
			[]string{"policies: unknown property 'policies.retentionPolicy.day'"},
		},
		"missing required property": {
			registryTok,
			props{"resourceGroupName": testGroup, "registryName": testRegistry},
			[]string{"sku: missing required property 'sku'"},
		},
		"missing required nested property": {
			registryTok, registryInputs(props{"sku": props{}, "networkRuleSet": props{"ipRules": []any{props{}}}}),
			[]string{
				"networkRuleSet: missing required property 'networkRuleSet.defaultAction'",
				"networkRuleSet: missing required property 'networkRuleSet.ipRules[0].iPAddressOrRange'",
			},
		},
		"wrong types": {
			registryTok, registryInputs(props{
				"adminUserEnabled": "yes", "tags": []any{"a"}, "policies": props{"retentionPolicy": props{"days": 1.5}},
			}),
			[]string{
				"adminUserEnabled: 'adminUserEnabled' should be of type 'boolean' but got a string",
				"policies: 'policies.retentionPolicy.days' must be an integer but got 1.5",
				"tags: 'tags' should be of type 'map' but got an array",
			},
		},
		"registry name too short": {
			registryTok, registryInputs(props{"registryName": "abcd"}),
			[]string{"registryName: 'registryName' is too short (4): at least 5 characters required"},
		},
		"registry name too long": {
			registryTok, registryInputs(props{"registryName": "a12345678901234567890123456789012345678901234567890"}),
			[]string{"registryName: 'registryName' is too long (51): at most 50 characters allowed"},
		},
		"registry name with a dash": {
			registryTok, registryInputs(props{"registryName": "acme-registry"}),
			[]string{"registryName: 'registryName' does not match expression '^[a-zA-Z0-9]*$'"},
		},
		"invalid replica name": {
			replicaTok,
			props{"registryName": testRegistry, "resourceGroupName": testGroup, "replicationName": "uk-south"},
			[]string{"replicationName: 'replicationName' does not match expression '^[a-zA-Z0-9]*$'"},
		},
		"invalid webhook name": {
			webhookTok, webhookInputs("a-webhook", nil),
			[]string{"webhookName: 'webhookName' does not match expression '^[a-zA-Z0-9]*$'"},
		},
		"webhook without a URL": {
			webhookTok,
			props{"registryName": testRegistry, "resourceGroupName": testGroup, "webhookName": "deploy", "actions": []any{"push"}},
			[]string{"serviceUri: missing required property 'serviceUri'"},
		},
		"invalid cache rule name": {
			cacheTok, cacheRuleInputs("my_rule", nil),
			[]string{"cacheRuleName: 'cacheRuleName' does not match expression '" + dashed.String() + "'"},
		},
		"credential set with an unknown property": {
			credentialTok, credentialSetInputs("hub-", props{"user": "me"}),
			[]string{"user: unknown property 'user'"},
		},
		"invalid task name": {
			taskTok, taskInputs(props{"taskName": "my.task"}),
			[]string{"taskName: 'taskName' does not match expression '" + taskName.String() + "'"},
		},
		"private endpoint with unknown properties": {
			endpointTok,
			props{"resourceGroupName": testGroup, "privateLinkServiceConnections": []any{props{"groupId": "registry"}}, "subnetId": subnetID},
			[]string{
				"privateLinkServiceConnections: unknown property 'privateLinkServiceConnections[0].groupId'",
				"subnetId: unknown property 'subnetId'",
			},
		},
		"zone group without an endpoint": {
			zoneGroupTok,
			props{"resourceGroupName": testGroup, "privateDnsZoneConfigs": []any{props{"zone": zone}}},
			[]string{
				"privateEndpointName: missing required property 'privateEndpointName'",
				"privateDnsZoneConfigs: unknown property 'privateDnsZoneConfigs[0].zone'",
			},
		},
		"diagnostic setting without a resource": {
			diagnosticTok,
			props{"workspaceId": workspace, "logs": []any{props{"category": "x"}}, "metric": []any{}},
			[]string{
				"resourceUri: missing required property 'resourceUri'",
				"logs: missing required property 'logs[0].enabled'",
				"metric: unknown property 'metric'",
			},
		},
		"invalid lock name": {
			lockTok,
			props{"scope": "x", "level": "CanNotDelete", "lockName": "a/b"},
			[]string{"lockName: 'lockName' does not match expression '" + lockName.String() + "'"},
		},
		"lock without a level": {
			lockTok, props{"scope": "x", "lockName": "keep"}, []string{"level: missing required property 'level'"},
		},
		"invalid task step": {
			taskTok, taskInputs(props{"step": props{"encodedContent": "x", "values": []any{props{"name": "a"}}}}),
			[]string{
				"step: unknown property 'step.encodedContent'",
				"step: missing required property 'step.values[0].value'",
			},
		},
		"unknown type of task step": {
			taskTok, taskInputs(props{"step": props{"type": "Script"}}),
			[]string{"step: 'step.type' must be one of Docker, EncodedTask, FileTask, but is 'Script'"},
		},
		"invalid task trigger": {
			taskTok, taskInputs(props{"trigger": props{"timerTriggers": []any{props{"cron": "* * * * *"}}}}),
			[]string{
				"trigger: missing required property 'trigger.timerTriggers[0].name'",
				"trigger: missing required property 'trigger.timerTriggers[0].schedule'",
				"trigger: unknown property 'trigger.timerTriggers[0].cron'",
			},
		},
		"group name ends with a period": {
			groupType,
			props{"resourceGroupName": "rg.", "location": "westeurope"},
			[]string{"resourceGroupName: 'resourceGroupName' does not match expression '" + resourceGroupName.String() + "'"},
		},
		"no location": {
			groupType,
			props{"resourceGroupName": "new"},
			[]string{"location: missing required property 'location'. Either set it explicitly or configure it with" +
				" 'pulumi config set azure-native:location <value>'."},
		},
		"application without a name": {
			appType, props{}, []string{"displayName: missing required property 'displayName'"},
		},
		"application with an empty name and an unknown audience": {
			appType,
			props{"displayName": " ", "signInAudience": "everybody"},
			[]string{
				"displayName: 'displayName' must not be empty",
				`signInAudience: expected signInAudience to be one of ["AzureADMyOrg" "AzureADMultipleOrgs"` +
					` "AzureADandPersonalMicrosoftAccount" "PersonalMicrosoftAccount"], got everybody`,
			},
		},
		"application with an inline password": {
			appType,
			props{"displayName": "x", "password": props{"displayName": "p"}},
			[]string{"password: the Azure double has no passwords inside an application: use an ApplicationPassword"},
		},
		"service principal without a client id": {
			spType, props{}, []string{"clientId: exactly one of clientId, applicationId must be specified"},
		},
		"service principal with an application's resource id": {
			spType,
			props{"clientId": "/applications/" + otherGUID},
			[]string{`clientId: expected 'clientId' to be a valid UUID, got "/applications/` + otherGUID + `"`},
		},
		"application password with an object id": {
			appPassType,
			props{"applicationId": otherGUID},
			[]string{`applicationId: expected an application's resource ID of the form "/applications/<object id>", got "` +
				otherGUID + `"`},
		},
		"invalid password dates": {
			appPassType,
			props{"applicationObjectId": otherGUID, "startDate": "today", "endDate": "2026-01-01", "endDateRelative": "1h"},
			[]string{
				`startDate: expected 'startDate' to be a valid RFC3339 date, got "today"`,
				`endDate: expected 'endDate' to be a valid RFC3339 date, got "2026-01-01"`,
				"endDate: 'endDate' conflicts with 'endDateRelative'",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			_, failures := e.check(c.token, "x", nil, fromProps(c.in))
			assert.Equal(t, c.want, failures)
		})
	}
}

func TestCheckKeepsSecretsAndUnknowns(t *testing.T) {
	e := newEngine(t, Options{})
	in := fromProps(registryInputs(props{"resourceGroupName": unknown{}}))
	in["tags"] = resource.MakeSecret(resource.NewObjectProperty(resource.PropertyMap{"a": resource.NewStringProperty("b")}))
	out, failures := e.check(registryTok, "registry", nil, in)
	require.Empty(t, failures)
	assert.True(t, out["tags"].IsSecret())
	assert.True(t, out["resourceGroupName"].IsComputed())
	assert.True(t, out["location"].IsComputed(), "the location of a group whose name is unknown")
}

func TestAutonaming(t *testing.T) {
	e := newEngine(t, Options{})
	in := props{"location": "westeurope"}
	first, _ := e.check(groupType, "acme", nil, fromProps(in))
	name := first["resourceGroupName"].StringValue()
	assert.Regexp(t, `^acme[0-9a-f]{8}$`, name)
	again, _ := e.check(groupType, "acme", nil, fromProps(in))
	assert.Equal(t, name, again["resourceGroupName"].StringValue(), "the name depends on the seed alone")
	kept, _ := e.check(groupType, "renamed", first, fromProps(in))
	assert.Equal(t, name, kept["resourceGroupName"].StringValue(), "a resource keeps its name")

	e.group()
	registry, _ := e.check(registryTok, "acme", nil, fromProps(props{"resourceGroupName": testGroup, "sku": props{"name": "Basic"}}))
	assert.Regexp(t, `^acme[0-9a-f]{8}$`, registry["registryName"].StringValue())

	role, _ := e.check(roleType, "pull", nil, fromProps(props{"principalId": "x", "roleDefinitionId": "x", "scope": "x"}))
	assert.Regexp(t, `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, role["roleAssignmentName"].StringValue())
}

func TestAutonamingSettings(t *testing.T) {
	e := newEngine(t, Options{})
	check := func(token string, mode pulumirpc.CheckRequest_AutonamingOptions_Mode) *pulumirpc.CheckResponse {
		resp, err := e.native.Check(context.Background(), &pulumirpc.CheckRequest{
			Urn: urn(token, "acme"), RandomSeed: []byte(seed),
			News: wire(t, fromProps(props{
				"location": "westeurope", "principalId": "x", "roleDefinitionId": "x", "scope": "x",
			})),
			Autonaming: &pulumirpc.CheckRequest_AutonamingOptions{ProposedName: "proposed", Mode: mode},
		})
		require.NoError(t, err)
		return resp
	}
	name := func(r *pulumirpc.CheckResponse, key string) string {
		return r.GetInputs().GetFields()[key].GetStringValue()
	}
	assert.Equal(t, "proposed", name(check(groupType, pulumirpc.CheckRequest_AutonamingOptions_PROPOSE), "resourceGroupName"))
	assert.Equal(t, "proposed", name(check(groupType, pulumirpc.CheckRequest_AutonamingOptions_ENFORCE), "resourceGroupName"))
	assert.NotEqual(t, "proposed", name(check(roleType, pulumirpc.CheckRequest_AutonamingOptions_PROPOSE), "roleAssignmentName"))
	var reasons []string
	for _, f := range check(groupType, pulumirpc.CheckRequest_AutonamingOptions_DISABLE).GetFailures() {
		reasons = append(reasons, f.GetReason())
	}
	assert.Contains(t, reasons, "missing required property 'resourceGroupName'")
}

func TestDefaultLocation(t *testing.T) {
	e := newEngine(t, Options{})
	e.create(groupType, "group", props{"resourceGroupName": testGroup, "location": "North Europe"})
	location := func(olds resource.PropertyMap) string {
		in, failures := e.check(registryTok, "r", olds, fromProps(registryInputs(nil)))
		require.Empty(t, failures)
		return in["location"].StringValue()
	}
	assert.Equal(t, "northeurope", location(nil), "the location of the resource group")
	_, err := e.native.Configure(context.Background(), &pulumirpc.ConfigureRequest{
		Args: wire(t, fromProps(props{"location": "uksouth"})), AcceptSecrets: true,
	})
	require.NoError(t, err)
	assert.Equal(t, "uksouth", location(nil), "the location of the configuration")
	assert.Equal(t, "westus", location(fromProps(props{"location": "westus"})), "the existing location of the resource")
}

func TestConfigureAcceptsAllSettings(t *testing.T) {
	e := newEngine(t, Options{})
	in := wire(t, fromProps(props{"subscriptionId": otherGUID, "useOidc": "true"}))
	typ := "pulumi:providers:azure-native"
	checked, err := e.native.CheckConfig(context.Background(), &pulumirpc.CheckRequest{Urn: urn(typ, "default"), News: in})
	require.NoError(t, err)
	assert.Empty(t, checked.GetFailures())
	diff, err := e.native.DiffConfig(context.Background(), &pulumirpc.DiffRequest{Urn: urn(typ, "default"), News: in})
	require.NoError(t, err)
	assert.Equal(t, pulumirpc.DiffResponse_DIFF_NONE, diff.GetChanges())
	_, err = e.native.Configure(context.Background(), &pulumirpc.ConfigureRequest{})
	require.NoError(t, err)
}

func TestPreviewLeavesOutputsUnknown(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	inputs, failures := e.check(registryTok, "registry", nil, fromProps(registryInputs(nil)))
	require.Empty(t, failures)
	resp, err := e.native.Create(context.Background(), &pulumirpc.CreateRequest{
		Urn: urn(registryTok, "registry"), Properties: wire(t, inputs), Preview: true,
	})
	require.NoError(t, err)
	assert.Empty(t, resp.GetId())
	out := unwire(t, resp.GetProperties())
	assert.True(t, out["loginServer"].IsComputed())
	assert.True(t, out["name"].IsComputed())
	assert.Equal(t, "westeurope", out["location"].StringValue())
	assert.False(t, e.double.RegistryExists("acme12345.azurecr.io"), "a preview creates nothing")

	registry := e.registry(nil)
	news, diff := e.plan(registry, registryInputs(props{"sku": props{"name": "Standard"}}))
	require.Equal(t, pulumirpc.DiffResponse_DIFF_SOME, diff.GetChanges())
	preview, err := e.native.Update(context.Background(), &pulumirpc.UpdateRequest{
		Id: registry.id, Urn: urn(registryTok, "registry"), Olds: wire(t, registry.outputs), News: wire(t, news), Preview: true,
	})
	require.NoError(t, err)
	out = unwire(t, preview.GetProperties())
	assert.Equal(t, testRegistry, out["name"].StringValue(), "the name cannot change")
	assert.True(t, out["loginServer"].IsComputed())

	app := e.create(appType, "app", props{"displayName": "a"})
	preview, err = e.ad.Update(context.Background(), &pulumirpc.UpdateRequest{
		Id: app.id, Urn: urn(appType, "app"), Olds: wire(t, app.outputs),
		News: wire(t, fromProps(props{"displayName": "b"})), Preview: true,
	})
	require.NoError(t, err)
	out = unwire(t, preview.GetProperties())
	assert.Equal(t, app.out("clientId"), out["clientId"].StringValue(), "azuread keeps known outputs")
	assert.Equal(t, "b", out["displayName"].StringValue())
}

func TestReplacements(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry := e.registry(nil)
	id := e.identity("pull")
	assignment := e.assign("pull", id.objectID(), acrPull, registry.id)
	password := e.create(appPassType, "p", props{"applicationId": id.app.id, "rotateWhenChanged": props{"month": "1"}})
	set := e.create(credentialTok, "c", credentialSetInputs("hub-login", nil))
	rule := e.create(cacheTok, "n", cacheRuleInputs("nginx", nil))
	task := e.create(taskTok, "t", taskInputs(nil))
	webhook := e.create(webhookTok, "w", webhookInputs("deploy", nil))
	for name, c := range map[string]struct {
		resource *deployed
		change   props
		path     string
		replaces bool
		deletes  bool // before the replacement
	}{
		"registry name":                 {registry, props{"registryName": "other12345"}, "registryName", true, true},
		"registry group":                {registry, props{"resourceGroupName": "other"}, "resourceGroupName", true, true},
		"registry location":             {registry, props{"location": "uksouth"}, "location", true, true},
		"registry SKU":                  {registry, props{"sku": props{"name": "Standard"}}, "sku.name", false, false},
		"registry tags":                 {registry, props{"tags": props{"a": "b"}}, "tags", false, false},
		"credential set name":           {set, props{"credentialSetName": "other"}, "credentialSetName", true, true},
		"credential set's registry":     {set, props{"registryName": "other12345"}, "registryName", true, true},
		"credential set's login server": {set, props{"loginServer": "ghcr.io"}, "loginServer", false, false},
		"rule name":                     {rule, props{"cacheRuleName": "other"}, "cacheRuleName", true, true},
		"rule's group":                  {rule, props{"resourceGroupName": "other"}, "resourceGroupName", true, true},
		"rule's source":                 {rule, props{"sourceRepository": "ghcr.io/a/b"}, "sourceRepository", false, false},
		"rule's credential set":         {rule, props{"credentialSetResourceId": set.id}, "credentialSetResourceId", false, false},
		"task name":                     {task, props{"taskName": "other"}, "taskName", true, true},
		"task's location":               {task, props{"location": "uksouth"}, "location", true, true},
		"task's timeout":                {task, props{"timeout": 600.0}, "timeout", false, false},
		"webhook name":                  {webhook, props{"webhookName": "other"}, "webhookName", true, true},
		"webhook location":              {webhook, props{"location": "uksouth"}, "location", true, true},
		"webhook URL":                   {webhook, props{"serviceUri": "https://example.com"}, "serviceUri", false, false},
		"role scope":                    {assignment, props{"scope": "/subscriptions/x"}, "scope", true, false},
		"role principal":                {assignment, props{"principalId": otherGUID}, "principalId", true, false},
		"role definition":               {assignment, props{"roleDefinitionId": e.roleID(acrPush)}, "roleDefinitionId", true, false},
		"role description":              {assignment, props{"description": "x"}, "description", false, false},
		"client id":                     {id.principal, props{"clientId": otherGUID}, "clientId", true, false},
		"display name":                  {id.app, props{"displayName": "x"}, "displayName", false, false},
		"password start date":           {password, props{"startDate": "2026-01-01T00:00:00Z"}, "startDate", true, false},
		"password end date":             {password, props{"endDate": "2027-01-01T00:00:00Z"}, "endDate", true, false},
		"password's relative end date":  {password, props{"endDateRelative": "24h"}, "endDateRelative", true, false},
		"password name":                 {password, props{"displayName": "x"}, "displayName", true, false},
		"password rotation":             {password, props{"rotateWhenChanged": props{"month": "2"}}, "rotateWhenChanged.month", true, false},
		"password's application":        {password, props{"applicationId": "/applications/" + otherGUID}, "applicationId", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			in := toProps(c.resource.inputs)
			if c.resource == assignment {
				delete(in, "roleAssignmentName") // it was generated
			}
			for k, v := range c.change {
				in[k] = v
			}
			_, diff := e.plan(c.resource, in)
			assert.Equal(t, pulumirpc.DiffResponse_DIFF_SOME, diff.GetChanges())
			assert.True(t, diff.GetHasDetailedDiff())
			assert.Contains(t, diff.GetDetailedDiff(), c.path)
			if c.replaces {
				assert.Equal(t, []string{c.path}, diff.GetReplaces())
			} else {
				assert.Empty(t, diff.GetReplaces())
			}
			assert.Equal(t, c.deletes, diff.GetDeleteBeforeReplace())
		})
	}
}

func TestGeneratedNamesAreCreatedBeforeDeletion(t *testing.T) {
	e := newEngine(t, Options{})
	in := props{"location": "westeurope"}
	group := e.create(groupType, "g", in)
	_, diff := e.plan(group, props{"location": "uksouth"})
	assert.Equal(t, []string{"location"}, diff.GetReplaces())
	assert.False(t, diff.GetDeleteBeforeReplace())
}

func TestNoDifference(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry := e.registry(props{"location": "West Europe", "sku": props{"name": "Premium"}})
	app := e.create(appType, "a", props{"displayName": "a"})
	for name, c := range map[string]struct {
		resource *deployed
		in       props
	}{
		"unchanged inputs":               {registry, registryInputs(props{"location": "West Europe", "sku": props{"name": "Premium"}})},
		"another spelling of a location": {registry, registryInputs(props{"location": "westeurope", "sku": props{"name": "Premium"}})},
		"explicit defaults of Entra":     {app, props{"displayName": "a", "signInAudience": "AzureADMyOrg", "preventDuplicateNames": false}},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			_, diff := e.plan(c.resource, c.in)
			assert.Equal(t, pulumirpc.DiffResponse_DIFF_NONE, diff.GetChanges(), "%v", diff.GetDiffs())
		})
	}
}

// made is a resource and its inputs in the program.
type made struct {
	*deployed
	in props
}

// everything creates one resource of each kind, in the order of a program.
func (e *engine) everything() []made {
	e.t.Helper()
	var all []made
	create := func(token, name string, in props) *deployed {
		e.t.Helper()
		r := e.create(token, name, in)
		all = append(all, made{r, in})
		return r
	}
	create(groupType, "group", props{"resourceGroupName": testGroup, "location": "westeurope"})
	registry := create(registryTok, "registry", registryInputs(props{
		"sku": props{"name": "Premium"}, "tags": props{"a": "b"}, "dataEndpointEnabled": true,
		"identity": props{"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": []any{userIdentity}},
	}))
	create(replicaTok, "r", props{
		"resourceGroupName": testGroup, "registryName": testRegistry, "replicationName": "uksouth", "location": "UK South",
	})
	create(webhookTok, "w", webhookInputs("deploy", nil))
	set := create(credentialTok, "c", credentialSetInputs("hub-login", nil))
	create(cacheTok, "n", cacheRuleInputs("nginx", props{"credentialSetResourceId": set.id}))
	create(taskTok, "t", taskInputs(nil))
	app := create(appType, "pull", props{"displayName": "pull"})
	principal := create(spType, "pull", props{"clientId": app.out("clientId")})
	create(appPassType, "pull", props{"applicationId": app.id, "rotateWhenChanged": props{"a": "b"}})
	create(roleType, "pull", props{
		"principalId": principal.out("objectId"), "principalType": "ServicePrincipal", "roleDefinitionId": e.roleID(acrPull),
		"scope": registry.id, "description": "pull",
	})
	endpoint := create(endpointTok, "acme", endpointInputs(registry, nil))
	create(zoneGroupTok, "acme", zoneGroupInputs(endpoint, nil))
	create(diagnosticTok, "acme", diagnosticInputs(registry, nil))
	create(lockTok, "lock", props{"scope": registry.id, "lockName": "keep", "level": "CanNotDelete", "notes": "keep it"})
	for _, r := range all { // some outputs depend on later resources
		inputs := r.inputs
		require.True(e.t, e.refresh(r.deployed), r.token)
		r.inputs = inputs
	}
	return all
}

func TestRefreshWithoutDriftChangesNothing(t *testing.T) {
	e := newEngine(t, Options{})
	for _, r := range e.everything() {
		before := *r.deployed
		require.True(t, e.refresh(r.deployed), r.token)
		assert.Equal(t, before.inputs, r.inputs, r.token)
		assert.Equal(t, before.outputs, r.outputs, r.token)
		_, diff := e.plan(r.deployed, r.in)
		assert.Equal(t, pulumirpc.DiffResponse_DIFF_NONE, diff.GetChanges(), "%s: %v", r.token, diff.GetDiffs())
	}
}

func TestImport(t *testing.T) {
	e := newEngine(t, Options{})
	registry := []string{
		"adminUserEnabled", "anonymousPullEnabled", "encryption", "identity.type", "metadataSearch", "networkRuleBypassOptions",
		"networkRuleSet", "policies", "publicNetworkAccess", "zoneRedundancy",
	}
	replica := []string{"regionEndpointEnabled", "tags", "zoneRedundancy"}
	webhook := []string{"scope", "serviceUri", "status", "tags"}
	taken := map[string][]string{
		registryTok: registry, replicaTok: replica, webhookTok: webhook, credentialTok: {"identity.type"},
		taskTok: {"agentConfiguration", "isSystemTask", "status", "timeout"},
		endpointTok: {
			"customDnsConfigs", "manualPrivateLinkServiceConnections",
			"privateLinkServiceConnections[0].id", "privateLinkServiceConnections[0].privateLinkServiceConnectionState",
			"resourceGuid",
		},
		zoneGroupTok: {"name"},
	}
	for _, r := range e.everything() {
		resp, err := e.client(r.token).Read(context.Background(), &pulumirpc.ReadRequest{
			Id: r.id, Urn: urn(r.token, r.name), Name: r.name, Type: r.token,
		})
		if r.token == appPassType {
			require.ErrorContains(t, err, "cannot be imported: its value is only known at its creation")
			continue
		}
		require.NoError(t, err, r.token)
		require.Equal(t, r.id, resp.GetId())
		imported := &deployed{
			token: r.token, name: r.name, id: r.id,
			inputs: unwire(t, resp.GetInputs()), outputs: unwire(t, resp.GetProperties()),
		}
		assert.Equal(t, r.outputs, imported.outputs, r.token)
		_, diff := e.plan(imported, r.in)
		// azure-native copies what the service has set, and Azure does not return a webhook's URL.
		assert.Equal(t, taken[r.token], diff.GetDiffs(), r.token)
		assert.Empty(t, diff.GetReplaces(), r.token)
	}
}

func TestImportOfMissingResources(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	for token, id := range map[string]string{
		groupType:   e.double.current().subscriptionID() + "/resourceGroups/none",
		registryTok: registryID(e.double.current(), testGroup, "none12345"),
		appType:     "/applications/" + otherGUID,
		spType:      otherGUID,
		replicaTok:  registryID(e.double.current(), testGroup, "none12345") + "/replications/uksouth",

		webhookTok:    registryID(e.double.current(), testGroup, "none12345") + "/webhooks/deploy",
		cacheTok:      registryID(e.double.current(), testGroup, "none12345") + "/cacheRules/nginx",
		credentialTok: registryID(e.double.current(), testGroup, "none12345") + "/credentialSets/hub-login",
		taskTok:       registryID(e.double.current(), testGroup, "none12345") + "/tasks/purge",
		lockTok:       e.double.current().subscriptionID() + "/providers/Microsoft.Authorization/locks/keep",
		endpointTok:   e.double.current().subscriptionID() + "/resourceGroups/none/providers/Microsoft.Network/privateEndpoints/acme",
		zoneGroupTok:  resourceGroupID(e.double.current(), testGroup) + "/providers/Microsoft.Network/privateEndpoints/acme/privateDnsZoneGroups/default",
		diagnosticTok: vault + "/providers/microsoft.insights/diagnosticSettings/acme",
	} {
		resp, err := e.client(token).Read(context.Background(), &pulumirpc.ReadRequest{Id: id, Urn: urn(token, "x")})
		require.NoError(t, err)
		assert.Empty(t, resp.GetId(), token)
	}
}

func TestImportOfAnotherType(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	_, err := e.native.Read(context.Background(), &pulumirpc.ReadRequest{Id: e.registry(nil).id, Urn: urn(groupType, "x")})
	require.ErrorContains(t, err, "is not the id of a azure-native:resources:ResourceGroup")
}

func TestDriftIsVisible(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry := e.registry(props{"location": "West Europe"})
	// Another user changes the registry.
	require.NoError(t, armOf(registryTok).update(t.Context(), e.double, registry.id, registryInputs(props{
		"location": "westeurope", "adminUserEnabled": true, "tags": props{"by": "hand"}, "publicNetworkAccess": "Enabled",
	})))
	require.True(t, e.refresh(registry))
	in := toProps(registry.inputs)
	assert.Equal(t, "West Europe", in["location"], "the program's spelling is kept")
	assert.Equal(t, true, in["adminUserEnabled"])
	assert.Equal(t, props{"by": "hand"}, in["tags"])
	assert.NotContains(t, in, "publicNetworkAccess", "a default that the program does not set is not drift")
	_, diff := e.plan(registry, registryInputs(props{"location": "West Europe"}))
	assert.Equal(t, []string{"adminUserEnabled", "tags"}, diff.GetDiffs())

	require.NoError(t, e.double.change(func(s *state) error {
		s.remove(registry.id, e.clock.now())
		return nil
	}))
	assert.False(t, e.refresh(registry))
}

func TestDestroyDeletesAllResources(t *testing.T) {
	e := newEngine(t, Options{})
	all := e.everything()
	assert.Len(t, e.double.Inventory(), len(all))
	for _, r := range slices.Backward(all) { // twice
		e.destroy(r.deployed)
		again := e.tryDestroy(r.deployed)
		require.Equal(t, strings.HasPrefix(r.token, "azuread:"), again != nil, "%s: only the provider azuread refuses: %v", r.token, again)
	}
	assert.Empty(t, e.double.Inventory())
}

func TestUpdateOfMissingResources(t *testing.T) {
	e := newEngine(t, Options{})
	for _, r := range e.everything() {
		in := r.in
		if r.token == appPassType {
			continue // they are never updated
		}
		require.NoError(t, e.double.change(func(s *state) error {
			clear(s.Resources)
			clear(s.Applications)
			clear(s.ServicePrincipals)
			return nil
		}))
		if r.token == roleType || r.token == endpointTok {
			in = toProps(r.inputs) // includes the generated name
		}
		assert.Regexp(t, "(?i)status[= ]404", e.update(r.deployed, in), r.token)
	}
}

func TestSecretInputsStaySecret(t *testing.T) {
	e := newEngine(t, Options{})
	in := fromProps(props{"location": "westeurope", "resourceGroupName": testGroup})
	in["tags"] = resource.MakeSecret(fromPlain(props{"a": "b"}))
	inputs, failures := e.check(groupType, "g", nil, in)
	require.Empty(t, failures)
	resp, err := e.native.Create(context.Background(), &pulumirpc.CreateRequest{Urn: urn(groupType, "g"), Properties: wire(t, inputs)})
	require.NoError(t, err)
	group := &deployed{token: groupType, name: "g", id: resp.GetId(), inputs: inputs, outputs: unwire(t, resp.GetProperties())}
	assert.True(t, group.outputs["tags"].IsSecret())
	require.True(t, e.refresh(group))
	assert.True(t, group.inputs["tags"].IsSecret())
	assert.True(t, group.outputs["tags"].IsSecret())
}

func TestFunctions(t *testing.T) {
	e := newEngine(t, Options{})
	native, err := e.invoke("azure-native:authorization:getClientConfig", props{})
	require.NoError(t, err)
	ad, err := e.invoke("azuread:index/getClientConfig:getClientConfig", props{})
	require.NoError(t, err)
	for _, key := range []string{"clientId", "objectId", "tenantId"} {
		assert.NotEmpty(t, native[key])
		assert.Equal(t, native[key], ad[key])
	}
	assert.NotEmpty(t, native["subscriptionId"])

	args := props{"resourceGroupName": testGroup, "registryName": testRegistry}
	_, err = e.invoke("azure-native:resources/v20220901:getResourceGroup", props{"resourceGroupName": testGroup})
	require.ErrorContains(t, err, `Status=404 Code="ResourceGroupNotFound" Message="Resource group 'rg' could not be found."`)
	_, err = e.invoke("azure-native:containerregistry:getRegistry", args)
	require.ErrorContains(t, err, "ResourceGroupNotFound")

	group := e.group()
	got, err := e.invoke("azure-native:resources/v20220901:getResourceGroup", props{"resourceGroupName": "RG"})
	require.NoError(t, err)
	assert.Equal(t, group.id, got["id"])
	_, err = e.invoke("azure-native:containerregistry:getRegistry", args)
	require.ErrorContains(t, err, "The Resource 'Microsoft.ContainerRegistry/registries/acme12345' under resource group 'rg' was not found.")

	registry := e.registry(nil)
	got, err = e.invoke("azure-native:containerregistry:getRegistry", args)
	require.NoError(t, err)
	assert.Equal(t, registry.id, got["id"])
	assert.Equal(t, "acme12345.azurecr.io", got["loginServer"])

	resp, err := e.native.Invoke(context.Background(), &pulumirpc.InvokeRequest{
		Tok: "azure-native:containerregistry:getRegistry", Args: wire(t, fromProps(props{"name": "x"})),
	})
	require.NoError(t, err)
	assert.Len(t, resp.GetFailures(), 3)
}

func TestFailedInitializationKeepsTheRegistry(t *testing.T) {
	var broken atomic.Bool
	var calls atomic.Int32
	broken.Store(true)
	e := newEngine(t, Options{OnRegistry: func(_ context.Context, server string) error {
		calls.Add(1)
		if broken.Load() {
			return errors.New("no images for " + server)
		}
		return nil
	}})
	e.group()
	inputs, _ := e.check(registryTok, "registry", nil, fromProps(registryInputs(nil)))
	_, err := e.native.Create(context.Background(), &pulumirpc.CreateRequest{
		Urn: urn(registryTok, "registry"), Properties: wire(t, inputs),
	})
	require.ErrorContains(t, err, "no images for acme12345.azurecr.io")
	details := status.Convert(err).Details()
	require.Len(t, details, 1)
	failed := details[0].(*pulumirpc.ErrorResourceInitFailed)
	registry := &deployed{
		token: registryTok, name: "registry", id: failed.GetId(), inputs: inputs, outputs: unwire(t, failed.GetProperties()),
	}
	assert.Equal(t, "acme12345.azurecr.io", registry.out("loginServer"))
	assert.True(t, e.double.RegistryExists("acme12345.azurecr.io"))

	require.ErrorContains(t, e.update(registry, registryInputs(nil)), "no images", "an update retries")
	broken.Store(false)
	require.NoError(t, e.update(registry, registryInputs(nil)))
	require.NoError(t, e.update(registry, registryInputs(nil)))
	assert.EqualValues(t, 3, calls.Load(), "there are no calls after the first success")
}

func TestCancel(t *testing.T) {
	started := make(chan struct{})
	e := newEngine(t, Options{OnRegistry: func(ctx context.Context, _ string) error {
		close(started)
		<-ctx.Done()
		return ctx.Err()
	}})
	e.group()
	go func() {
		<-started
		_, _ = e.native.Cancel(context.Background(), &emptypb.Empty{})
	}()
	_, err := e.try(registryTok, "registry", registryInputs(nil))
	require.ErrorContains(t, err, "context canceled")
	assert.True(t, e.double.RegistryExists("acme12345.azurecr.io"), "the engine is notified of the registry")
	e.create(groupType, "after", props{"resourceGroupName": "after", "location": "westeurope"}) // later requests still work
}

func TestCreationIsUndoneIfTheEngineExits(t *testing.T) {
	ctx, die := context.WithCancel(context.Background())
	undone := make(chan struct{})
	e := newEngine(t, Options{OnRegistry: func(ctx context.Context, _ string) error {
		die()
		<-ctx.Done()
		close(undone)
		return ctx.Err()
	}})
	e.group()
	inputs, _ := e.check(registryTok, "registry", nil, fromProps(registryInputs(nil)))
	_, err := e.native.Create(ctx, &pulumirpc.CreateRequest{Urn: urn(registryTok, "registry"), Properties: wire(t, inputs)})
	require.Equal(t, codes.Canceled, status.Code(err))
	<-undone
	require.Eventually(t, func() bool { return !e.double.RegistryExists("acme12345.azurecr.io") }, deadline, tick)
}
