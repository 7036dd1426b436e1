package config

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestClouds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		around map[string]string
		cloud  Cloud
		tells  bool
		want   string
	}{
		"none":                         {cloud: publicCloud},
		"a name of azure-native":       {around: map[string]string{"azure-native:environment": "AzureUSGovernmentCloud"}, cloud: usGovernment, tells: true},
		"the first variable":           {around: map[string]string{"ARM_ENVIRONMENT": "china", "AZURE_ENVIRONMENT": "public"}, cloud: china, tells: true},
		"the second variable":          {around: map[string]string{"AZURE_ENVIRONMENT": "usgov"}, cloud: usGovernment, tells: true},
		"a variable says the same":     {around: map[string]string{"ARM_ENVIRONMENT": "Public"}, cloud: publicCloud},
		"another tool's name":          {around: map[string]string{"AZURE_ENVIRONMENT": "AzurePublicCloud"}, cloud: publicCloud, tells: true},
		"azuread does not know it":     {around: map[string]string{"ARM_ENVIRONMENT": "AzureCloud"}, cloud: publicCloud, tells: true},
		"the stack file wins":          {around: map[string]string{"azure-native:environment": "public", "ARM_ENVIRONMENT": "usgovernment"}, cloud: publicCloud, tells: true},
		"a variable of someone else":   {around: map[string]string{"azure-native:environment": "public", "AZURE_ENVIRONMENT": "dev"}, cloud: publicCloud, tells: true},
		"azure reads the second first": {around: map[string]string{"ARM_ENVIRONMENT": "public", "AZURE_ENVIRONMENT": "china"}, cloud: publicCloud, tells: true},
		"a wrong variable": {
			around: map[string]string{"ARM_ENVIRONMENT": "moon"}, cloud: publicCloud, tells: true,
			want: `configuration: ARM_ENVIRONMENT: "moon" is not one of china, public, usgovernment; ` +
				"azure-native:environment in the stack file would take precedence over this variable",
		},
		"a name of azuread": {
			around: map[string]string{"azure-native:environment": "usgovernment", "azuread:environment": "DOD"}, cloud: usGovernment, tells: true,
		},
		"azuread's name of the default": {around: map[string]string{"azuread:environment": "global"}, cloud: publicCloud},
		"a name that azuread does not know": {
			around: map[string]string{"azuread:environment": "azurecloud"}, cloud: publicCloud,
			want: `configuration: azuread:environment: "azurecloud" is not the cloud of azure-native:environment; leave it out`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			around := map[string]string{"azure-native:location": "westeurope"}
			maps.Copy(around, test.around)
			cfg, err := Parse(map[string]string{"services": `{"api":{}}`}, nil,
				Around{Stack: projecttest.StackName, Project: projecttest.Project, Root: root, Settings: around})
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, test.want)
			}
			require.Equal(t, test.cloud, cfg.Cloud)
			require.Equal(t, test.tells, cfg.TellsCloud)
		})
	}
}
