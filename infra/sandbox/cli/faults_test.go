//go:build linux

package cli

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files of what the user sees")

func TestFaultsOfAzure(t *testing.T) {
	runInParallel(t)
	playFaults(t, azureFaults())
}

func TestFaultsOfTheCluster(t *testing.T) {
	runInParallel(t)
	playFaults(t, clusterFaults())
}

// playFaults runs scenarios in a sandbox, and compares the output of each with its golden file.
func playFaults(t *testing.T, scenarios []faultScenario) {
	t.Helper()
	b := newBox(t, "faults")
	transcripts := t.TempDir()
	args := []string{"faults", "--transcripts", transcripts}
	for _, s := range scenarios {
		args = append(args, "--only", s.name)
	}
	out, err := b.run(args...)
	require.NoError(t, err)
	assert.Regexp(t, fmt.Sprintf(`(?m)^%d faults: \d+ seen, \d+ recovered, 0 lost, `, len(scenarios)), out)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			said, err := os.ReadFile(filepath.Join(transcripts, s.name))
			if os.IsNotExist(err) && s.needs != nil {
				t.Skip(s.needs())
			}
			require.NoError(t, err)
			golden := filepath.Join("testdata", "faults", s.name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(usual(string(said))), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), usual(string(said)))
		})
	}
}

// usual returns the stable lines of a failure, without the variable parts: parallel successes, generated names, and addresses.
func usual(said string) string {
	said, _, _ = strings.Cut(said, "\nsandbox \"")
	for _, r := range []struct{ pattern, placeholder string }{
		{`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "GUID"},
		{`acrmicroservices(\w*?)[0-9a-f]{8}`, "acrmicroservicesXXXXXXXX"},
		{`acr-microservices-(dev|fresh)-[0-9a-f]{8}`, "acr-microservices-XXXXXXXX"},
		{`assigned \d+ minutes ago`, "assigned N minutes ago"},
		{`(struck \d+) of \d+`, "$1 of N"},
		{`\(0x[0-9a-f]+\)|0x[0-9a-f]+`, "0x"},
		{`customerapi-microservice-[0-9a-z-]+`, "customerapi-microservice-POD"},
		{`127\.0\.0\.1:\d+(->127\.0\.0\.1:\d+)?`, "ADDRESS"},
		{`\d\d:\d\d:\d\d`, "TIME"},
		{`/[^ "]*/faults/(home|pulumi)/`, "STATE/$1/"},
		// The file that does not fit depends on the earlier writes.
		{`saving update info: blob .*: no space left on device`, "saving update info: no space left on device"},
		{`\b\d+(\.\d+)?(ms|s)\b  FAILED`, "FAILED"},
		// Whether Helm can still roll back depends on the timing. The scenario's seen holds the reason itself.
		{`(release customerapi failed, and has been rolled back due to atomic being set|an error occurred while rolling back the release)[:.] .*`, "HELM'S ROLLBACK"},
		// So does Helm's operation when the cluster goes down.
		{`(original upgrade error: ).*(: Kubernetes cluster unreachable)`, "${1}WHATEVER${2}"},
	} {
		said = regexp.MustCompile(r.pattern).ReplaceAllString(said, r.placeholder)
	}
	// Lines that depend on the hour, on durations, or on other operations.
	incidental := regexp.MustCompile(`^  (create|update|delete|replace|import)\S* .*[0-9](ms|s)$|^  … |^  warning: the pull password is due to change|` +
		`: (Failed: Error: (ErrImagePull|ImagePullBackOff)|FailedToUpdateEndpointSlices: .*|Unhealthy: .*)$`)
	var lines []string
	for line := range strings.Lines(said) {
		if line = strings.TrimRight(line, " \n"); line != "" && !incidental.MatchString(line) && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// Scenario names are unique, and each manual step is described.
func TestFaultScenarios(t *testing.T) {
	names := map[string]bool{}
	for _, s := range faultScenarios() {
		assert.False(t, names[s.name], s.name)
		names[s.name] = true
		assert.NotEmpty(t, s.fault, s.name)
		assert.Equal(t, s.person != "", s.act != nil || s.refresh, "%s: what a person does", s.name)
	}
	some, err := chosen([]string{"node-gone"})
	require.NoError(t, err)
	assert.Len(t, some, 1)
}

// The documentation covers all advice of the sandbox.
func TestAdviceIsDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "troubleshooting.md"))
	require.NoError(t, err)
	for _, a := range advice {
		assert.True(t, strings.Contains(string(page), a.said), "the page says nothing about %q", a.said) //nolint:testifylint // Contains would print it all
	}
}

func TestAdvise(t *testing.T) {
	assert.Empty(t, advise(nil))
	assert.Equal(t, []string{again}, advise([]string{"ServiceUnavailable", "InternalServerError"}), "each thing once")
	assert.Empty(t, advise([]string{`Get "https://127.0.0.1:6443/version": read: connection reset by peer`}), "Azure has nothing to do with it")
	assert.Len(t, advise([]string{`Put "https://management.azure.com/subscriptions/1": read: connection reset by peer`}), 1)
	assert.Len(t, advise([]string{`Post "https://graph.microsoft.com/v1.0/1/applications": read: connection reset by peer`}), 1)
}

func TestStrays(t *testing.T) {
	inventory := []string{"/subscriptions/1/resourceGroups/a", "2", "3"}
	known := map[string]bool{"/subscriptions/1/resourceGroups/a": true, "2": true}
	assert.Equal(t, []string{"3"}, strays(inventory, known))
}
