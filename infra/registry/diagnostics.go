package registry

import (
	"fmt"

	insights "github.com/pulumi/pulumi-azure-native-sdk/insights/v2/v20210501preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// diagnostics sends the registry's logs (logins, and pushes, pulls and deletions) and its metrics to the workspace.
func (s *site) diagnostics() error {
	if s.args.Diagnostics == nil {
		return nil
	}
	if _, err := insights.NewDiagnosticSetting(s.ctx, s.name, &insights.DiagnosticSettingArgs{
		Name:        pulumi.String(s.name),
		ResourceUri: s.ID,
		WorkspaceId: pulumi.String(s.args.Diagnostics.WorkspaceID),
		Logs:        insights.LogSettingsArray{&insights.LogSettingsArgs{CategoryGroup: pulumi.String("allLogs"), Enabled: pulumi.Bool(true)}},
		Metrics:     insights.MetricSettingsArray{&insights.MetricSettingsArgs{Category: pulumi.String("AllMetrics"), Enabled: pulumi.Bool(true)}},
	}, s.parent); err != nil {
		return fmt.Errorf("diagnostic setting: %w", err)
	}
	return nil
}
