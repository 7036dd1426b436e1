package azuredouble

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

const webhookType = registryType + "/webhooks"

// maxWebhooks limits the webhooks of a registry.
// Source: https://learn.microsoft.com/azure/container-registry/container-registry-skus
var maxWebhooks = map[string]int{"Basic": 2, "Standard": 10, "Premium": 500}

var webhookActions = []string{"push", "delete", "quarantine", "chart_push", "chart_delete"}

// webhookSecrets are settings that ARM accepts, but does not return.
var webhookSecrets = []string{"customHeaders", "serviceUri"}

func (d *Double) createWebhook(in props) (string, error) {
	var id string
	err := d.change(func(s *state) error {
		registry, child, err := s.newChild(in, "webhooks", "webhookName")
		if err != nil {
			return err
		}
		if err := checkWebhookQuota(registry.Settings, len(s.children(registry, "webhooks"))+1); err != nil {
			return err
		}
		if err := checkLocation(in, webhookType); err != nil {
			return err
		}
		location := normalLocation(text(in, "location"))
		if !slices.ContainsFunc(append(s.children(registry, "replications"), registry), func(r *armResource) bool {
			return normalLocation(text(r.Settings, "location")) == location
		}) {
			return badRequest("WebhookLocationNotSupported", "The registry '%s' has no replica in the location '%s' of the webhook '%s'.",
				text(registry.Settings, "registryName"), location, text(in, "webhookName"))
		}
		id = child
		return d.putWebhook(s, id, in)
	})
	return id, err
}

func (d *Double) updateWebhook(id string, in props) error {
	return d.change(func(s *state) error {
		if _, err := s.find(id); err != nil {
			return err
		}
		return d.putWebhook(s, id, in)
	})
}

func (d *Double) putWebhook(s *state, id string, in props) error {
	if err := checkWebhook(in); err != nil {
		return err
	}
	shown := merge(nil, in)
	for _, secret := range webhookSecrets {
		delete(shown, secret) // it is never read, so it is not stored
	}
	return s.put(id, shown, d.now())
}

func checkWebhook(in props) error {
	at, err := url.Parse(text(in, "serviceUri"))
	if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" {
		return badRequest("WebhookServiceUriInvalid", "The service URI of the webhook '%s' is not an absolute http or https URI.",
			text(in, "webhookName"))
	}
	actions := texts(in, "actions")
	if len(actions) == 0 {
		return badRequest("WebhookActionsInvalid", "The webhook '%s' must have at least one action.", text(in, "webhookName"))
	}
	for _, action := range actions {
		if !slices.Contains(webhookActions, strings.ToLower(action)) {
			return badRequest("WebhookActionsInvalid", "The webhook action '%s' is invalid. Allowed values: %s.",
				action, strings.Join(webhookActions, ", "))
		}
	}
	return checkOneOf(props{"status": strings.ToLower(text(in, "status"))}, []oneOf{{[]string{"status"}, onOff}})
}

func checkWebhookQuota(registry props, count int) error {
	sku := text(registry, "sku", "name")
	if allowed := maxWebhooks[sku]; count > allowed {
		return badRequest("WebhookQuotaExceeded", "The requested feature webhook exceeds allowed quota %d for the SKU %s.", allowed, sku)
	}
	return nil
}

func webhookDefaults(props) props { return props{"scope": "", "status": "enabled"} }

// webhookOutputs are the properties that ARM returns.
func webhookOutputs(_ *state, r *armResource) props {
	full := merge(webhookDefaults(nil), r.Settings)
	full["status"] = strings.ToLower(text(full, "status"))
	outputs := childOutputs(r, "webhookName", webhookType)
	outputs["tags"] = props{}
	return withSettings(outputs, full, "actions", "scope", "status", "tags")
}

// childOutputs are ARM's outputs of any child of a registry.
func childOutputs(r *armResource, name, kind string) props {
	outputs := props{
		"name":              text(r.Settings, name),
		"provisioningState": "Succeeded",
		"systemData":        systemData(r),
		"type":              kind,
	}
	if location := text(r.Settings, "location"); location != "" {
		outputs["location"] = normalLocation(location)
	}
	return outputs
}

// unchangeable rejects a change that the provider sends as an update, but the service does not make.
func unchangeable(r *armResource, in props, names ...string) error {
	for _, name := range names {
		if was, wanted := fmt.Sprint(r.Settings[name]), fmt.Sprint(in[name]); !strings.EqualFold(was, wanted) {
			return badRequest("PropertyChangeNotAllowed", "Changing property '%s' of '%s' is not allowed.", name, r.ID)
		}
	}
	return nil
}
