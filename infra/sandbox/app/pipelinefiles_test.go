//go:build linux

package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// azureKeys are the keys that Azure Pipelines' published schema knows at each level, and the inputs of the tasks that are
// used: https://learn.microsoft.com/azure/devops/pipelines/yaml-schema and .../pipelines/tasks/reference
var azureKeys = map[string]string{
	"pipeline": "name trigger pr schedules parameters variables pool stages resources",
	"stage":    "stage displayName dependsOn condition variables jobs lockBehavior pool trigger isSkippable templateContext",
	"job": "job deployment displayName dependsOn condition strategy continueOnError pool workspace container services timeoutInMinutes " +
		"cancelTimeoutInMinutes variables environment steps uses",
	"step": "task bash checkout download artifact inputs displayName name condition continueOnError enabled env target " +
		"timeoutInMinutes retryCountOnTaskFailure workingDirectory failOnStderr clean fetchDepth fetchTags lfs submodules path persistCredentials patterns",
	"AzureCLI@2": "azureSubscription scriptType scriptLocation scriptPath inlineScript arguments powerShellErrorActionPreference " +
		"addSpnToEnvironment useGlobalConfig keepAzSessionActive workingDirectory failOnStandardError visibleAzLogin powerShellIgnoreLASTEXITCODE",
	"GoTool@0":                  "version goPath goBin",
	"Cache@2":                   "key path cacheHitVar restoreKeys",
	"PublishPipelineArtifact@1": "targetPath artifact publishLocation fileSharePath parallel parallelCount properties",
	"DownloadPipelineArtifact@2": "buildType project definition specificBuildWithTriggering buildVersionToDownload branchName pipelineId tags " +
		"allowPartiallySucceededBuilds allowFailedBuilds artifactName itemPattern targetPath",
}

// TestPipelineFilesOfAzure holds all that the files of .azuredevops expand to against the schema.
func TestPipelineFilesOfAzure(t *testing.T) {
	known := func(level string, object map[string]any, where string) {
		t.Helper()
		require.NotEmpty(t, azureKeys[level], "%s: %s", where, level)
		for key := range object {
			assert.Contains(t, strings.Fields(azureKeys[level]), key, "%s: a %s has no such key", where, level)
		}
	}
	d := &azurePipelinesDouble{t: t}
	name := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	for file, parameters := range map[string]map[string]any{
		"pipeline.yml": {"services": []any{map[string]any{"name": "order-api", "source": "."}}},
		"pr-close.yml": {"pullRequest": map[string]any{"resource": map[string]any{"pullRequestId": "1"}}},
	} {
		pipeline := d.read(filepath.Join("..", "..", "..", ".azuredevops", file), parameters)
		known("pipeline", pipeline, file)
		for _, item := range pipeline["stages"].([]any) {
			stage := item.(map[string]any)
			known("stage", stage, file)
			where := file + ": " + stage["stage"].(string)
			assert.Regexp(t, name, stage["stage"])
			for _, item := range stage["jobs"].([]any) {
				job := item.(map[string]any)
				known("job", job, where)
				steps, ok := job["steps"].([]any)
				if ok {
					assert.Regexp(t, name, job["job"])
				} else {
					steps = job["strategy"].(map[string]any)["runOnce"].(map[string]any)["deploy"].(map[string]any)["steps"].([]any)
					assert.Regexp(t, name, job["deployment"])
				}
				for _, item := range steps {
					step := item.(map[string]any)
					known("step", step, where)
					if task, ok := step["task"].(string); ok {
						known(task, step["inputs"].(map[string]any), where)
					}
				}
			}
		}
	}
}

// call is a line of a script that does something to a stack, its variables left out.
var (
	call     = regexp.MustCompile(`(?m)^\s*(?:run: |- bash: )?((?:pulumi (?:stack|preview|up|destroy)|\./pipeline |az acr ).*)$`)
	variable = regexp.MustCompile(`\$\{\{.*?\}\}|\$\([\w.]+\)/images|\$\([\w.]+\)|\$\w+|\.\./images`)
)

// TestPipelineFilesAgree holds the calls of the two pipelines against each other.
func TestPipelineFilesAgree(t *testing.T) {
	calls := func(patterns ...string) []string {
		found := map[string]bool{}
		for _, pattern := range patterns {
			files, err := filepath.Glob(filepath.Join("..", "..", "..", pattern))
			require.NoError(t, err)
			require.NotEmpty(t, files)
			for _, file := range files {
				content, err := os.ReadFile(file)
				require.NoError(t, err)
				require.NoError(t, yaml.Unmarshal(content, &map[string]any{}), file)
				for _, match := range call.FindAllStringSubmatch(string(content), -1) {
					line := strings.ReplaceAll(variable.ReplaceAllString(match[1], "V"), `"`, "")
					found[strings.Replace(line, " -from V", "", 1)] = true
				}
			}
		}
		return slices.Sorted(maps.Keys(found))
	}
	azure := calls(".azuredevops/*.yml", ".azuredevops/templates/*.yml")
	require.Greater(t, len(azure), 10)
	assert.Equal(t, azure, calls(".github/workflows/*.yml"))
}
