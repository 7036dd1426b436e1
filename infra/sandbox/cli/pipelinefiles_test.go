//go:build linux

package cli

import (
	"fmt"
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

// azureKeys are the keys at each level of Azure Pipelines' published schema, and the inputs of the tasks that are used:
// https://learn.microsoft.com/azure/devops/pipelines/yaml-schema and .../pipelines/tasks/reference. They are copied here,
// because no Go module contains the schema.
var azureKeys = map[string]string{
	"pipeline":  "name trigger pr schedules parameters variables pool stages resources",
	"parameter": "name displayName type default values",
	"variable":  "name value readonly group template parameters",
	"trigger":   "batch branches paths tags",
	"pr":        "autoCancel branches paths drafts",
	"schedule":  "cron displayName branches batch always",
	"filter":    "include exclude",
	"resources": "builds containers pipelines repositories webhooks packages",
	"webhook":   "webhook connection type filters",
	"pool":      "name demands vmImage",
	"stage":     "stage displayName dependsOn condition variables jobs lockBehavior pool trigger isSkippable templateContext",
	"workspace": "clean",
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

// azureFiles are the pipelines of .azuredevops, with parameters that enable all jobs.
var azureFiles = map[string]map[string]any{
	"pipeline.yml": {"services": []any{map[string]any{"name": "order-api", "source": "."}}, "prEnvironments": true},
	"pr-close.yml": {"pullRequest": map[string]any{"resource": map[string]any{"pullRequestId": "1"}}},
}

// TestPipelineFilesOfAzure checks the expanded files of .azuredevops against the schema.
func TestPipelineFilesOfAzure(t *testing.T) {
	known := func(level string, object map[string]any, where string) {
		t.Helper()
		require.NotEmpty(t, azureKeys[level], "%s: %s", where, level)
		for key := range object {
			assert.Contains(t, strings.Fields(azureKeys[level]), key, "%s: a %s has no such key", where, level)
		}
	}
	for file, content := range pipelineFiles(t, ".azuredevops/*.yml", ".azuredevops/templates/*.yml") {
		var raw struct {
			Parameters []map[string]any `yaml:"parameters"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(content), &raw), file)
		for _, parameter := range raw.Parameters {
			known("parameter", parameter, file)
			assert.Contains(t, []string{"string", "object", "boolean"}, parameter["type"], file)
		}
	}
	levels := map[string]string{
		"trigger": "trigger", "pr": "pr", "schedules": "schedule", "branches": "filter", "paths": "filter", "variables": "variable",
		"resources": "resources", "webhooks": "webhook", "pool": "pool",
	}
	var below func(object map[string]any, where string)
	below = func(object map[string]any, where string) {
		for key, level := range levels {
			items, ok := object[key].([]any)
			if !ok {
				items = []any{object[key]}
			}
			for _, item := range items {
				if found, ok := item.(map[string]any); ok {
					known(level, found, where)
					below(found, where+": "+key)
				}
			}
		}
	}
	name := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	for file := range azureFiles {
		pipeline := azurePipeline(t, file)
		known("pipeline", pipeline, file)
		below(pipeline, file)
		for _, item := range pipeline["stages"].([]any) {
			stage := item.(map[string]any)
			known("stage", stage, file)
			assert.Regexp(t, name, stage["stage"])
		}
		for where, job := range azureJobs(pipeline, file) {
			known("job", job, where)
			if job["deployment"] != nil {
				assert.Regexp(t, name, job["deployment"])
			} else {
				assert.Regexp(t, name, job["job"])
			}
			for _, step := range azureSteps(job) {
				known("step", step, where)
				if task, ok := step["task"].(string); ok {
					inputs := step["inputs"].(map[string]any)
					known(task, inputs, where)
					if task == "GoTool@0" { // There is no go1.26.linux-amd64.tar.gz: https://github.com/microsoft/azure-pipelines-tasks/issues/19690
						assert.Regexp(t, `^\d+\.\d+\.\d+$`, inputs["version"], where)
					}
				}
			}
		}
	}
}

// TestPipelineStacksWithDashes: a stage's name has no dash, but a stack's can: https://learn.microsoft.com/azure/devops/pipelines/yaml-schema/stages-stage
func TestPipelineStacksWithDashes(t *testing.T) {
	d := &azurePipelinesDouble{t: t, reason: "IndividualCI"}
	expanded := d.read(filepath.Join("..", "..", "..", ".azuredevops", "templates", "stack.yml"), map[string]any{
		"stack": "test-eu", "after": "Build", "run": "deploy", "rollbackTo": "none", "unapproved": "true",
	})
	var names []string
	for _, item := range expanded["stages"].([]any) {
		names = append(names, item.(map[string]any)["stage"].(string))
	}
	require.Equal(t, []string{"Preview_test_eu", "Deploy_test_eu", "Drift_test_eu", "Rotate_test_eu"}, names)
	deploy := expanded["stages"].([]any)[1].(map[string]any)
	require.Equal(t, "Preview_test_eu", deploy["dependsOn"])
	job := deploy["jobs"].([]any)[0].(map[string]any)
	require.Equal(t, "test-eu", job["environment"])
	require.Contains(t, fmt.Sprint(job["variables"]), "stageDependencies.Preview_test_eu.")
}

func azurePipeline(t *testing.T, file string) map[string]any {
	t.Helper()
	return azurePipelineFor(t, file, "IndividualCI")
}

func azurePipelineFor(t *testing.T, file, reason string) map[string]any {
	t.Helper()
	d := &azurePipelinesDouble{t: t, reason: reason}
	return d.read(filepath.Join("..", "..", "..", ".azuredevops", file), azureFiles[file])
}

// azureJobs returns the jobs of a pipeline by file, stage and number.
func azureJobs(pipeline map[string]any, file string) map[string]map[string]any {
	jobs := map[string]map[string]any{}
	for _, item := range pipeline["stages"].([]any) {
		stage := item.(map[string]any)
		for i, job := range stage["jobs"].([]any) {
			jobs[fmt.Sprintf("%s: %s: job %d", file, stage["stage"], i)] = job.(map[string]any)
		}
	}
	return jobs
}

func azureSteps(job map[string]any) []map[string]any {
	list, ok := job["steps"].([]any)
	if !ok {
		list = job["strategy"].(map[string]any)["runOnce"].(map[string]any)["deploy"].(map[string]any)["steps"].([]any)
	}
	var steps []map[string]any
	for _, step := range list {
		steps = append(steps, step.(map[string]any))
	}
	return steps
}

// gitHubWorkflow holds tested parts of a .github workflow or action.
type gitHubWorkflow struct {
	Jobs map[string]gitHubJob `yaml:"jobs"`
	Runs gitHubJob            `yaml:"runs"`
}

type gitHubJob struct {
	TimeoutMinutes int `yaml:"timeout-minutes"`
	Steps          []struct {
		Run string `yaml:"run"`
	} `yaml:"steps"`
}

// gitHubJobs returns the jobs of .github by file and name.
func gitHubJobs(t *testing.T) map[string]gitHubJob {
	t.Helper()
	jobs := map[string]gitHubJob{}
	for file, content := range pipelineFiles(t, ".github/workflows/*.yml", ".github/actions/*/*.yml") {
		var workflow gitHubWorkflow
		require.NoError(t, yaml.Unmarshal([]byte(content), &workflow), file)
		if len(workflow.Runs.Steps) > 0 {
			jobs[file] = workflow.Runs
		}
		for name, job := range workflow.Jobs {
			jobs[file+": "+name] = job
		}
	}
	return jobs
}

// TestPipelineTimeouts: a job that changes a stack outlasts the longest release.timeoutSeconds, an hour, plus a rollback. A job
// killed earlier leaves a locked state and an unfinished release.
func TestPipelineTimeouts(t *testing.T) {
	const longest = 2 * 60
	changes := regexp.MustCompile(`(?m) -- pulumi (up|destroy) `)
	found := 0
	for file := range azureFiles {
		for where, job := range azureJobs(azurePipeline(t, file), file) {
			for _, step := range azureSteps(job) {
				if changes.MatchString(fmt.Sprint(step["bash"])) {
					minutes, _ := job["timeoutInMinutes"].(int)
					assert.Greater(t, minutes, longest, where)
					// A canceled engine finishes its operations before it is killed. The agent waits this long.
					minutes, _ = job["cancelTimeoutInMinutes"].(int)
					assert.GreaterOrEqual(t, minutes, 30, where)
					found++
				}
			}
		}
	}
	require.Equal(t, 6, found, "Deploy and Rotate of two stacks, a pull request's environment and its end")
	for where, job := range gitHubJobs(t) {
		for _, step := range job.Steps {
			if changes.MatchString(step.Run) {
				assert.Greater(t, job.TimeoutMinutes, longest, where)
				found++
			}
		}
	}
	require.Equal(t, 9, found)
}

// TestPipelineScriptsAreClosed finds values in scripts that an outsider controls: both hosts expand data of a branch or a pull
// request before the shell reads it, and its title would be run.
func TestPipelineScriptsAreClosed(t *testing.T) {
	allowed := []string{
		"Agent.TempDirectory", "Build.ArtifactStagingDirectory", "Build.BuildNumber", "Build.SourceVersion", "Pipeline.Workspace",
		"Build.SourcesDirectory", "System.JobAttempt", "System.PullRequest.PullRequestId", "System.StageAttempt", "deployUnapproved", "imageBuilder",
		"movingTag", "pulumiVersion", "secretsProvider",
		"stack", // validated by pr-close.yml
	}
	scripts := 0
	for file := range azureFiles {
		for where, job := range azureJobs(azurePipeline(t, file), file) {
			for _, step := range azureSteps(job) {
				script, _ := step["bash"].(string)
				if inputs, ok := step["inputs"].(map[string]any); ok && inputs["inlineScript"] != nil {
					script = inputs["inlineScript"].(string)
				}
				if script != "" {
					scripts++
				}
				for _, match := range macro.FindAllStringSubmatch(script, -1) {
					assert.Contains(t, allowed, match[1], where)
				}
			}
		}
	}
	require.Greater(t, scripts, 20)
	for where, job := range gitHubJobs(t) {
		for _, step := range job.Steps {
			assert.NotContains(t, step.Run, "${{", where)
		}
	}
}

// call matches a script line that acts on a stack, variable the variables in it.
var (
	call     = regexp.MustCompile(`(?m)^\s*(?:run: |- bash: )?((?:pulumi (?:stack|preview|up|destroy)|\./pipeline |\S*bundle/pipeline"? |az acr ).*)$`)
	variable = regexp.MustCompile(`\$\{\{.*?\}\}|\$\([\w.]+\)/images|\$\([\w.]+\)|\$\w+|\.\./images`)
)

// TestPipelineFilesAgree compares the calls of the two pipelines.
func TestPipelineFilesAgree(t *testing.T) {
	calls := func(patterns ...string) []string {
		found := map[string]bool{}
		for file, content := range pipelineFiles(t, patterns...) {
			require.NoError(t, yaml.Unmarshal([]byte(content), &map[string]any{}), file)
			for _, match := range call.FindAllStringSubmatch(content, -1) {
				line, _, _ := strings.Cut(match[1], " #")
				line = strings.ReplaceAll(variable.ReplaceAllString(line, "V"), `"`, "")
				line = strings.NewReplacer("V/bundle/pipeline", "bundle/pipeline", "test,prod", "V", "V/images", "images").Replace(line)
				found[regexp.MustCompile(` -(from|as-of|images-of|out) \S+`).ReplaceAllString(line, "")] = true
			}
		}
		return slices.Sorted(maps.Keys(found))
	}
	azure := calls(".azuredevops/*.yml", ".azuredevops/templates/*.yml")
	require.Greater(t, len(azure), 10)
	assert.Equal(t, azure, calls(".github/workflows/*.yml"))
}

// TestPipelineActionsArePinned finds dependencies that third parties could change: on GitHub, a tag can be moved to another
// commit. Azure Pipelines' tasks are part of the service, selected by major version.
func TestPipelineActionsArePinned(t *testing.T) {
	for pattern, pinned := range map[string]string{
		".github/workflows/*.yml": `^(\./\.github/\S+|[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$`,
		".github/actions/*/*.yml": `^[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`,
		".azuredevops/*/*.yml":    `^\w+@\d+$`,
	} {
		var used []string
		for file, content := range pipelineFiles(t, pattern) {
			for _, match := range regexp.MustCompile(`(?m)^\s*(?:- )?(?:uses|task):\s*(.*)$`).FindAllStringSubmatch(content, -1) {
				used = append(used, match[1])
				assert.Regexp(t, pinned, match[1], file)
			}
		}
		require.NotEmpty(t, used, pattern)
	}
}

// TestPipelineAnswers checks what both hosts' steps need besides their calls. Each was wrong once.
func TestPipelineAnswers(t *testing.T) {
	azure := pipelineFiles(t, ".azuredevops/*.yml", ".azuredevops/templates/*.yml")
	gitHub := pipelineFiles(t, ".github/workflows/*.yml", ".github/actions/*/*.yml")
	for _, files := range []map[string]string{azure, gitHub} {
		all := strings.Join(slices.Collect(maps.Values(files)), "\n")
		// gocloud.dev ignores AZURE_KEYVAULT_AUTH_VIA_CLI; azidentity, for backend and Key Vault, reads this:
		// https://pkg.go.dev/github.com/Azure/azure-sdk-for-go/sdk/azidentity#NewDefaultAzureCredential
		assert.NotContains(t, all, "AZURE_KEYVAULT_AUTH_VIA_CLI")
		assert.Regexp(t, "AZURE_TOKEN_CREDENTIALS[:=] ?AzureCLICredential", all)
		assert.NotRegexp(t, "(?i)registry_?name", all, "the registry's name is that of the stack's outputs")
		assert.NotRegexp(t, `(?m)^\s+mkdir [^-]`, all, "a folder may be there, on an agent of one's own")
		assert.NotRegexp(t, `(?m)^\s*(run: )?pulumi (preview|up|destroy)`, all, "pipeline run hides secrets")
	}
	pipeline := azurePipeline(t, "pipeline.yml")
	assert.Equal(t, true, pipeline["trigger"].(map[string]any)["batch"])
	assert.Contains(t, pipeline["trigger"].(map[string]any)["paths"].(map[string]any)["exclude"], "infra/docs")
	assert.Equal(t, false, pipeline["pr"].(map[string]any)["autoCancel"])
	timeout := ""
	for _, item := range pipeline["variables"].([]any) {
		if item.(map[string]any)["name"] == "PROCESS_SIGINT_TIMEOUT" {
			timeout = fmt.Sprint(item.(map[string]any)["value"])
		}
	}
	// Milliseconds: https://github.com/microsoft/azure-pipelines-agent/blob/master/src/Agent.Sdk/Knob/AgentKnobs.cs
	assert.Equal(t, "1500000", timeout)
	for _, item := range pipeline["stages"].([]any) {
		// Locks are per environment: https://learn.microsoft.com/azure/devops/pipelines/process/approvals#exclusive-lock
		stage := item.(map[string]any)
		if stage["lockBehavior"] != nil {
			assert.NotEmpty(t, stage["jobs"].([]any)[0].(map[string]any)["environment"], stage["stage"])
		}
	}
	for file := range azureFiles {
		for where, job := range azureJobs(azurePipeline(t, file), file) {
			assert.Equal(t, map[string]any{"clean": "all"}, job["workspace"], where)
		}
	}
	for file, content := range gitHub {
		var workflow struct {
			Jobs map[string]struct {
				If    string
				Uses  string
				Needs any
			}
		}
		require.NoError(t, yaml.Unmarshal([]byte(content), &workflow), file)
		for name, job := range workflow.Jobs {
			if strings.HasSuffix(file, "stack.yml") || strings.HasSuffix(file, "update.yml") || strings.Contains(job.Uses, "stack.yml") {
				assert.Contains(t, job.If, "!cancelled()", "%s: %s: GitHub skips it where a job before it was skipped", file, name)
			}
		}
	}
}

// TestPipelineIdentities: no identity of a pull request can change a stack, except its own environment's.
func TestPipelineIdentities(t *testing.T) {
	used := func(reason string) map[string]map[string]bool {
		stages := map[string]map[string]bool{}
		for where, job := range azureJobs(azurePipelineFor(t, "pipeline.yml", reason), "pipeline.yml") {
			for _, step := range azureSteps(job) {
				if step["task"] == "AzureCLI@2" {
					stage := strings.Split(where, ": ")[1]
					if stages[stage] == nil {
						stages[stage] = map[string]bool{}
					}
					stages[stage][step["inputs"].(map[string]any)["azureSubscription"].(string)] = true
				}
			}
		}
		return stages
	}
	only := func(stack string) map[string]bool { return map[string]bool{"acr-microservices-" + stack: true} }
	for _, reason := range []string{"IndividualCI", "Manual", "Schedule"} {
		stages := used(reason)
		assert.Equal(t, only("test"), stages["Build"], reason)
		for _, stack := range []string{"test", "prod"} {
			for _, stage := range []string{"Preview_", "Deploy_", "Drift_", "Rotate_"} {
				assert.Equal(t, only(stack), stages[stage+stack], reason)
			}
		}
	}
	stages := used("PullRequest")
	assert.Equal(t, only("preview"), stages["Preview_test"])
	assert.Equal(t, only("preview"), stages["Preview_prod"])
	assert.Equal(t, only("pr"), stages["Build"])
	assert.Equal(t, only("pr"), stages["Deploy_pull_request"])

	// `pipeline setup` makes the connection pr only with -pull-requests, and Azure Pipelines refuses a run if any of its stages names
	// a connection that does not exist, whatever the stage's condition: https://github.com/microsoft/SynapseML/pull/2529
	for _, reason := range []string{"IndividualCI", "PullRequest"} {
		d := &azurePipelinesDouble{t: t, reason: reason}
		pipeline := d.read(filepath.Join("..", "..", "..", ".azuredevops", "pipeline.yml"), map[string]any{"services": azureFiles["pipeline.yml"]["services"]})
		assert.NotRegexp(t, `acr-microservices-pr\b`, fmt.Sprint(pipeline), reason)
	}
}

// pipelineFiles returns the content of the repository's files by path.
func pipelineFiles(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join("..", "..", "..", pattern))
		require.NoError(t, err)
		for _, file := range files {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			found[file] = string(content)
		}
	}
	require.NotEmpty(t, found)
	return found
}
