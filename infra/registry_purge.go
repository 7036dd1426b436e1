package infra

import (
	"encoding/base64"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/sdk"
)

// purge creates the ACR Task that deletes old tags on a schedule.
func (s *registrySite) purge() error {
	purge := s.args.Purge
	if purge == nil {
		return nil
	}
	steps, err := purge.TaskFile(s.args.PurgeFilters)
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	task, err := sdk.NewAzureResource(s.ctx, "containerregistry:Task", s.name+"-purge", pulumi.Map{
		"resourceGroupName":  s.group,
		"registryName":       s.registry,
		"taskName":           pulumi.String("purge"),
		"location":           s.location,
		"status":             pulumi.String("Enabled"),
		"platform":           pulumi.Map{"os": pulumi.String("Linux"), "architecture": pulumi.String("amd64")},
		"agentConfiguration": pulumi.Map{"cpu": pulumi.Int(2)},
		"timeout":            pulumi.Int(config.PurgeTimeoutSeconds),
		"credentials":        pulumi.Map{"sourceRegistry": pulumi.Map{"loginMode": pulumi.String("Default")}}, // its own registry
		"step": pulumi.Map{
			"type":               pulumi.String("EncodedTask"),
			"encodedTaskContent": pulumi.String(base64.StdEncoding.EncodeToString(steps)),
		},
		"trigger": pulumi.Map{"timerTriggers": pulumi.Array{pulumi.Map{
			"name":     pulumi.String("schedule"),
			"schedule": pulumi.String(purge.Schedule),
			"status":   pulumi.String("Enabled"),
		}}},
		"tags": s.args.Tags,
	}, s.parent)
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	s.parts = append(s.parts, task)
	return nil
}
