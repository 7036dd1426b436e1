//go:build linux

package cli

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/sandbox/pki"
	"example.com/acr-microservices/infra/sandbox/registrydouble"
)

// pipelineBox is a sandbox with a repository whose pipeline runs against it.
type pipelineBox struct {
	*box
	double *azurePipelinesDouble
	tools  string // folder of the doubles of programs
	rest   *restDouble
	logs   strings.Builder
}

func newPipelineBox(t *testing.T) *pipelineBox {
	t.Helper()
	b := &pipelineBox{box: newBox(t, "pipeline"), tools: t.TempDir(), rest: &restDouble{t: t}}
	// The sandbox's own stack is unrelated to the pipeline's stacks.
	b.configure(settings{"environment": "dev", "services": settings{"orderapi": settings{}}})
	b.must("up")

	env := b.environment()
	backend, home := env["PULUMI_BACKEND_URL"], env["PULUMI_HOME"]
	for _, set := range []string{"PULUMI_BACKEND_URL", "PULUMI_HOME", "PATH"} {
		delete(env, set) // the pipeline sets it
	}
	// The agent's caches, restored.
	for _, cache := range []string{"GOMODCACHE", "GOCACHE"} {
		value, err := exec.Command("go", "env", cache).Output()
		require.NoError(t, err)
		env[cache] = strings.TrimSpace(string(value))
	}
	server := httptest.NewServer(b.rest)
	t.Cleanup(server.Close)

	b.double = &azurePipelinesDouble{
		t: t, repository: t.TempDir(), artifacts: t.TempDir(), workspace: t.TempDir(), env: env, pulumiHome: home, runs: map[string]string{},
		path: []string{b.tools, filepath.Join(b.dir(), "bin")},
		group: map[string]string{
			"backend": backend, "secretsProvider": "passphrase",
		},
		predefined: map[string]string{
			"System.CollectionUri": server.URL + "/", "System.AccessToken": accessToken, "System.OidcRequestUri": server.URL + "/oidctoken",
			"Build.Repository.Provider": "TfsGit", "Build.Repository.Id": "repository",
		},
	}
	b.rest.runs = b.double.runs
	b.commitCheckout()
	return b
}

// commitCheckout creates the pipeline's repository from this one's files, committed or not.
func (b *pipelineBox) commitCheckout() {
	b.t.Helper()
	root := filepath.Join("..", "..", "..")
	list := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	files, err := list.Output()
	require.NoError(b.t, err)
	for _, file := range strings.Fields(string(files)) {
		content, err := os.ReadFile(filepath.Join(root, file))
		if os.IsNotExist(err) {
			continue // deleted, and not committed
		}
		require.NoError(b.t, err)
		info, err := os.Stat(filepath.Join(root, file))
		require.NoError(b.t, err)
		to := filepath.Join(b.double.repository, file)
		require.NoError(b.t, os.MkdirAll(filepath.Dir(to), 0o750))
		require.NoError(b.t, os.WriteFile(to, content, info.Mode()))
	}
	// A service, whose image is built.
	require.NoError(b.t, os.MkdirAll(filepath.Join(b.double.repository, "services", "customerapi"), 0o750))
	require.NoError(b.t, os.WriteFile(filepath.Join(b.double.repository, "services", "customerapi", "Dockerfile"), []byte("FROM scratch\n"), 0o600))
	b.git("init", "--quiet", "--initial-branch", "main")
}

func (b *pipelineBox) git(args ...string) {
	b.t.Helper()
	identity := []string{"-C", b.double.repository, "-c", "user.name=test", "-c", "user.email=test@example.com"}
	out, err := exec.Command("git", append(identity, args...)...).CombinedOutput()
	require.NoError(b.t, err, "%s", out)
}

// commit writes the settings of a stack into the repository and commits.
func (b *pipelineBox) commit(stack string, s settings) {
	b.t.Helper()
	content, err := yaml.Marshal(settings{"config": stackConfig(s)})
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(b.double.repository, "Pulumi."+stack+".yaml"), content, 0o600))
	b.git("add", "--all")
	b.git("commit", "--quiet", "--message", "Settings of "+stack)
}

// begin starts a run of the pipeline. A run that reuses an earlier run's Build has its artifacts.
func (b *pipelineBox) begin(id, build string, variables map[string]string, parameters map[string]any) *pipelineRun {
	b.t.Helper()
	r := b.double.start("pipeline.yml", id, variables, parameters)
	if build != "" {
		require.NoError(b.t, copyArtifact(filepath.Join(b.double.artifacts, build, "bundle-1"), filepath.Join(b.double.artifacts, id, "bundle-1")))
		r.results["Build"] = "Succeeded"
	}
	return r
}

// end copies a run's log to the test's, and keeps it for the secrets search.
func (b *pipelineBox) end(r *pipelineRun) {
	b.t.Logf("run %s\n%s", r.id, r.log)
	b.logs.WriteString(r.log)
}

// az creates a double of the Azure CLI. It supports only the pipeline's commands, and gives each built image the digest. calls
// returns the registry commands that it received.
func (b *pipelineBox) az(digest string) (calls func() string) {
	b.t.Helper()
	tags := filepath.Join(b.tools, "tags")
	require.NoError(b.t, os.MkdirAll(tags, 0o700))
	script := fmt.Sprintf(`#!/bin/sh
case "$*" in
"login --service-principal --username client-of-"*" --tenant tenant --federated-token `+idToken+` --output none") [ -n "$AZURE_CONFIG_DIR" ] ;;
"account set --subscription subscription") ;;
"account show --query id --output tsv") echo subscription ;;
"acr build --registry "*" --source-acr-auth-id [caller] --image "*)
	echo "$*" >> "%[1]s/../calls"
	previous=; for arg; do [ "$previous" != --image ] || echo "%[2]s" > "%[1]s/$arg"; previous=$arg; done ;;
"acr repository show --name "*" --image "*" --query digest --output tsv") cat "%[1]s/$7" ;;
*) echo "this double of az does not know: $*" >&2; exit 2 ;;
esac
`, tags, digest)
	require.NoError(b.t, os.WriteFile(filepath.Join(b.tools, "az"), []byte(script), 0o700))
	return func() string {
		text, _ := os.ReadFile(filepath.Join(b.tools, "calls"))
		_ = os.Remove(filepath.Join(b.tools, "calls"))
		return string(text)
	}
}

// digest reads an image's registry digest with a namespace's pull secret.
func (b *pipelineBox) digest(image, namespace string) string {
	b.t.Helper()
	username, password := b.login(namespace)
	reference, err := name.ParseReference(image)
	require.NoError(b.t, err)
	ca, err := pki.EnsureCA(filepath.Join(b.dir(), "pki"), "acr-microservices sandbox")
	require.NoError(b.t, err)
	found, err := remote.Head(reference, remote.WithTransport(registrydouble.Transport(b.info().Registry, ca.Pool())),
		remote.WithAuth(authn.FromConfig(authn.AuthConfig{Username: username, Password: password})))
	require.NoError(b.t, err)
	return found.Digest.String()
}

// logins returns the contents of the cluster's pull secrets, in base64.
func (b *pipelineBox) logins() []string {
	b.t.Helper()
	out, err := b.kubectl().run(b.t.Context(), "get", "secrets", "--all-namespaces", "--field-selector", "type=kubernetes.io/dockerconfigjson",
		"--output", `jsonpath={range .items[*]}{.data.\.dockerconfigjson}{"\n"}{end}`)
	require.NoError(b.t, err)
	return strings.Fields(string(out))
}

// passwords returns all passwords in the pull secrets of the cluster.
func (b *pipelineBox) passwords() []string {
	b.t.Helper()
	var found []string
	for _, encoded := range b.logins() {
		content, err := base64.StdEncoding.DecodeString(encoded)
		require.NoError(b.t, err)
		match := regexp.MustCompile(`"password":"([^"]+)"`).FindSubmatch(content)
		require.NotNil(b.t, match)
		found = append(found, string(match[1]))
	}
	return found
}

// powerless writes a kubeconfig of a user without permissions, returning its path.
func (b *pipelineBox) powerless() string {
	b.t.Helper()
	_, err := b.kubectl().run(b.t.Context(), "create", "serviceaccount", "powerless")
	require.NoError(b.t, err)
	token, err := b.kubectl().run(b.t.Context(), "create", "token", "powerless")
	require.NoError(b.t, err)
	content, err := os.ReadFile(b.info().Kubeconfig)
	require.NoError(b.t, err)
	var config map[string]any
	require.NoError(b.t, yaml.Unmarshal(content, &config))
	for _, user := range config["users"].([]any) {
		user.(map[string]any)["user"] = map[string]any{"token": string(token)}
	}
	content, err = yaml.Marshal(config)
	require.NoError(b.t, err)
	path := filepath.Join(b.t.TempDir(), "kubeconfig")
	require.NoError(b.t, os.WriteFile(path, content, 0o600))
	return path
}

// accessToken is a run's token, and idToken the one that Entra accepts for login.
const (
	accessToken = "system-access-token-4f1c"
	idToken     = "id-token-9d2e"
)

// restDouble is a double of Azure DevOps' REST API for a pull request's comments and for finding runs by tags.
type restDouble struct {
	t        *testing.T
	mu       sync.Mutex
	comments []string
	// approvals says whether the environment prod requires one.
	approvals bool
	runs      map[string]string // newest run of each tag
}

var threadsPath = regexp.MustCompile(`^/project/_apis/git/repositories/repository/pullRequests/\d+/threads(/(\d+)/comments/1)?$`)

func (d *restDouble) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	query := r.URL.Query()
	match := threadsPath.FindStringSubmatch(r.URL.Path)
	version := "7.1"
	if strings.HasPrefix(r.URL.Path, "/project/_apis/pipelines/checks/") || strings.HasPrefix(r.URL.Path, "/project/_apis/distributedtask/") {
		version = "7.1-preview.1" // the service answers 400 VssInvalidPreviewVersionException to others
	}
	switch {
	case query.Get("api-version") != version || r.Header.Get("Authorization") != "Bearer "+accessToken:
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	case r.URL.Path == "/project/_apis/pipelines/checks/configurations" && query.Get("resourceId") == "4":
		checks := []any{}
		if d.approvals {
			checks = append(checks, map[string]any{"type": map[string]any{"id": "8C6F20A7-A545-4486-9777-F762FAFE0D4D"}})
		}
		assert.NoError(d.t, json.NewEncoder(w).Encode(map[string]any{"value": checks}))
		return
	case r.URL.Path == "/oidctoken" && r.Method == http.MethodPost && strings.HasPrefix(query.Get("serviceConnectionId"), "id-of-"):
		assert.NoError(d.t, json.NewEncoder(w).Encode(map[string]string{"oidcToken": idToken}))
		return
	case r.URL.Path == "/project/_apis/distributedtask/environments" && query.Get("name") == "prod":
		assert.NoError(d.t, json.NewEncoder(w).Encode(map[string]any{"value": []any{map[string]any{"id": 4}}}))
		return
	case r.URL.Path == "/project/_apis/build/builds" && query.Get("definitions") == "1" && query.Get("branchName") == "refs/heads/main":
		builds := []any{}
		if run, ok := d.runs[query.Get("tagFilters")]; ok {
			builds = append(builds, map[string]any{"id": json.Number(run)})
		}
		assert.NoError(d.t, json.NewEncoder(w).Encode(map[string]any{"value": builds}))
		return
	case match == nil:
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(r.Body)
	assert.NoError(d.t, err)
	var sent struct {
		Content  string
		Comments []struct{ Content string }
	}
	if len(body) > 0 {
		assert.NoError(d.t, json.Unmarshal(body, &sent))
	}
	switch {
	case r.Method == http.MethodGet && match[1] == "":
		threads := []any{}
		for i, comment := range d.comments {
			threads = append(threads, map[string]any{"id": i, "comments": []any{map[string]any{"id": 1, "content": comment}}})
		}
		assert.NoError(d.t, json.NewEncoder(w).Encode(map[string]any{"value": threads}))
	case r.Method == http.MethodPost && match[1] == "" && len(sent.Comments) == 1:
		d.comments = append(d.comments, sent.Comments[0].Content)
	case r.Method == http.MethodPatch && match[1] != "" && sent.Content != "":
		var thread int
		_, err := fmt.Sscan(match[2], &thread)
		assert.NoError(d.t, err)
		d.comments[thread] = sent.Content
	default:
		http.Error(w, "bad request", http.StatusBadRequest)
	}
}

// violate runs up with a plan that contradicts the program about a pull secret. Pulumi's own output then contains the secret;
// the pipeline's output does not.
func (b *pipelineBox) violate() {
	t := b.t
	folder := filepath.Join(b.double.workspace, "bundle") // as the last job left it
	run := func(name string, args ...string) (string, error) {
		command := exec.Command("env", append([]string{name}, args...)...) // searches its own PATH
		command.Dir = folder
		command.Env = append(os.Environ(), "PULUMI_HOME="+b.double.pulumiHome, "PULUMI_BACKEND_URL="+b.double.group["backend"],
			"PATH="+strings.Join(append(b.double.path, os.Getenv("PATH")), ":"))
		for key, value := range b.double.env {
			command.Env = append(command.Env, key+"="+value)
		}
		out, err := command.CombinedOutput()
		return string(out), err
	}
	out, err := run("pulumi", "preview", "--stack", "test", "--save-plan", "violated.json")
	require.NoError(t, err, out)
	text, err := os.ReadFile(filepath.Join(folder, "violated.json"))
	require.NoError(t, err)
	var plan map[string]any
	require.NoError(t, json.Unmarshal(text, &plan))
	changed := 0
	for urn, resource := range plan["resourcePlans"].(map[string]any) {
		if !strings.Contains(urn, "kubernetes:core/v1:Secret::") {
			continue
		}
		goal := resource.(map[string]any)["goal"].(map[string]any)
		goal["inputDiff"] = map[string]any{"updates": map[string]any{"stringData": "x", "data": "x"}}
		changed++
	}
	require.NotZero(t, changed)
	text, err = json.Marshal(plan)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "violated.json"), text, 0o600))

	up := []string{"pulumi", "up", "--yes", "--skip-preview", "--diff", "--color", "never", "--stack", "test", "--plan", "violated.json"}
	found := func(out string) (found bool) {
		for _, secret := range append(b.passwords(), b.logins()...) {
			found = found || strings.Contains(out, secret)
		}
		return found
	}
	plain, err := run(up[0], up[1:]...)
	require.Error(t, err)
	require.Contains(t, plain, "violates plan")
	require.True(t, found(plain), "else this test is no use: the engine hides the secret itself: %s", strings.Join(regexp.MustCompile(`violates plan.{0,200}`).FindAllString(plain, -1), "\n"))

	hidden, err := run("./pipeline", append([]string{"run", "-stack", "test", "--"}, up...)...)
	require.Error(t, err)
	require.Contains(t, hidden, "violates plan: properties changed: ")
	require.Contains(t, hidden, "(values are hidden)")
	require.Contains(t, hidden, "start a new run of the pipeline")
	require.False(t, found(hidden), "a secret is shown")
}

// example runs the pipeline of infra/examples in its own stack.
func (b *pipelineBox) example(release settings) {
	t := b.t
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "azure-pipelines.yml"))
	require.NoError(t, err)
	require.LessOrEqual(t, strings.Count(string(text), "\n"), 40)
	content := strings.NewReplacer("azblob://state?storage_account=contoso", b.double.group["backend"], " test\n", " simple\n").Replace(string(text))
	require.NoError(t, os.WriteFile(filepath.Join(b.double.repository, ".azuredevops", "example.yml"), []byte(content), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(b.double.repository, "CustomerApi"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(b.double.repository, "CustomerApi", "Dockerfile"), []byte("FROM scratch\n"), 0o600))
	for name, script := range map[string]string{
		"docker": "case \"$*\" in\n\"build --tag \"*\".azurecr.io/customerapi:1.1.0 --tag \"*\"/customerapi:latest CustomerApi\" | \"push --all-tags \"*\".azurecr.io/customerapi\") echo \"docker $*\" ;;\n*) exit 2 ;;\nesac\n",
		"az":     "case \"$*\" in\n\"acr login --name \"?*) ;;\n*) exit 2 ;;\nesac\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(b.tools, name), []byte("#!/bin/sh\n"+script), 0o700))
	}
	b.commit("simple", settings{"services": settings{"customerapi": settings{}}, "release": release})
	stack := exec.Command("env", "pulumi", "stack", "init", "simple", "--secrets-provider", "passphrase") // on a workstation
	stack.Dir = b.double.repository
	b.double.env["PULUMI_HOME"] = b.double.pulumiHome // avoids a download of its plugins
	stack.Env = append(os.Environ(), "PULUMI_BACKEND_URL="+b.double.group["backend"], "PATH="+strings.Join(append(b.double.path, os.Getenv("PATH")), ":"))
	for key, value := range b.double.env {
		stack.Env = append(stack.Env, key+"="+value)
	}
	out, err := stack.CombinedOutput()
	require.NoError(t, err, "%s", out)
	// Pulumi's language host compiles the program; the sandbox's host runs a compiled one.
	build := exec.Command("go", "build", "-o", filepath.Join(b.double.repository, "program"), ".")
	build.Dir = filepath.Join("..", "..", "..")
	out, err = build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	project := filepath.Join(b.double.repository, "Pulumi.yaml")
	text, err = os.ReadFile(project)
	require.NoError(t, err)
	text = regexp.MustCompile(`(?m)^runtime:\n(  .*\n)+`).ReplaceAll(text, []byte("runtime: {name: go, options: {binary: ./program}}\n"))
	require.NoError(t, os.WriteFile(project, text, 0o600))
	b.git("add", "--all", "--force")
	b.git("commit", "--quiet", "--message", "The key of simple")
	for _, id := range []string{"20", "21"} {
		require.NoError(t, os.RemoveAll(b.double.workspace)) // Microsoft's agents are new each time
		r := b.double.start("example.yml", id, map[string]string{"Build.BuildNumber": "1.1.0"}, nil)
		require.Equal(t, []string{"__default"}, r.finish())
		b.end(r)
		require.Equal(t, "Succeeded", r.results["__default"])
		require.Contains(t, r.log, "docker push --all-tags")
		assert.Regexp(t, `/customerapi:1\.1\.0$`, b.images("customerapi-simple")[0])
	}
}

// TestPipeline runs the pipeline's steps from its files with the real CLI: from an empty subscription to two environments, and
// then the failure cases.
func TestPipeline(t *testing.T) {
	runInParallel(t)
	b := newPipelineBox(t)
	step := func(name string, do func(t *testing.T)) {
		t.Helper()
		if !t.Run(name, func(t *testing.T) {
			b.t, b.double.t, b.rest.t = t, t, t
			do(t)
		}) {
			t.FailNow()
		}
		b.t, b.double.t, b.rest.t = t, t, t
	}
	shared := settings{"existing": settings{"stack": "organization/acr-microservices/test"}}
	services := func(customer settings) settings {
		return settings{"customerapi": settings{"image": customer}, "orderapi": service("1.0.0")}
	}
	release := settings{"timeoutSeconds": 60}
	b.commit("test", settings{"services": settings{"customerapi": settings{}}, "release": release})
	b.commit("prod", settings{"services": settings{"customerapi": settings{}}, "registry": shared, "release": release})
	b.commit("pr", settings{"services": settings{"customerapi": settings{}}, "registry": settings{
		"existing": shared["existing"], "pull": settings{"mode": "token"},
	}, "release": release})
	built := []any{map[string]any{"name": "customerapi", "source": "services/customerapi"}}
	var digest, registry string
	calls := b.az("")

	step("a pull request before the first run has nothing to preview", func(t *testing.T) {
		r := b.begin("0", "", map[string]string{"Build.BuildNumber": "0", "Build.Reason": "PullRequest", "System.PullRequest.PullRequestId": "16"}, nil)
		defer b.end(r)
		require.Equal(t, []string{"Build", "Preview_test", "Preview_prod"}, r.finish())
		require.Equal(t, "Succeeded", r.results["Preview_prod"], r.log)
		assert.Equal(t, []string{"preview", "preview", "preview", "preview"}, r.connections)
		assert.Contains(t, b.rest.comments[0], "**not deployed yet, nothing to preview**")
		b.rest.comments = nil
		b.double.summaries = nil
	})
	step("the first run makes the registry, and prod wants somebody to approve", func(t *testing.T) {
		r := b.begin("1", "", map[string]string{"Build.BuildNumber": "20261124.1"}, map[string]any{"services": built})
		defer b.end(r)
		require.Equal(t, []string{"Build", "Preview_test", "Deploy_test", "Preview_prod", "Deploy_prod"}, r.finish())
		require.Equal(t, "Failed", r.results["Deploy_prod"])
		assert.Contains(t, b.double.issues[0], "customerapi is not built: stack test has no registry yet.")
		assert.Contains(t, b.double.issues[1], "refused, because a deployment to prod requires no approval")
		assert.Len(t, b.double.issues, 2)
		b.rest.approvals = true
		r.variables["System.StageAttempt"] = "2"
		require.Equal(t, "Succeeded", r.stage("Deploy_prod"), r.log)
		assert.Contains(t, r.log, "a deployment to prod requires an approval")
		summary := strings.Join(b.double.summaries, "\n")
		assert.Contains(t, summary, "### Preview of test")
		assert.Contains(t, summary, "| releases.customerapi | no release yet: set image.tag or image.digest |")
		assert.Contains(t, r.log, "no comment: this run has no pull request on this host")
		match := regexp.MustCompile(`\| registryName \| (\w+) \|`).FindStringSubmatch(summary)
		require.NotNil(t, match)
		registry = match[1]
		digest = b.digest(strings.ToLower(registry)+".azurecr.io/customerapi:1.1.0", customer)
		require.Empty(t, calls())
		// Each stage uses its stack's identity; the image is pushed with that of test.
		assert.Equal(t, []string{"test", "test", "test", "test", "prod", "prod", "prod", "prod"}, r.connections)
		calls = b.az(digest)
	})
	step("a build is deployed by its digest, and promoted", func(t *testing.T) {
		r := b.begin("2", "", map[string]string{"Build.BuildNumber": "1.1.0"}, map[string]any{"services": built})
		defer b.end(r)
		require.Equal(t, []string{"Build", "Preview_test", "Deploy_test", "Preview_prod", "Deploy_prod"}, r.finish())
		require.Equal(t, "Succeeded", r.results["Deploy_prod"])
		assert.Regexp(t, "^acr build --registry "+registry+` --source-acr-auth-id \[caller\] --image customerapi:1.1.0 --image customerapi:latest --image customerapi:tree-\w{40} services/customerapi\n$`, calls())
		assert.Contains(t, r.log, "customerapi: the image that was built, 1.1.0@"+digest)
		for _, image := range b.images(customer, "customerapi-prod") {
			assert.Regexp(t, `/customerapi:1\.1\.0@`+digest+"$", image)
		}
		assert.Contains(t, strings.Join(b.double.summaries, "\n"), "/customerapi:1.1.0@"+digest+" |")
		assert.Equal(t, "2", b.double.runs["deployed-prod"])
	})
	step("what has not changed is neither built nor released again", func(t *testing.T) {
		r := b.begin("102", "", map[string]string{"Build.BuildNumber": "102"}, map[string]any{"services": built})
		defer b.end(r)
		require.Equal(t, "Succeeded", r.stage("Build"))
		require.Empty(t, calls())
		require.Equal(t, "Succeeded", r.stage("Preview_test"))
		assert.Contains(t, r.log, "customerapi: services/customerapi has not changed since it was built")
		assert.Contains(t, r.log, "customerapi: the image that runs, which has not changed, 1.1.0@"+digest)
		assert.NotRegexp(t, `\d+ to (update|create|replace|delete)`, b.double.summaries[len(b.double.summaries)-1])

		// A repeated job or stage uses new artifact names, and the last artifacts count.
		r.variables["System.JobAttempt"], r.variables["System.StageAttempt"] = "2", "2"
		require.Equal(t, "Succeeded", r.stage("Build"), r.log)
		require.Equal(t, "Succeeded", r.stage("Preview_test"), r.log)
		require.Equal(t, "Succeeded", r.stage("Deploy_test"), r.log)
	})
	step("a stale plan is refused", func(t *testing.T) {
		b.commit("test", settings{"services": services(settings{}), "release": release})
		r := b.begin("3", "2", map[string]string{"Build.BuildNumber": "3"}, nil)
		defer b.end(r)
		require.Equal(t, "Succeeded", r.stage("Preview_test"))
		// Another run updates the stack.
		other := b.begin("4", "", map[string]string{"Build.Reason": "Schedule", "Build.CronSchedule.DisplayName": "rotate"}, nil)
		require.Equal(t, []string{"Rotate_test", "Rotate_prod"}, other.finish())
		b.end(other)
		assert.Contains(t, other.log, "customerapi: the image that runs, 1.1.0@"+digest)
		require.Equal(t, "Failed", r.stage("Deploy_test"))
		assert.Contains(t, r.log, "error: pipeline guard: the plan is refused, and nothing was changed:\n"+
			"  the stack test has changed since the preview: it was last updated at ")
		assert.Contains(t, b.double.issues[len(b.double.issues)-1], "the stack test has changed since the preview")

		// A retry of both stages succeeds: the plan has another name, and customerapi's image stays.
		r.variables["System.StageAttempt"] = "2"
		require.Equal(t, "Succeeded", r.stage("Preview_test"))
		require.Equal(t, "Succeeded", r.stage("Deploy_test"))
		assert.Contains(t, b.images(customer)[0], digest)
	})
	step("another commit is refused", func(t *testing.T) {
		r := b.begin("5", "2", map[string]string{"Build.BuildNumber": "5"}, nil)
		defer b.end(r)
		require.Equal(t, "Succeeded", r.stage("Preview_test"))
		previewed := r.variables["Build.SourceVersion"]
		r.variables["Build.SourceVersion"] = "0123456789abcdef0123456789abcdef01234567"
		require.Equal(t, "Failed", r.stage("Deploy_test"))
		assert.Contains(t, r.log, fmt.Sprintf("it was made for commit %s, but this is commit 0123456789abcdef0123456789abcdef01234567: start a new run of the pipeline", previewed))
	})
	step("a plan that is violated shows no secret", func(*testing.T) { b.violate() })
	step("settings that are wrong fail the preview", func(t *testing.T) {
		b.commit("test", settings{"services": services(settings{"tag": "a/b"}), "registry": settings{"sku": "Gold"}})
		before := len(b.double.issues)
		r := b.begin("6", "", map[string]string{"Build.BuildNumber": "6"}, nil)
		defer b.end(r)
		require.Equal(t, []string{"Build", "Preview_test"}, r.finish())
		assert.Contains(t, r.log, `services.customerapi.image.tag: "a/b"`)
		require.Len(t, b.double.issues, before+2, "a line for each problem: %q", b.double.issues)
		assert.Contains(t, b.double.issues[before], `registry.sku: "Gold"`)
		assert.Contains(t, b.double.issues[before+1], `services.customerapi.image.tag: "a/b"`)
		assert.Contains(t, b.double.summaries[len(b.double.summaries)-1], "**The preview failed**")
	})
	step("a release that fails fails the deployment, and the next one goes on", func(t *testing.T) {
		b.commit("test", settings{"services": services(settings{"tag": "9.9.9"}), "release": settings{"timeoutSeconds": 10}})
		r := b.begin("7", "", map[string]string{"Build.BuildNumber": "7"}, nil)
		require.Equal(t, []string{"Build", "Preview_test", "Deploy_test"}, r.finish())
		require.Equal(t, "Failed", r.results["Deploy_test"])
		b.end(r)
		assert.Contains(t, r.log, `Helm release "customerapi-test/customerapi" failed to initialize completely`)
		assert.Contains(t, r.log, "release customerapi failed, and has been rolled back due to atomic being set")
		assert.Contains(t, b.images(customer)[0], digest, "Helm has rolled back")
	})
	step("a missing permission fails the deployment", func(t *testing.T) {
		b.commit("test", settings{"services": services(settings{"tag": "1.0.0"}), "release": release})
		kubeconfig := b.double.env["KUBECONFIG"]
		b.double.env["KUBECONFIG"] = b.powerless()
		r := b.begin("8", "", map[string]string{"Build.BuildNumber": "8"}, nil)
		r.stage("Build")
		r.stage("Preview_test")
		require.NotEqual(t, "Succeeded", r.stage("Deploy_test"))
		b.end(r)
		assert.Contains(t, r.log, `is forbidden: User "system:serviceaccount:default:powerless" cannot`)

		b.double.env["KUBECONFIG"] = kubeconfig
		r = b.begin("9", "8", map[string]string{"Build.BuildNumber": "9"}, nil)
		defer b.end(r)
		for _, stage := range []string{"Preview_test", "Deploy_test", "Preview_prod", "Deploy_prod"} {
			require.Equal(t, "Succeeded", r.stage(stage), stage)
		}
		assert.Regexp(t, `/customerapi:1\.0\.0$`, b.images(customer)[0])
	})
	step("a roll-back deploys the images of an earlier run", func(t *testing.T) {
		b.commit("test", settings{"services": services(settings{}), "release": release})
		r := b.begin("10", "", map[string]string{"Build.BuildNumber": "10"}, map[string]any{"services": built, "rollbackTo": "2"})
		defer b.end(r)
		require.Equal(t, []string{"Build", "Preview_test", "Deploy_test", "Preview_prod", "Deploy_prod"}, r.finish())
		assert.Contains(t, b.images(customer)[0], digest)
	})
	step("drift is found", func(t *testing.T) {
		drift := func(id string) *pipelineRun {
			r := b.begin(id, "", map[string]string{"Build.Reason": "Schedule", "Build.CronSchedule.DisplayName": "drift"}, nil)
			assert.Equal(t, []string{"Drift_test", "Drift_prod"}, r.finish())
			b.end(r)
			return r
		}
		require.Equal(t, "Succeeded", drift("11").results["Drift_test"])
		_, err := b.kubectl().run(t.Context(), "delete", "secret", "acr-secret", "--namespace", customer)
		require.NoError(t, err)
		r := drift("12")
		require.Equal(t, "Failed", r.results["Drift_test"])
		require.Equal(t, "Succeeded", r.results["Drift_prod"])
		assert.Contains(t, b.double.summaries[len(b.double.summaries)-1], "### Drift of test")
		assert.Contains(t, b.double.summaries[len(b.double.summaries)-1], "kubernetes:core/v1:Secret")
	})
	step("a pull request is previewed, has an environment, and goes", func(t *testing.T) {
		request := map[string]string{
			"Build.BuildNumber": "1.1.0", "Build.Reason": "PullRequest", "System.PullRequest.PullRequestId": "17", "System.PullRequest.IsFork": "False",
		}
		calls()
		parameters := map[string]any{"services": built, "prEnvironments": true}
		r := b.begin("13", "", request, parameters)
		require.Equal(t, []string{"Build", "Preview_test", "Preview_prod", "Deploy_pull_request"}, r.finish())
		b.end(r)
		require.Equal(t, "Succeeded", r.results["Deploy_pull_request"])
		assert.Contains(t, calls(), "--image customerapi:1.1.0 --image customerapi:pr-17 --image customerapi:tree-", "it does not move latest")
		assert.Equal(t, []string{"pr", "preview", "preview", "preview", "preview", "pr", "pr"}, r.connections)
		require.Len(t, b.rest.comments, 2)
		assert.Contains(t, b.rest.comments[0], "### Preview of test")
		assert.Contains(t, b.images("customerapi-pr-17")[0], digest)

		closed := func(id, number string) *pipelineRun {
			r := b.double.start("pr-close.yml", id, nil, map[string]any{
				"pullRequest": map[string]any{"resource": map[string]any{"pullRequestId": number, "status": "completed"}},
			})
			assert.Equal(t, []string{"Destroy"}, r.finish())
			b.end(r)
			return r
		}
		r = closed("14", `17"; touch /tmp/owned; "`)
		require.Equal(t, "Failed", r.results["Destroy"])
		assert.Contains(t, r.log, "pullRequestId is no number")
		assert.NotContains(t, r.log, "== AzureCLI@2")
		require.Equal(t, "Succeeded", closed("15", "17").results["Destroy"])
		require.Equal(t, "Succeeded", closed("16", "18").results["Destroy"], "one that never got as far as an environment")
		_, err := b.kubectl().run(t.Context(), "get", "namespace", "customerapi-pr-17")
		require.ErrorContains(t, err, "not found")
		require.Len(t, b.rest.comments, 2)

		request["System.PullRequest.IsFork"] = "True"
		r = b.begin("17", "", request, parameters)
		require.Equal(t, []string{"Build"}, r.finish())
		b.end(r)
		assert.NotContains(t, r.log, "== AzureCLI@2", "nothing of a fork's signs in to Azure")
	})
	step("the example of one file deploys from nothing, and again", func(*testing.T) { b.example(release) })
	step("no secret is in logs, artifacts and comments", func(t *testing.T) {
		text := b.logs.String() + strings.Join(b.double.summaries, "") + strings.Join(b.rest.comments, "")
		require.NoError(t, filepath.WalkDir(b.double.artifacts, func(path string, entry os.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && filepath.Ext(path) != ".gz" {
				var content []byte
				content, err = os.ReadFile(path)
				text += string(content)
			}
			return err
		}))
		passwords := b.passwords()
		require.GreaterOrEqual(t, len(passwords), 3)
		for _, password := range append(passwords, accessToken, idToken) {
			assert.NotContains(t, text, password)
			assert.NotContains(t, text, base64.StdEncoding.EncodeToString([]byte(password)))
		}
	})
}
