package registry

import (
	"fmt"
	"maps"
	"slices"

	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/azure"
)

func (s *site) webhooks() error {
	for _, name := range slices.Sorted(maps.Keys(s.args.Webhooks)) {
		webhook := s.args.Webhooks[name]
		location := s.Location
		if webhook.Location != "" {
			location = pulumi.String(webhook.Location).ToStringOutput()
		}
		args := &acr.WebhookArgs{
			ResourceGroupName: s.ResourceGroup,
			RegistryName:      s.Name,
			WebhookName:       pulumi.String(name),
			Location:          location,
			// This and the headers often contain a token, and Azure does not return them either.
			ServiceUri: pulumi.ToSecret(pulumi.String(webhook.ServiceURI)).(pulumi.StringOutput),
			Actions:    pulumi.ToStringArray(webhook.Actions),
			Scope:      azure.Optional(webhook.Scope),
			Status:     status(config.ValueOr(webhook.Enabled, true)),
			Tags:       s.args.Tags,
		}
		if len(webhook.Headers) > 0 {
			args.CustomHeaders = pulumi.ToSecret(pulumi.ToStringMap(webhook.Headers)).(pulumi.StringMapOutput)
		}
		opts := []pulumi.ResourceOption{s.inside}
		if replica, ok := s.replicaIn[webhook.Location]; ok {
			// Azure refuses a webhook in a region where the registry has no replica yet.
			opts = append(opts, pulumi.DependsOn([]pulumi.Resource{replica}))
		}
		if _, err := acr.NewWebhook(s.ctx, s.name+"-"+name, args, opts...); err != nil {
			return fmt.Errorf("webhook %q: %w", name, err)
		}
	}
	return nil
}
