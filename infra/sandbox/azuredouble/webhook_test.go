package azuredouble

import (
	"fmt"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func webhookInputs(name string, more props) props {
	return merge(props{
		"resourceGroupName": testGroup, "registryName": testRegistry, "webhookName": name, "location": "westeurope",
		"serviceUri": "https://example.com/hook?code=token", "actions": []any{"push"},
	}, more)
}

func TestWebhookRules(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	_, err := e.try(webhookTok, "w", webhookInputs("deploy", nil))
	require.ErrorContains(t, err, "ResourceNotFound")
	registry := e.registry(props{"sku": props{"name": "Premium"}})
	for name, c := range map[string]struct {
		change props
		want   string
	}{
		"invalid URL":                {props{"serviceUri": "hook"}, "WebhookServiceUriInvalid"},
		"unsupported scheme":         {props{"serviceUri": "ftp://example.com"}, "WebhookServiceUriInvalid"},
		"no actions":                 {props{"actions": []any{}}, "must have at least one action"},
		"unknown action":             {props{"actions": []any{"push", "pull"}}, "The webhook action 'pull' is invalid."},
		"unknown status":             {props{"status": "on"}, "Allowed values: enabled, disabled."},
		"unknown location":           {props{"location": "atlantis"}, "LocationNotAvailableForResourceType"},
		"location without a replica": {props{"location": "uksouth"}, "has no replica in the location 'uksouth'"},
		"unknown resource group":     {props{"resourceGroupName": "none"}, "ResourceGroupNotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			_, err := e.try(webhookTok, "w", webhookInputs("deploy", c.change))
			require.ErrorContains(t, err, c.want)
		})
	}
	webhook := e.create(webhookTok, "w", webhookInputs("deploy", nil))
	assert.Equal(t, registry.id+"/webhooks/deploy", webhook.id)
	assert.Equal(t, "enabled", webhook.out("status"))
	require.ErrorContains(t, e.update(webhook, webhookInputs("deploy", props{"serviceUri": ""})), "WebhookServiceUriInvalid")
	require.NoError(t, e.update(webhook, webhookInputs("deploy", props{"status": "disabled", "scope": "customerapi:*"})))
	assert.Equal(t, "disabled", webhook.out("status"))
	_, diff := e.plan(webhook, webhookInputs("deploy", props{"location": "uksouth"}))
	assert.Equal(t, []string{"location"}, diff.GetReplaces())
	e.create(replicaTok, "r", props{
		"resourceGroupName": testGroup, "registryName": testRegistry, "replicationName": "uksouth", "location": "uksouth",
	})
	e.create(webhookTok, "there", webhookInputs("there", props{"location": "UK South"}))
}

func TestWebhookQuota(t *testing.T) {
	for _, sku := range []string{"Basic", "Standard", "Premium"} {
		t.Run(sku, func(t *testing.T) {
			e := newEngine(t, Options{})
			e.group()
			registry := e.registry(props{"sku": props{"name": sku}})
			want := fmt.Sprintf("The requested feature webhook exceeds allowed quota %d for the SKU %s.", maxWebhooks[sku], sku)
			require.NoError(t, e.double.change(func(s *state) error {
				for i := range maxWebhooks[sku] - 1 {
					name := fmt.Sprint("made", i)
					if err := s.put(&armResource{ID: registry.id + "/webhooks/" + name}, webhookInputs(name, nil), e.clock.now()); err != nil {
						return err
					}
				}
				return nil
			}))
			last := e.create(webhookTok, "last", webhookInputs("thelast", nil))
			_, err := e.try(webhookTok, "more", webhookInputs("onemore", nil))
			require.ErrorContains(t, err, want)
			if sku != "Basic" {
				require.ErrorContains(t, e.update(registry, registryInputs(nil)), "exceeds allowed quota 2 for the SKU Basic")
			}
			e.destroy(last)
			e.create(webhookTok, "more", webhookInputs("onemore", nil))
		})
	}
}

func TestWebhookSecretsAreNotStored(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	e.registry(nil)
	in := webhookInputs("deploy", props{"customHeaders": props{"Authorization": "token"}})
	webhook := e.create(webhookTok, "w", in)
	for _, key := range []resource.PropertyKey{"serviceUri", "customHeaders"} {
		assert.NotContains(t, webhook.outputs, key)
		assert.NotContains(t, e.double.current().resource(webhook.id).Settings, string(key))
	}
	require.True(t, e.refresh(webhook))
	_, diff := e.plan(webhook, in)
	assert.Empty(t, diff.GetDiffs())
	_, diff = e.plan(webhook, webhookInputs("deploy", nil))
	assert.Equal(t, []string{"customHeaders"}, diff.GetDiffs())
}
