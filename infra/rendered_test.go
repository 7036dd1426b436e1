package infra

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

// deployChart runs the program with one service and a chart of the manifest package's tests.
func deployChart(t *testing.T, service string, preview bool) (*graph, error) {
	t.Helper()
	return deploy(projecttest.ParseStack(t, []byte(`
config:
  azure-native:location: westeurope
  acr-microservices:services:
    api: `+service)), preview)
}

// A chart that runs another image, or cannot pull, is an error before any part of the release exists, in preview and update.
func TestRenderedChartIsChecked(t *testing.T) {
	t.Parallel()
	for service, want := range map[string]string{
		`{image: {tag: "1.0.0"}, chart: {path: infra/manifest/testdata/podinfo}}`:                                         "services.api.chart.keys.pullSecrets: Deployment \"api\" pulls",
		`{image: {tag: "1.0.0"}, chart: {path: infra/manifest/testdata/podinfo, keys: {pullSecrets: image.pullSecrets}}}`: "",
		`{image: {tag: "1.0.0"}, chart: {path: infra/manifest/testdata/podinfo, check: false}}`:                           "",
		`{image: {tag: "1.1.0"}, chart: {path: infra/manifest/testdata/umbrella}}`: "services.api.chart.keys.repository: no container runs acrmicroservicesdev01601972.azurecr.io/api:1.1.0, " +
			"but docker.io/shop/api:0.9.0, docker.io/wolfgangofner/orderapi:1.0.0",
		`{image: {tag: "1.0.0", digest: "sha256:` + strings.Repeat("a", 64) + `"}, chart: {path: infra/manifest/testdata/label}}`: "services.api.chart.keys.digest: ",
		// The error of semverCompare does not show the version: ErrInvalidSemVer of github.com/Masterminds/semver.
		`{image: {tag: "1.0.0", digest: "sha256:` + strings.Repeat("a", 64) + `"}, chart: {path: infra/manifest/testdata/label}, values: {atLeast: 1.0.0}}`: "services.api.chart.keys.digest: the chart does not render with the digest at the end of the tag; " +
			"name the value that takes the digest, or none to run the tag without it: ",
		`{image: {tag: "1.0.0", digest: "sha256:` + strings.Repeat("a", 64) + `"}, chart: {path: infra/manifest/testdata/label, keys: {digest: none}}, values: {atLeast: 1.0.0}}`: "",
		`{image: {tag: latest}, chart: {path: infra/manifest/testdata/label}, values: {atLeast: 1.0.0}}`:                                                                          "services.api.chart.check: the chart does not render: ",
		`{image: {tag: "1.0.0"}, chart: {path: infra/charts/microservice, keys: {pullSecrets: secrets.names}}}`:                                                                   "services.api.chart.keys.pullSecrets: the chart's schema does not allow what the stack sets here",
		`{image: {tag: "1.0.0"}, chart: {path: infra/charts/microservice, keys: {pullSecrets: pullSecrets}}}`:                                                                     "services.api.chart.keys.pullSecrets: the chart's schema does not allow what the stack sets here",
		`{image: {tag: "1.0.0"}, chart: {path: infra/charts/microservice, keys: {pullSecrets: "pulls[]"}}}`:                                                                       "services.api.chart.keys.pullSecrets: the chart's schema does not allow what the stack sets here",
		`{image: {tag: "1.0.0"}, chart: {path: infra/charts/microservice, keys: {repository: manager.image.repository}}}`:                                                         "services.api.chart.keys.repository: the chart's schema does not allow what the stack sets here",
		`{image: {tag: "1.0.0"}, values: {repository: x}}`:                                                                                                                        "services.api.chart.check: the chart does not render: ",
		`{image: {tag: "1.0.0"}, values: {env: {A: x}, secrets: {A: y}}}`:                                                                                                         "services.api.chart.check: the chart does not render: ",
	} {
		for _, preview := range []bool{true, false} {
			g, err := deployChart(t, service, preview)
			if want == "" {
				require.NoError(t, err, service)
				require.Contains(t, g.resources, "kubernetes:helm.sh/v3:Release api")
				continue
			}
			require.ErrorContains(t, err, want)
			require.NotContains(t, g.resources, "kubernetes:helm.sh/v3:Release api", service)
		}
	}
}

// The error about a chart that does not render shows no value when one of them is encrypted.
func TestRenderFaultHidesSecrets(t *testing.T) {
	t.Parallel()
	_, err := deployChart(t, `{image: {tag: "1.0.0"}, values: {env: {HUNTER2: x}, secrets: {HUNTER2: {secure: swordfish}}, podAnnotations: {a: HUNTER2}}}`, true)
	require.ErrorContains(t, err, "the chart does not render: ")
	require.ErrorContains(t, err, "env and secrets both set [secret]")
	require.NotContains(t, err.Error(), "swordfish")
}

// If a chart cannot be fetched for the check, the provider can perhaps still fetch it for the release.
func TestChartThatCannotBeFetched(t *testing.T) {
	t.Parallel()
	g, err := deployChart(t, `{image: {tag: "1.0.0"}, chart: {oci: "oci://charts.example.com/unreachable", version: 1.0.0}}`, true)
	require.NoError(t, err)
	require.Contains(t, g.resources, "kubernetes:helm.sh/v3:Release api")
	require.Contains(t, strings.Join(g.log, "\n"), "services.api.chart: the chart could not be checked: ")
}

// The provider gets nulls in a file, which is secret if the values are.
func TestNullsFile(t *testing.T) {
	t.Parallel()
	service := `{image: {tag: "1.0.0"}, values: {podLabels: null, resources: {limits: null}, env: {A: SECRET}}}`
	for secret, private := range map[string]bool{"plain": false, "{secure: hidden}": true} {
		g, err := deployChart(t, strings.ReplaceAll(service, "SECRET", secret), false)
		require.NoError(t, err)
		inputs := g.resources["kubernetes:helm.sh/v3:Release api"].inputs
		files := inputs["valueYamlFiles"]
		require.Equal(t, private, files.ContainsSecrets())
		require.Equal(t, private, inputs["values"].IsSecret())
		if private {
			files = files.SecretValue().Element
		}
		require.Equal(t, "podLabels: null\nresources:\n  limits: null\n", files.ArrayValue()[0].AssetValue().Text)
	}
}

var errUnreachable = errors.New("failed to pull chart: no such host")
