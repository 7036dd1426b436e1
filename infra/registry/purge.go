package registry

import (
	"encoding/base64"
	"fmt"

	tasks "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20190601preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/sdk"
)

// purge creates the ACR Task that deletes old tags on a schedule.
func (s *site) purge() error {
	purge := s.args.Purge
	if purge == nil {
		return nil
	}
	steps, err := purge.TaskFile(s.args.PurgeFilters)
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	if _, _, err := sdk.NewTask(s.ctx, s.name+"-purge", &tasks.TaskArgs{
		ResourceGroupName:  s.ResourceGroup,
		RegistryName:       s.Name,
		TaskName:           pulumi.String("purge"),
		Location:           s.Location,
		Status:             pulumi.String("Enabled"),
		Platform:           &tasks.PlatformPropertiesArgs{Os: pulumi.String("Linux"), Architecture: pulumi.String("amd64")},
		AgentConfiguration: &tasks.AgentPropertiesArgs{Cpu: pulumi.Int(2)},
		Timeout:            pulumi.Int(config.PurgeTimeoutSeconds),
		// The task logs in to its own registry.
		Credentials: &tasks.CredentialsArgs{SourceRegistry: &tasks.SourceRegistryCredentialsArgs{LoginMode: pulumi.String("Default")}},
		Step: &tasks.EncodedTaskStepArgs{
			Type:               pulumi.String("EncodedTask"),
			EncodedTaskContent: pulumi.String(base64.StdEncoding.EncodeToString(steps)),
		},
		Trigger: &tasks.TriggerPropertiesArgs{TimerTriggers: tasks.TimerTriggerArray{&tasks.TimerTriggerArgs{
			Name:     pulumi.String("schedule"),
			Schedule: pulumi.String(purge.Schedule),
			Status:   pulumi.String("Enabled"),
		}}},
		Tags: s.args.Tags,
	}, s.inside); err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	return nil
}
