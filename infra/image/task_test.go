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

// The test processes the steps like ACR Tasks, which insert the values into the text, parse it as YAML, and pass each command to a
// shell.
func TestImportStep(t *testing.T) {
	t.Parallel()
	const username, password = `robot$ci+shop`, `p #: {a}\ "q" $x` //nolint:gosec // G101: not a real login
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
		require.Equal(t, taskTimeout, step.Timeout, "the default of 600 seconds is not enough for all retries")
	}
	require.Equal(t, []string{
		"az cloud set --name AzureUSGovernment",
		"az login --identity",
		"az acr import --name $RegistryName --force --source harbor.example.com/shop/app:1.0.0 --image app:1.0.0" +
			" --username='" + username + "' --password='" + password + "'",
	}, commands)
}
