package infra

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/sdk"
)

// diagnostics sends the registry's logs, logins and what happens to repositories, and its metrics to the workspace.
func (s *registrySite) diagnostics() error {
	diagnostics := s.args.Diagnostics
	if diagnostics == nil {
		return nil
	}
	setting, err := sdk.NewAzureResource(s.ctx, "insights:DiagnosticSetting", s.name, pulumi.Map{
		"name":        pulumi.String(s.name),
		"resourceUri": s.id,
		"workspaceId": pulumi.String(diagnostics.WorkspaceID),
		"logs":        pulumi.Array{pulumi.Map{"categoryGroup": pulumi.String("allLogs"), "enabled": pulumi.Bool(true)}},
		"metrics":     pulumi.Array{pulumi.Map{"category": pulumi.String("AllMetrics"), "enabled": pulumi.Bool(true)}},
	}, s.parent)
	if err != nil {
		return fmt.Errorf("diagnostic setting: %w", err)
	}
	s.parts = append(s.parts, setting)
	return nil
}
