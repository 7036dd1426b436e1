package azuredouble

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// maxWebhooks limits the webhooks of a registry.
// Source: https://learn.microsoft.com/azure/container-registry/container-registry-skus
var maxWebhooks = map[string]int{"Basic": 2, "Standard": 10, "Premium": 500}

var webhookActions = []string{"push", "delete", "quarantine", "chart_push", "chart_delete"}

func checkWebhook(c change) error {
	in, registry := c.in, c.registry()
	replicas := append(c.children(registry, "replications"), registry)
	if c.isNew() {
		if err := checkWebhookQuota(registry.Settings, len(c.children(registry, "webhooks"))+1); err != nil {
			return err
		}
	}
	if err := checkLocation(c); err != nil {
		return err
	}
	location := normalLocation(text(in, "location"))
	if c.isNew() && !slices.ContainsFunc(replicas, func(r *armResource) bool { return normalLocation(text(r.Settings, "location")) == location }) {
		return badRequest("WebhookLocationNotSupported", "The registry '%s' has no replica in the location '%s' of the webhook '%s'.",
			text(registry.Settings, "registryName"), location, text(in, "webhookName"))
	}
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

func webhookOutputs(_ *state, r *armResource) props {
	full := merge(props{"scope": "", "status": "enabled"}, r.Settings)
	full["status"] = strings.ToLower(text(full, "status"))
	return withSettings(props{"tags": props{}}, full, "actions", "scope", "status", "tags")
}

// unchangeable rejects a change that the provider sends as an update, but the service does not make.
func unchangeable(c change, names ...string) error {
	for _, name := range names {
		if was, wanted := fmt.Sprint(c.r.Settings[name]), fmt.Sprint(c.in[name]); !c.isNew() && !strings.EqualFold(was, wanted) {
			return badRequest("PropertyChangeNotAllowed", "Changing property '%s' of '%s' is not allowed.", name, c.r.ID)
		}
	}
	return nil
}
