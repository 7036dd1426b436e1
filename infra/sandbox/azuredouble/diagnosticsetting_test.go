package azuredouble

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func diagnosticInputs(registry *deployed, more props) props {
	return merge(props{
		"name": "acme", "resourceUri": registry.id, "workspaceId": workspace,
		"logs":    []any{props{"categoryGroup": "allLogs", "enabled": true}},
		"metrics": []any{props{"category": "AllMetrics", "enabled": true}},
	}, more)
}

func TestDiagnosticSettingRules(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry := e.registry(nil)
	logs := func(l props) props { return props{"logs": []any{merge(props{"enabled": true}, l)}} }
	for name, c := range map[string]struct {
		change props
		want   string
	}{
		"unknown registry":             {props{"resourceUri": registry.id + "x"}, "ResourceNotFound"},
		"no destination":               {props{"workspaceId": ""}, "At least one data sink needs to be specified."},
		"workspace by its name":        {props{"workspaceId": "logs"}, "LinkedInvalidPropertyId"},
		"vault as a workspace":         {props{"workspaceId": vault}, "InvalidResourceReference"},
		"vault as a storage account":   {props{"storageAccountId": vault}, "InvalidResourceReference"},
		"no logs or metrics":           {props{"logs": []any{}, "metrics": []any{}}, "At least one enabled log or metric category"},
		"all categories disabled":      {props{"logs": []any{props{"categoryGroup": "allLogs", "enabled": false}}, "metrics": []any{}}, "At least one enabled"},
		"unknown category":             {logs(props{"category": "Everything"}), "Category 'Everything' is not supported."},
		"category group as a category": {logs(props{"category": "allLogs"}), "Category 'allLogs' is not supported."},
		"unknown category group":       {logs(props{"categoryGroup": "all"}), "Category group 'all' is not supported."},
		"category and category group":  {logs(props{"category": "ContainerRegistryLoginEvents", "categoryGroup": "allLogs"}), "either a category or a category group"},
		"unknown metrics":              {props{"metrics": []any{props{"category": "Some", "enabled": true}}}, "Metric category 'Some' is not supported."},
		"retention policy":             {logs(props{"categoryGroup": "audit", "retentionPolicy": props{"days": 7.0, "enabled": true}}), "does not support retention"},
		"unknown destination":          {props{"logAnalyticsDestinationType": "Mine"}, "'Mine' is not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			_, err := e.try(diagnosticTok, "acme", diagnosticInputs(registry, c.change))
			require.ErrorContains(t, err, c.want)
		})
	}
	setting := e.create(diagnosticTok, "acme", diagnosticInputs(registry, nil))
	assert.Equal(t, registry.id+"/providers/microsoft.insights/diagnosticSettings/acme", setting.id)
	assert.Equal(t, workspace, setting.out("workspaceId"))
	_, err := e.try(diagnosticTok, "second", diagnosticInputs(registry, props{"name": "second"}))
	require.ErrorContains(t, err, "already used in diagnostic setting 'acme' for category 'allLogs'")
	require.ErrorContains(t, e.update(setting, diagnosticInputs(registry, logs(props{"category": "x"}))), "Category 'x' is not supported.")
	require.NoError(t, e.update(setting, diagnosticInputs(registry, logs(props{"category": "ContainerRegistryLoginEvents"}))))
	for _, key := range []string{"name", "resourceUri"} {
		_, diff := e.plan(setting, diagnosticInputs(registry, props{key: "other"}))
		assert.Contains(t, diff.GetReplaces(), key)
	}
	for i := range 4 {
		e.create(diagnosticTok, fmt.Sprint(i), diagnosticInputs(registry, props{
			"name": fmt.Sprint("more", i), "workspaceId": fmt.Sprint(workspace, i),
		}))
	}
	_, err = e.try(diagnosticTok, "sixth", diagnosticInputs(registry, props{"name": "sixth", "workspaceId": workspace + "6"}))
	require.ErrorContains(t, err, "The limit of 5 diagnostic settings was reached.")
	e.create(diagnosticTok, "vault", diagnosticInputs(&deployed{id: vault}, logs(props{"category": "AuditEvent"})))

	e.destroy(registry)
	assert.False(t, e.refresh(setting))
}
