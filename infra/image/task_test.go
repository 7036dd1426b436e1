package image

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/config"
)

// What ACR Tasks make of the steps: they put values into the text, read it as YAML, and give each command to a shell.
func TestImportStep(t *testing.T) {
	t.Parallel()
	const username, password = `robot$ci+shop`, `p #: {a}\ "q" $x` //nolint:gosec // G101: of nobody
	step, err := importStep(config.Image{Repository: "app", Tag: "1.0.0", Import: &config.Import{
		Source: "harbor.example.com/shop/app:1.0.0", Username: username, Password: password,
	}}, "AzureUSGovernment")
	require.NoError(t, err)
	content, err := base64.StdEncoding.DecodeString(string(step.EncodedTaskContent.(pulumi.String)))
	require.NoError(t, err)
	require.NotContains(t, string(content), username)

	rendered := strings.NewReplacer("{{.Values.username}}", username, "{{.Values.password}}", password).Replace(string(content))
	var file struct {
		Steps []struct {
			Cmd     string
			Timeout int
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(rendered), &file))
	commands := make([]string, 0, len(file.Steps))
	for _, step := range file.Steps {
		commands = append(commands, step.Cmd)
		require.Equal(t, taskTimeout, step.Timeout, "600 seconds for all tries together are not enough for them")
	}
	require.Equal(t, []string{
		"az cloud set --name AzureUSGovernment",
		"az login --identity",
		"az acr import --name $RegistryName --force --source harbor.example.com/shop/app:1.0.0 --image app:1.0.0" +
			" --username='" + username + "' --password='" + password + "'",
	}, commands)
}
