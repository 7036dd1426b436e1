//go:build linux

package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// azurePipelinesDouble simulates Azure Pipelines: it expands the templates of a pipeline, evaluates the conditions of the stages,
// and runs their steps in file order. It supports only the features that .azuredevops uses, and fails on any other.
type azurePipelinesDouble struct {
	t          *testing.T
	repository string            // to check out
	path       []string          // program folders
	env        map[string]string // of each agent, besides the steps' own
	group      map[string]string // variables of the variable group
	predefined map[string]string // variables
	artifacts  string            // folder of the runs' artifacts
	runs       map[string]string // run ids by tag
	summaries  []string          // Markdown shown on the run's page
	issues     []string          // errors and warnings shown there
	workspace  string            // of the one self-hosted agent: it persists between jobs
	pulumiHome string            // of the sandbox; the agent's cache has its plugins
	reason     string            // Build.Reason, available in template expressions
}

// pipelineRun is one run of a pipeline.
type pipelineRun struct {
	*azurePipelinesDouble
	id        string
	variables map[string]any
	stages    []map[string]any
	results   map[string]string            // by stage
	outputs   map[string]map[string]string // of jobs, by "stage.job"
	log       string

	connections []string // service connections, in the order of their use
}

// start creates a run: stage runs one stage, and finish runs all.
func (d *azurePipelinesDouble) start(file, id string, variables map[string]string, parameters map[string]any) *pipelineRun {
	d.t.Helper()
	r := &pipelineRun{azurePipelinesDouble: d, id: id, results: map[string]string{}, outputs: map[string]map[string]string{}, variables: map[string]any{}}
	commit, err := exec.Command("git", "-C", d.repository, "rev-parse", "HEAD").Output()
	require.NoError(d.t, err)
	set := func(variables map[string]string) {
		for name, value := range variables {
			r.variables[name] = value
		}
	}
	d.reason = cmp.Or(variables["Build.Reason"], "IndividualCI")
	pipeline := d.read(filepath.Join(d.repository, ".azuredevops", file), parameters)
	if steps := pipeline["steps"]; steps != nil { // a pipeline of one job
		pipeline["stages"] = []any{map[string]any{"stage": "__default", "jobs": []any{map[string]any{"job": "Job", "steps": append([]any{map[string]any{"checkout": "self"}}, steps.([]any)...)}}}}
	}
	if named, ok := pipeline["variables"].(map[string]any); ok {
		pipeline["variables"] = []any{}
		for name, value := range named {
			r.variables[name] = value
		}
	}
	for _, item := range pipeline["variables"].([]any) { // later ones win
		if variable := item.(map[string]any); variable["group"] == "acr-microservices" {
			set(d.group)
		} else {
			r.variables[variable["name"].(string)] = variable["value"]
		}
	}
	set(d.predefined)
	set(map[string]string{
		"Build.BuildId": id, "Build.SourceVersion": strings.TrimSpace(string(commit)), "Build.Reason": d.reason,
		"Build.SourceBranch": "refs/heads/main", "System.StageAttempt": "1", "System.JobAttempt": "1", "System.TeamProjectId": "project", "System.DefinitionId": "1", "Agent.OS": "Linux",
	})
	set(variables)
	for _, stage := range pipeline["stages"].([]any) {
		r.stages = append(r.stages, stage.(map[string]any))
	}
	return r
}

// finish runs all stages, and returns the names of those whose condition was met, in order.
func (r *pipelineRun) finish() []string {
	r.t.Helper()
	var ran []string
	for _, stage := range r.stages {
		name := stage["stage"].(string)
		if r.stage(name) != "Skipped" {
			ran = append(ran, name)
		}
	}
	return ran
}

// stage runs one stage, and returns its result.
func (r *pipelineRun) stage(name string) string {
	r.t.Helper()
	index := slices.IndexFunc(r.stages, func(s map[string]any) bool { return s["stage"] == name })
	require.GreaterOrEqual(r.t, index, 0, "no stage %s", name)
	stage := r.stages[index]
	condition, ok := stage["condition"].(string)
	if !ok {
		condition = "succeeded()"
	}
	succeeded := true
	for _, other := range texts(stage["dependsOn"]) {
		succeeded = succeeded && r.results[other] == "Succeeded"
	}
	r.results[name] = "Skipped"
	if r.evaluate(condition, succeeded) != true {
		return "Skipped"
	}
	r.results[name] = "Succeeded"
	for _, item := range stage["jobs"].([]any) {
		if job := item.(map[string]any); !r.job(name, job) {
			r.results[name] = "Failed"
			break
		}
	}
	return r.results[name]
}

// job runs the steps of a job on its own agent, and returns whether all succeeded.
func (r *pipelineRun) job(stage string, job map[string]any) bool {
	r.t.Helper()
	if condition, ok := job["condition"].(string); ok && r.evaluate(condition, true) != true {
		return true
	}
	workspace := r.workspace
	if clean, ok := job["workspace"].(map[string]any); ok && clean["clean"] == "all" {
		require.NoError(r.t, os.RemoveAll(workspace))
	}
	require.NoError(r.t, os.RemoveAll(filepath.Join(workspace, "_temp")), "the agent's own folder")
	a := &agent{pipelineRun: r, workspace: workspace, variables: maps.Clone(r.variables), path: r.path, outputs: map[string]string{}}
	name, _ := job["job"].(string)
	steps, _ := job["steps"].([]any)
	if deployment, ok := job["deployment"].(string); ok {
		name = deployment
		require.NotEmpty(r.t, job["environment"])
		steps = job["strategy"].(map[string]any)["runOnce"].(map[string]any)["deploy"].(map[string]any)["steps"].([]any)
	} else if !strings.Contains(fmt.Sprint(steps), "map[checkout:") {
		r.t.Fatalf("job %s of stage %s says nothing of checkout", name, stage)
	}
	for key, folder := range map[string]string{
		"Pipeline.Workspace": "", "Build.SourcesDirectory": "s", "Build.ArtifactStagingDirectory": "a", "Agent.TempDirectory": "_temp",
	} {
		a.variables[key] = filepath.Join(workspace, folder)
		require.NoError(r.t, os.MkdirAll(filepath.Join(workspace, folder), 0o750))
	}
	if own, ok := job["variables"].(map[string]any); ok {
		for key, value := range own {
			if expression, ok := strings.CutPrefix(value.(string), "$["); ok {
				a.variables[key] = r.evaluate(strings.TrimSuffix(expression, "]"), true)
				continue
			}
			a.variables[key] = a.macros(value.(string))
		}
	}
	a.succeeded = true
	for _, item := range steps {
		step := item.(map[string]any)
		condition, ok := step["condition"].(string)
		if !ok {
			condition = "succeeded()"
		}
		if r.evaluateIn(a.variables, condition, a.succeeded) != true {
			continue
		}
		if err := a.step(step); err != nil {
			r.note("the step has failed: %v", err)
			a.succeeded = false
		}
	}
	r.outputs[stage+"."+name] = a.outputs
	for _, path := range a.caches { // the Cache task's post-job step
		if _, err := os.Stat(path); a.succeeded && err != nil {
			r.note("the step has failed: saving the cache: %v", err)
			return false
		}
	}
	return a.succeeded
}

func (r *pipelineRun) note(format string, args ...any) { r.log += fmt.Sprintf(format, args...) + "\n" }

// agent runs the steps of one job.
type agent struct {
	*pipelineRun
	workspace string
	variables map[string]any
	path      []string
	outputs   map[string]string
	caches    []string // folders to save when the job ends
	succeeded bool
}

var macro = regexp.MustCompile(`\$\(([\w.]+)\)`)

// macros replaces variables, and keeps unknown names as text.
func (a *agent) macros(text string) string {
	return macro.ReplaceAllStringFunc(text, func(match string) string {
		if value, ok := a.variables[match[2:len(match)-1]]; ok {
			return fmt.Sprint(value)
		}
		return match
	})
}

func (a *agent) step(step map[string]any) error {
	inputs := map[string]string{}
	if given, ok := step["inputs"].(map[string]any); ok {
		for key, value := range given {
			inputs[key] = a.macros(fmt.Sprint(value))
		}
	}
	a.note("== %v %v", step["task"], step["displayName"])
	switch {
	case step["checkout"] == "none", step["download"] == "none":
		return nil
	case step["checkout"] == "self":
		to := fmt.Sprint(a.variables["Build.SourcesDirectory"])
		if path, ok := step["path"].(string); ok {
			to = filepath.Join(a.workspace, path)
		}
		out, err := exec.Command("git", "clone", "--quiet", a.repository, to).CombinedOutput()
		a.note("%s", out)
		return err
	case step["download"] == "current":
		name := step["artifact"].(string)
		return a.download(a.id, name, filepath.Join(a.workspace, name))
	case step["bash"] != nil:
		return a.script(step, step["bash"].(string), fmt.Sprint(step["workingDirectory"]))
	}
	switch step["task"] {
	case "AzureCLI@2":
		connection, ok := strings.CutPrefix(inputs["azureSubscription"], "acr-microservices-")
		if inputs["azureSubscription"] == "AzureServiceConnection" { // of the example
			connection, ok = "example", inputs["keepAzSessionActive"] == "true"
		}
		if !ok || inputs["scriptType"] != "bash" || inputs["scriptLocation"] != "inlineScript" {
			return fmt.Errorf("AzureCLI@2 with %v", inputs)
		}
		a.connections = append(a.connections, connection)
		// https://learn.microsoft.com/azure/devops/pipelines/tasks/reference/azure-cli-v2
		step["env"] = map[string]any{
			"AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "id-of-" + connection, "AZURESUBSCRIPTION_CLIENT_ID": "client-of-" + connection, "AZURESUBSCRIPTION_TENANT_ID": "tenant",
		}
		return a.script(step, step["inputs"].(map[string]any)["inlineScript"].(string), inputs["workingDirectory"])
	case "GoTool@0":
		return nil
	case "Cache@2":
		if !strings.HasPrefix(inputs["path"], a.workspace) || inputs["key"] == "" {
			return fmt.Errorf("Cache@2 with %v", inputs)
		}
		if filepath.Base(inputs["path"]) != ".go" { // Go uses this machine's caches
			a.caches = append(a.caches, inputs["path"])
		}
		if filepath.Base(inputs["path"]) == "plugins" { // restored
			if err := os.MkdirAll(filepath.Dir(inputs["path"]), 0o750); err != nil {
				return err
			}
			return os.Symlink(filepath.Join(a.pulumiHome, "plugins"), inputs["path"])
		}
		return nil
	case "PublishPipelineArtifact@1":
		to := filepath.Join(a.artifacts, a.id, inputs["artifact"])
		if _, err := os.Stat(to); err == nil {
			return fmt.Errorf("artifact %s already exists", inputs["artifact"])
		}
		return copyArtifact(inputs["targetPath"], to)
	case "DownloadPipelineArtifact@2":
		return a.downloadTask(inputs)
	}
	return fmt.Errorf("this double does not know the step %v", step)
}

func (a *agent) downloadTask(inputs map[string]string) error {
	run := a.id
	if inputs["buildType"] == "specific" {
		if inputs["buildVersionToDownload"] != "specific" || inputs["definition"] != "1" || inputs["project"] != "project" {
			return fmt.Errorf("DownloadPipelineArtifact@2 with %v", inputs)
		}
		run = inputs["pipelineId"]
	}
	if name := inputs["artifactName"]; name != "" {
		return a.download(run, name, inputs["targetPath"])
	}
	folder, _, _ := strings.Cut(inputs["itemPattern"], "/")
	found, err := filepath.Glob(filepath.Join(a.artifacts, run, folder))
	for _, artifact := range found {
		err = errors.Join(err, copyArtifact(artifact, filepath.Join(inputs["targetPath"], filepath.Base(artifact))))
	}
	return err
}

func (a *agent) download(run, name, to string) error {
	from := filepath.Join(a.artifacts, run, name)
	if _, err := os.Stat(from); err != nil || name == "" {
		return fmt.Errorf("run %s has no artifact %q", run, name)
	}
	return copyArtifact(from, to)
}

// copyArtifact copies a file or a folder. Like an artifact, it loses execute permissions.
func copyArtifact(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if relative == "." {
			relative = filepath.Base(from)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o600)
	})
}

// script runs a script as the agent does, and executes the logging commands that it prints:
// https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
func (a *agent) script(step map[string]any, script, dir string) error {
	cmd := exec.Command("bash", "--noprofile", "--norc", "-c", a.macros(script))
	if cmd.Dir = a.macros(dir); dir == "" || dir == "<nil>" {
		cmd.Dir = fmt.Sprint(a.variables["Build.SourcesDirectory"])
	}
	env := map[string]string{"HOME": a.workspace, "TF_BUILD": "True"}
	for name, value := range a.variables {
		env[strings.ToUpper(strings.NewReplacer(".", "_", " ", "_").Replace(name))] = fmt.Sprint(value)
	}
	if given, ok := step["env"].(map[string]any); ok {
		for name, value := range given {
			env[name] = a.macros(value.(string))
		}
	}
	maps.Copy(env, a.env)
	env["PATH"] = strings.Join(append(slices.Clone(a.path), os.Getenv("PATH")), ":")
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	a.note("%s", out.String())
	for line := range strings.Lines(out.String()) {
		command, value, ok := strings.Cut(strings.TrimRight(strings.TrimPrefix(line, "##vso["), "\n"), "]")
		if !ok || !strings.HasPrefix(line, "##vso[") {
			continue
		}
		switch what, properties, _ := strings.Cut(command, " "); what {
		case "task.setvariable":
			name, output := strings.CutSuffix(strings.TrimPrefix(properties, "variable="), ";isOutput=true")
			if output {
				name = fmt.Sprint(step["name"]) + "." + name
				a.outputs[name] = value
			}
			a.variables[name] = value
		case "task.prependpath":
			a.path = append([]string{value}, a.path...)
		case "task.logissue":
			a.issues = append(a.issues, value)
		case "build.addbuildtag":
			a.runs[value] = a.id
		case "task.uploadsummary":
			text, err := os.ReadFile(value)
			if err != nil {
				return err
			}
			a.summaries = append(a.summaries, string(text))
		default:
			return fmt.Errorf("this double does not know %s", line)
		}
	}
	return err
}

// read reads a pipeline or a template, and expands it with parameters.
func (d *azurePipelinesDouble) read(path string, given map[string]any) map[string]any {
	d.t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(d.t, err)
	var file map[string]any
	require.NoError(d.t, yaml.Unmarshal(text, &file), path)
	parameters := map[string]any{}
	declared, _ := file["parameters"].([]any)
	for _, item := range declared {
		parameter := item.(map[string]any)
		name := parameter["name"].(string)
		value, ok := given[name]
		if !ok {
			value, ok = parameter["default"]
		}
		require.True(d.t, ok, "%s: parameter %s has no value", path, name)
		parameters[name] = value
	}
	if resources, ok := file["resources"].(map[string]any); ok {
		for _, item := range resources["webhooks"].([]any) {
			// A webhook's payload is a parameter, too; empty in a manual run.
			name := item.(map[string]any)["webhook"].(string)
			parameters[name] = given[name]
		}
	}
	for name := range given {
		require.Contains(d.t, parameters, name, "%s: unknown parameter", path)
	}
	delete(file, "parameters")
	e := expansion{double: d, dir: filepath.Dir(path), names: map[string]any{
		"parameters": parameters, "variables": map[string]any{"Build.Reason": d.reason},
	}}
	return e.expand(file).(map[string]any)
}

// expansion replaces template expressions: https://learn.microsoft.com/azure/devops/pipelines/process/template-expressions
type expansion struct {
	double *azurePipelinesDouble
	dir    string
	names  map[string]any
}

var templateExpression = regexp.MustCompile(`\$\{\{\s*(.*?)\s*\}\}`)

func (e expansion) expand(value any) any {
	switch value := value.(type) {
	case string:
		if match := templateExpression.FindStringSubmatch(value); len(match) > 1 && match[0] == value {
			return e.double.evaluateWith(match[1], true, e.names)
		}
		return templateExpression.ReplaceAllStringFunc(value, func(found string) string {
			result := e.double.evaluateWith(templateExpression.FindStringSubmatch(found)[1], true, e.names)
			if result == nil {
				return ""
			}
			return fmt.Sprint(result)
		})
	case []any:
		return e.list(value)
	case map[string]any:
		object := map[string]any{}
		for key, item := range value {
			if templateExpression.MatchString(key) {
				for _, chosen := range e.choose(key, item, otherwise(value, key)) {
					maps.Copy(object, chosen.(map[string]any))
				}
				continue
			}
			object[key] = e.expand(item)
		}
		return object
	}
	return value
}

// otherwise returns another key of the object that is an if, or an empty string.
func otherwise(object map[string]any, key string) string {
	for other := range object {
		if other != key && strings.Contains(other, "if ") {
			return other
		}
	}
	return ""
}

func (e expansion) list(items []any) []any {
	list := []any{}
	before := ""
	for _, item := range items {
		object, ok := item.(map[string]any)
		key := ""
		if ok && len(object) == 1 {
			key = slices.Collect(maps.Keys(object))[0]
		}
		switch {
		case templateExpression.MatchString(key):
			list = append(list, e.choose(key, object[key], before)...)
			before = key
			continue
		case ok && object["template"] != nil:
			parameters, _ := e.expand(object["parameters"]).(map[string]any)
			path := filepath.Join(e.dir, object["template"].(string))
			for _, kind := range []string{"stages", "jobs", "steps"} {
				if content, ok := e.double.read(path, parameters)[kind].([]any); ok {
					list = append(list, content...)
				}
			}
		default:
			list = append(list, e.expand(item))
		}
		before = ""
	}
	return list
}

// choose expands the body of an if, an else or an each. Before is the if that an else belongs to.
func (e expansion) choose(key string, body any, before string) []any {
	expression := templateExpression.FindStringSubmatch(key)[1]
	test := func(text string) bool {
		condition, ok := strings.CutPrefix(text, "if ")
		require.True(e.double.t, ok, key)
		return e.double.evaluateWith(condition, true, e.names) == true
	}
	each := regexp.MustCompile(`^each (\w+) in (.+)$`).FindStringSubmatch(expression)
	switch {
	case each != nil:
		var all []any
		for _, item := range e.double.evaluateWith(each[2], true, e.names).([]any) {
			inner := expansion{double: e.double, dir: e.dir, names: maps.Clone(e.names)}
			inner.names[each[1]] = item
			all = append(all, inner.expand(body).([]any)...)
		}
		return all
	case expression == "else":
		if test(templateExpression.FindStringSubmatch(before)[1]) {
			return nil
		}
	case !test(expression):
		return nil
	}
	if list, ok := e.expand(body).([]any); ok {
		return list
	}
	return []any{e.expand(body)}
}

func (r *pipelineRun) evaluate(expression string, succeeded bool) any {
	r.t.Helper()
	return r.evaluateIn(r.variables, expression, succeeded)
}

func (r *pipelineRun) evaluateIn(variables map[string]any, expression string, succeeded bool) any {
	r.t.Helper()
	dependencies := map[string]any{}
	for stage, result := range r.results {
		dependencies[stage] = map[string]any{"result": result}
	}
	stages := map[string]any{}
	for key, outputs := range r.outputs {
		stage, job, _ := strings.Cut(key, ".")
		all := map[string]any{}
		for name, value := range outputs {
			all[name] = value
		}
		if stages[stage] == nil {
			stages[stage] = map[string]any{}
		}
		stages[stage].(map[string]any)[job] = map[string]any{"outputs": all}
	}
	names := map[string]any{"variables": variables, "dependencies": dependencies, "stageDependencies": stages}
	return r.evaluateWith(expression, succeeded, names)
}

// evaluateWith evaluates an Azure Pipelines expression, which also parses as a Go expression except for the quotes:
// https://learn.microsoft.com/azure/devops/pipelines/process/expressions
func (d *azurePipelinesDouble) evaluateWith(expression string, succeeded bool, names map[string]any) any {
	d.t.Helper()
	parsed, err := parser.ParseExpr(strings.ReplaceAll(expression, "'", `"`))
	require.NoError(d.t, err, expression)
	var value func(ast.Expr) any
	member := func(object any, name string) any {
		fields, _ := object.(map[string]any)
		return fields[name]
	}
	value = func(e ast.Expr) any {
		switch e := e.(type) {
		case *ast.BasicLit:
			require.Equal(d.t, token.STRING, e.Kind, expression)
			return strings.Trim(e.Value, `"`)
		case *ast.Ident:
			if e.Name == "true" {
				return true
			}
			require.Contains(d.t, names, e.Name, expression)
			return names[e.Name]
		case *ast.SelectorExpr:
			return member(value(e.X), e.Sel.Name)
		case *ast.IndexExpr:
			return member(value(e.X), fmt.Sprint(value(e.Index)))
		case *ast.CallExpr:
			var args []any
			for _, arg := range e.Args {
				args = append(args, value(arg))
			}
			same := func(a, b any) bool { // ignores case; a missing value is empty
				text := func(v any) string { return strings.TrimPrefix(fmt.Sprint(v), "<nil>") }
				return strings.EqualFold(text(a), text(b))
			}
			switch name := e.Fun.(*ast.Ident).Name; name {
			case "succeeded":
				return succeeded
			case "failed":
				return !succeeded
			case "succeededOrFailed":
				return true
			case "in":
				return slices.ContainsFunc(args[1:], func(arg any) bool { return same(args[0], arg) })
			case "iif":
				if args[0] == true {
					return args[1]
				}
				return args[2]
			case "format":
				return strings.ReplaceAll(args[0].(string), "{0}", fmt.Sprint(args[1]))
			case "replace":
				return strings.ReplaceAll(args[0].(string), args[1].(string), args[2].(string))
			case "eq":
				return same(args[0], args[1])
			case "ne":
				return !same(args[0], args[1])
			case "and":
				return !slices.Contains(args, any(false))
			case "or":
				return slices.Contains(args, any(true))
			}
		}
		d.t.Fatalf("this double does not know the expression %s", expression)
		return nil
	}
	return value(parsed)
}

// texts returns a YAML string or list of strings as a list.
func texts(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var list []string
		for _, item := range value {
			list = append(list, fmt.Sprint(item))
		}
		return list
	}
	return nil
}
