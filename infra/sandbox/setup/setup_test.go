//go:build linux

// Package setup tests the scripts that `pipeline setup` writes, against doubles of az and gh that check the commands' options and
// keep all objects.
package setup

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

var pipeline string // the compiled command

func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); name == "az" || name == "gh" { // links to this program
		os.Exit(double(name))
	}
	folder, err := os.MkdirTemp("", "setup")
	if err == nil {
		pipeline = filepath.Join(folder, "pipeline")
		build := exec.Command("go", "build", "-o", pipeline, "./infra/pipeline")
		build.Dir = filepath.Join("..", "..", "..")
		var out []byte
		if out, err = build.CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// double runs a double of a program, in its own process.
func double(name string) int {
	s, err := openStore(os.Getenv("SETUP_STORE"))
	if err == nil {
		run := azDouble
		if name == "gh" {
			run = ghDouble
		}
		if err = run(os.Args[1:], s, os.Stdout); err == nil {
			err = s.save()
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "ERROR: %s %s: %v\n", name, strings.Join(os.Args[1:], " "), err)
		return 1
	}
	return 0
}

// world is a subscription with a project, and a checkout of the repository.
type world struct {
	t      *testing.T
	script string
	folder string
	env    []string
}

func newWorld(t *testing.T, host string, flags ...string) *world {
	t.Helper()
	w := &world{t: t, folder: t.TempDir()}
	tools := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	for _, name := range []string{"az", "gh"} {
		require.NoError(t, os.Symlink(self, filepath.Join(tools, name)))
	}
	w.env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"), "SETUP_STORE="+filepath.Join(t.TempDir(), "store.json"))
	text, err := os.ReadFile(filepath.Join("..", "..", "..", ".azuredevops", "pipeline.yml"))
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(w.folder, ".azuredevops"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(w.folder, ".azuredevops", "pipeline.yml"), text, 0o600))
	w.script, err = w.setup(host, flags...)
	require.NoError(t, err, w.script)
	return w
}

func (w *world) setup(host string, flags ...string) (string, error) {
	args := append([]string{"setup", host, "-subscription", "11111111-2222-3333-4444-555555555555"}, flags...)
	command := exec.Command(pipeline, args...)
	command.Dir, command.Env = w.folder, w.env
	out, err := command.CombinedOutput()
	return string(out), err
}

func (w *world) run(args ...string) (string, error) {
	command := exec.Command("bash", append([]string{"-s", "--"}, args...)...)
	command.Dir, command.Env, command.Stdin = w.folder, w.env, strings.NewReader(w.script)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	return out.String(), err
}

func (w *world) store() *store {
	for _, set := range w.env {
		if path, ok := strings.CutPrefix(set, "SETUP_STORE="); ok {
			s, err := openStore(path)
			require.NoError(w.t, err)
			return s
		}
	}
	return nil
}

// told returns the rest of lines that start with these words.
func told(out, words string) []string {
	var found []string
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, words+": "); ok {
			found = append(found, strings.TrimSpace(rest))
		}
	}
	return found
}

// values returns fields of objects, as in "a b".
func values(things []object, fields ...string) []string {
	var found []string
	for _, thing := range things {
		var parts []string
		for _, field := range fields {
			parts = append(parts, fmt.Sprint(thing[field]))
		}
		found = append(found, strings.Join(parts, " "))
	}
	slices.Sort(found)
	return found
}

var (
	azure = []string{
		"-organization", "https://dev.azure.com/acme", "-project", "the shop", "-cluster", "platform/shop", "-services",
		"customerapi=services/customerapi=docker/customerapi,order-api=https://github.com/acme/orders.git#main", "-approver", "boss@example.com", "-pull-requests",
	}
	gitHub = []string{"-repository", "acme/shop", "-cluster", "platform/shop", "-services", "customerapi=services/customerapi", "-approver", "boss"}
)

// TestSetupTwice: the script creates all missing objects, and a second run creates nothing.
func TestSetupTwice(t *testing.T) {
	for host, test := range map[string]struct {
		flags  []string
		expect func(*world)
	}{"azure-devops": {azure, expectAzureDevOps}, "github": {gitHub, expectGitHub}} {
		flags := test.flags
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, host, flags...)
			out, err := w.run("--check")
			require.Error(t, err, "something is missing: %s", out)
			assert.Empty(t, w.store().Calls, "--check changes nothing")
			assert.NoFileExists(t, filepath.Join(w.folder, "Pulumi.test.yaml"))
			missing := told(out, "missing")
			require.Greater(t, len(missing), 30)
			require.Contains(t, out, fmt.Sprintf("%d missing\n", len(missing)))

			out, err = w.run()
			require.NoError(t, err, out)
			assert.Equal(t, missing, told(out, "creating"))
			test.expect(w)
			require.Empty(t, w.store().with("policy", object{"isBlocking": "true"}), "no one could push to main")
			for _, command := range told(out, "after the first deployment, make the preview of pull requests required") {
				later := &world{t: t, script: command, folder: w.folder, env: w.env}
				out, err := later.run()
				require.NoError(t, err, out)
				require.Len(t, w.store().with("policy", object{"isBlocking": "true"}), 1)
			}
			made := w.store()
			text, err := os.ReadFile(filepath.Join(w.folder, "Pulumi.test.yaml"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(w.folder, "Pulumi.test.yaml"), append(text, "# ours\n"...), 0o600))

			out, err = w.run()
			require.NoError(t, err, out)
			assert.Empty(t, told(out, "creating"))
			assert.Equal(t, made, w.store(), "a second run changes nothing")
			again, err := os.ReadFile(filepath.Join(w.folder, "Pulumi.test.yaml"))
			require.NoError(t, err)
			assert.Contains(t, string(again), "# ours")
			out, err = w.setup(host, append(flags, "-check")...)
			require.NoError(t, err, out)
			assert.Contains(t, out, "0 missing\n")

			// A deleted object is reported, and created again.
			s := w.store()
			i := slices.IndexFunc(s.Things["role"], func(role object) bool { return role["roleDefinitionName"] == "Storage Blob Data Reader" })
			s.Things["role"] = slices.Delete(s.Things["role"], i, i+1)
			require.NoError(t, s.save())
			out, err = w.setup(host, append(flags, "-check")...)
			require.Error(t, err)
			assert.Equal(t, []string{"role Storage Blob Data Reader of preview on state"}, told(out, "missing"))
			out, err = w.run()
			require.NoError(t, err, out)
			assert.Equal(t, []string{"role Storage Blob Data Reader of preview on state"}, told(out, "creating"))
		})
	}
}

func expectAzureDevOps(w *world) {
	t, s := w.t, w.store()
	assert.Equal(t, []string{"Microsoft.ContainerRegistry Registered"}, values(s.Things["provider"], "namespace", "registrationState"))
	// Each identity is trusted by its own connection only, and has its own roles.
	assert.Equal(t, []string{
		"acr-microservices-pr /eid1/c/pub/t/x/a/y/sc/org/acr-microservices-pr https://login.microsoftonline.com/tenant-1/v2.0",
		"acr-microservices-preview /eid1/c/pub/t/x/a/y/sc/org/acr-microservices-preview https://login.microsoftonline.com/tenant-1/v2.0",
		"acr-microservices-prod /eid1/c/pub/t/x/a/y/sc/org/acr-microservices-prod https://login.microsoftonline.com/tenant-1/v2.0",
		"acr-microservices-test /eid1/c/pub/t/x/a/y/sc/org/acr-microservices-test https://login.microsoftonline.com/tenant-1/v2.0",
	}, values(s.Things["credential"], "identity", "subject", "issuer"))
	var preview []string
	for _, role := range s.Things["role"] {
		if role["principalId"] == "principal-of-acr-microservices-preview" {
			preview = append(preview, role["roleDefinitionName"].(string))
		}
		if role["roleDefinitionName"] == "Role Based Access Control Administrator" {
			assert.Contains(t, role["condition"], "7f951dda-4ed3-4680-a7ca-43fe172d538d")
		}
	}
	assert.ElementsMatch(t, []string{
		"Key Vault Crypto User", "Azure Kubernetes Service Cluster User Role", "Reader", "Reader", "Storage Blob Data Reader",
	}, preview, "who previews pull requests changes nothing in Azure")

	// An identity that changes the group of the identities could let others sign in as any of them.
	const stateGroup = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/acr-microservices-state"
	for _, role := range s.Things["role"] {
		if of, ok := strings.CutPrefix(role["scope"].(string), stateGroup); ok {
			assert.Regexp(t, "/(containers/state|keys/pulumi)$", of)
		}
	}
	for _, kind := range []string{"identity", "account", "vault"} {
		assert.Equal(t, s.Things[kind], s.with(kind, object{"group": "acr-microservices-state"}), kind)
	}

	checks := map[string][]string{}
	for _, check := range s.Things["check"] {
		of := check["resource"].(object)
		key := fmt.Sprint(of["type"], " ", of["id"])
		checks[key] = append(checks[key], check["type"].(object)["name"].(string))
	}
	assert.Equal(t, map[string][]string{
		"endpoint endpoint-2": {"Task Check"}, "endpoint endpoint-3": {"Task Check"}, // those of test and prod
		"environment 1": {"Task Check", "ExclusiveLock"}, "environment 2": {"Task Check", "ExclusiveLock", "Approval"},
	}, checks)
	assert.Equal(t, []string{"acr-microservices-preview", "acr-microservices-test", "acr-microservices-prod", "acr-microservices-pr", "pull-requests"},
		[]string{
			s.Things["endpoint"][0]["name"].(string), s.Things["endpoint"][1]["name"].(string), s.Things["endpoint"][2]["name"].(string),
			s.Things["endpoint"][3]["name"].(string), s.Things["endpoint"][4]["name"].(string),
		})
	hook := s.Things["hook"][0]
	assert.Regexp(t, `^https://dev.azure.com/acme/_apis/public/distributedtask/webhooks/[0-9a-f]{32}\?api-version=6.0-preview$`, hook["consumerInputs"].(object)["url"])
	assert.Equal(t, "StatusUpdateNotification", hook["publisherInputs"].(object)["notificationType"])
	for name := range s.Things["variables"][0]["variables"].(object) {
		assert.NotRegexp(t, "(?i)registry", name)
	}

	assert.Equal(t, []string{"acr-microservices-pipeline", "acr-microservices-pr-close"}, values(s.Things["pipeline"], "name"))

	// The pipeline builds these services, and a second run of the whole file says the same.
	parameters := w.parameters()
	assert.Equal(t, []any{
		map[string]any{"name": "customerapi", "source": "services/customerapi", "dockerfile": "docker/customerapi"},
		map[string]any{"name": "order-api", "source": "https://github.com/acme/orders.git#main"},
	}, parameters["services"])
	assert.Equal(t, true, parameters["prEnvironments"])
	assert.NoFileExists(t, filepath.Join(w.folder, ".azuredevops", "pipeline.yml.bak"))
	w.stackFiles("kubeletIdentity", "token")
}

// parameters returns the parameters of pipeline.yml with their defaults.
func (w *world) parameters() map[string]any {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.folder, ".azuredevops", "pipeline.yml"))
	require.NoError(w.t, err)
	var file struct {
		Parameters []struct {
			Name    string
			Default any
		}
	}
	require.NoError(w.t, yaml.Unmarshal(text, &file))
	found := map[string]any{}
	for _, parameter := range file.Parameters {
		found[parameter.Name] = parameter.Default
	}
	return found
}

// stackFiles checks the written settings that a preview needs.
func (w *world) stackFiles(modes ...string) {
	w.t.Helper()
	for i, stack := range []string{"test", "prod"} {
		text, err := os.ReadFile(filepath.Join(w.folder, "Pulumi."+stack+".yaml"))
		require.NoError(w.t, err)
		var file struct{ Config map[string]map[string]any }
		text = bytes.Replace(text, []byte("  azure-native:location: westeurope\n"), nil, 1)
		require.NoError(w.t, yaml.Unmarshal(text, &file), "%s", text)
		assert.Equal(w.t, map[string]any{"mode": modes[i]}, file.Config["acr-microservices:registry"]["pull"])
		assert.Contains(w.t, file.Config["acr-microservices:services"], "customerapi")
	}
}

func expectGitHub(w *world) {
	t, s := w.t, w.store()
	assert.Equal(t, []string{
		"preview repo:acme/shop:pull_request", "prod repo:acme/shop:environment:prod", "prod repo:acme/shop:ref:refs/heads/main",
		"test repo:acme/shop:environment:test", "test repo:acme/shop:ref:refs/heads/main",
	}, trusted(s))
	assert.Contains(t, fmt.Sprint(s.Things["environment"][1]["protection_rules"]), "required_reviewers")
	assert.NotContains(t, fmt.Sprint(s.Things["environment"][0]["protection_rules"]), "required_reviewers")
	assert.Equal(t, []string{"prod main", "test main"}, values(s.Things["branch"], "environment", "name"))
	variables := values(s.Things["variable"], "name", "value")
	assert.Contains(t, variables, `SERVICES [{"name":"customerapi","source":"services/customerapi"}]`)
	assert.Contains(t, variables, "AZURE_CLIENT_ID_PREVIEW client-of-acr-microservices-preview")
	assert.Contains(t, variables, "DEPLOY_UNAPPROVED false")
	assert.NotContains(t, w.script, "continuing without environments", "there nobody could approve")

	// Each variable that the workflows read is set, except those with a default.
	workflows, err := filepath.Glob(filepath.Join("..", "..", "..", ".github", "workflows", "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, workflows)
	for _, workflow := range workflows {
		text, err := os.ReadFile(workflow)
		require.NoError(t, err)
		for _, name := range strings.FieldsFunc(string(text), func(r rune) bool { return !strings.ContainsRune("vars.ABCDEFGHIJKLMNOPQRSTUVWXYZ_", r) }) {
			name, ok := strings.CutPrefix(name, "vars.")
			if ok && name != "RUNNER" && name != "AZURE_CLIENT_ID_PR" {
				assert.NotEmpty(t, s.with("variable", object{"name": name}), "%s reads %s", workflow, name)
			}
		}
	}
	w.stackFiles("kubeletIdentity", "token")
}

// TestSetupOtherWays: the article's way needs an Entra permission; a cluster elsewhere no role.
func TestSetupOtherWays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "azure-devops", "-organization", "https://dev.azure.com/acme/", "-project", "shop", "-cluster", "none", "-services", "customerapi=.", "-pull", "servicePrincipal")
	out, err := w.run()
	require.NoError(t, err, out)
	s := w.store()
	assert.Equal(t, []string{
		"/v1.0/servicePrincipals/principal-of-acr-microservices-prod/appRoleAssignments 18a4783c-866b-4cc7-a460-3d5e5662c884",
		"/v1.0/servicePrincipals/principal-of-acr-microservices-test/appRoleAssignments 18a4783c-866b-4cc7-a460-3d5e5662c884",
	}, values(s.with("rest", object{"resourceId": "graph"}), "folder", "appRoleId"))
	assert.Empty(t, s.with("role", object{"roleDefinitionName": "Azure Kubernetes Service Cluster User Role"}))
	assert.Equal(t, "true", s.Things["variables"][0]["variables"].(object)["deployUnapproved"], "nobody approves")
	// Nothing of a pull request's environment is made, and the pipeline names no connection of it.
	assert.Equal(t, []string{"acr-microservices-pipeline"}, values(s.Things["pipeline"], "name"))
	assert.Equal(t, []string{"acr-microservices-preview", "acr-microservices-prod", "acr-microservices-test"}, values(s.Things["endpoint"], "name"))
	assert.Equal(t, false, w.parameters()["prEnvironments"])
	w.stackFiles("servicePrincipal", "servicePrincipal")
	out, err = w.run()
	require.NoError(t, err, out)
	assert.Empty(t, told(out, "creating"))
}

// TestSetupRepository: GitHub Free has no environments for private repositories, and no identity trusts the subject of one, because
// nothing would limit it to main. A further run makes what another plan allows, and trusts the subjects of a repository that was renamed,
// which contain ids.
func TestSetupRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "github", "-repository", "acme/shop", "-cluster", "none", "-services", "none", "-pull-requests")
	s := w.store()
	s.Things["free"] = []object{{}}
	require.NoError(t, s.save())
	out, err := w.run()
	require.NoError(t, err, out)
	assert.Contains(t, out, "continuing without environments, which GitHub Free does not have for private repositories\n")
	s = w.store()
	assert.Equal(t, []string{
		"pr repo:acme/shop:pull_request", "pr repo:acme/shop:ref:refs/heads/main", "preview repo:acme/shop:pull_request",
		"prod repo:acme/shop:ref:refs/heads/main", "test repo:acme/shop:ref:refs/heads/main",
	}, trusted(s))
	assert.Len(t, s.with("variable", object{"name": "ENVIRONMENTS", "value": "false"}), 1)
	assert.Len(t, s.with("variable", object{"name": "DEPLOY_UNAPPROVED", "value": "true"}), 1)

	delete(s.Things, "free")
	// https://github.com/Azure/azure-dev/issues/9382
	s.Things["subject"] = []object{{"use_default": true, "use_immutable_subject": false, "sub_claim_prefix": "repo:acme@24213737/shop@1323153730"}}
	require.NoError(t, s.save())
	out, err = w.run()
	require.NoError(t, err, out)
	s = w.store()
	const prefix = "repo:acme@24213737/shop@1323153730:"
	assert.Equal(t, []string{
		"pr " + prefix + "pull_request", "pr " + prefix + "ref:refs/heads/main", "preview " + prefix + "pull_request", "prod " + prefix + "environment:prod",
		"prod " + prefix + "ref:refs/heads/main", "test " + prefix + "environment:test", "test " + prefix + "ref:refs/heads/main",
	}, trusted(s))
	assert.Equal(t, []string{"prod main", "test main"}, values(s.Things["branch"], "environment", "name"))
	assert.Len(t, s.with("variable", object{"name": "ENVIRONMENTS", "value": "true"}), 1)
}

// TestSetupOtherForms: other default branches, organizations at the old address, and GitHub's other issuers and subjects.
func TestSetupOtherForms(t *testing.T) {
	t.Parallel()
	t.Run("azure-devops", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "azure-devops", "-organization", "https://acme.visualstudio.com", "-project", "shop", "-cluster", "none", "-services", "none")
		s := w.store()
		s.Things["repository"] = []object{{"id": "repository-id", "defaultBranch": "refs/heads/master"}}
		require.NoError(t, s.save())
		out, err := w.run()
		require.NoError(t, err, out)
		assert.Contains(t, out, "warning: the pipelines deploy the branch main, but the default branch is master")
		assert.Contains(t, fmt.Sprint(w.store().Things["acl"]), "shop Build Service (acme)]")
	})
	t.Run("github", func(t *testing.T) {
		t.Parallel()
		const issuer = "https://token.actions.githubusercontent.com/acme"
		w := newWorld(t, "github", "-repository", "acme/shop", "-cluster", "none", "-services", "none", "-issuer", issuer)
		for _, test := range []struct {
			keys       []string
			prefix, no string
		}{
			{keys: []string{"repo", "context", "job_workflow_ref"}, no: "are made of: repo context job_workflow_ref."},
			{keys: []string{"actor", "context"}, no: "are made of: actor context."},
			{keys: nil, prefix: "repo:acme/shop"},
			{keys: []string{"repo", "context"}, prefix: "repo:acme/shop"},
			// https://github.com/microsoft/duroxide-pg/pull/17
			{keys: []string{"repository_owner_id", "repository_id", "context"}, prefix: "repository_owner_id:42:repository_id:17"},
			{keys: []string{"repository_owner", "repo", "repository_visibility", "context"}, prefix: "repository_owner:acme:repo:acme/shop:repository_visibility:private"},
		} {
			s := w.store()
			s.Things["subject"] = []object{{"use_default": false, "include_claim_keys": test.keys}}
			require.NoError(t, s.save())
			out, err := w.run()
			if test.no != "" {
				require.Error(t, err)
				assert.Contains(t, out, test.no)
				assert.Empty(t, trusted(w.store()))
				continue
			}
			require.NoError(t, err, out)
			assert.Contains(t, trusted(w.store()), "preview "+test.prefix+":pull_request")
			assert.Contains(t, trusted(w.store()), "prod "+test.prefix+":environment:prod")
		}
		assert.Len(t, w.store().with("credential", object{"issuer": issuer}), len(trusted(w.store())))

		s := w.store()
		s.Things["repository"] = []object{{"default_branch": "develop"}}
		s.Things["subject"] = nil
		require.NoError(t, s.save())
		out, err := w.run()
		require.NoError(t, err, out)
		assert.Contains(t, out, "warning: the pipelines deploy the branch main, but the default branch is develop")
	})
}

// TestSetupElsewhere: addresses and names of the public cloud are in the script and in the pipelines.
func TestSetupElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "azure-devops", azure...)
	s := w.store()
	s.Things["cloud"] = []object{{"name": "AzureUSGovernment", "isActive": true}}
	require.NoError(t, s.save())
	out, err := w.run()
	require.Error(t, err)
	assert.Equal(t, "the pipelines support the public cloud only\n", out)
	assert.Empty(t, w.store().Calls)
}

// trusted returns which subjects the identities trust.
func trusted(s *store) []string {
	found := values(s.Things["credential"], "identity", "subject")
	for i := range found {
		found[i] = strings.TrimPrefix(found[i], "acr-microservices-")
	}
	return found
}

// TestSetupRefuses: all errors are reported at once, and no shell metacharacter gets into the script.
func TestSetupRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "github", gitHub...)
	out, err := w.setup("github", "-subscription", "$(id)", "-repository", "acme/shop;id", "-cluster", "a", "-services", "A=b,c,d=.=a b", "-approver", "x y", "-builder", "podman", "-pull", "admin",
		"-location", "West Europe", "-account", "A", "-vault", "1")
	require.Error(t, err)
	for _, want := range []string{
		`-subscription "$(id)" is not the id`, `-repository "acme/shop;id" is not owner/name`, `-cluster "a" is not group/name`, `-services "A=b" is not name=source`,
		`-services "c" is not name=source`, `-services "d=.=a b" is not name=source`, `-approver "x y" is not`, `-builder "podman" is not one of acr, docker`, `-pull "admin" is not one of`,
		`-location "West Europe" is not a region`, `-account "A" is not`, `-vault "1" is not`,
	} {
		assert.Contains(t, out, want)
	}
	out, err = w.setup("azure-devops")
	require.Error(t, err)
	assert.Contains(t, out, "missing: -cluster, -organization, -project, -services")
	_, err = w.setup("gitlab")
	require.Error(t, err)
}

// TestDoublesRefuse: the doubles are as strict as the programs.
func TestDoublesRefuse(t *testing.T) {
	t.Parallel()
	s := &store{Things: map[string][]object{}}
	for args, want := range map[string]string{
		"group create --name x":                          "required: --location",
		"group create --name x --location y --region z":  "unrecognized arguments: --region",
		"group make --name x":                            "misspelled",
		"storage account create --name x":                "required: --resource-group",
		"identity create --name x --resource-group y":    "ResourceGroupNotFound",
		"devops invoke --api-version 7.1-preview.1":      "invalid syntax",
		"account show --query [?":                        "SyntaxError",
		"pipelines create --name x --skip-first-run no ": "before anything is there",
	} {
		require.ErrorContains(t, azDouble(strings.Fields(args), s, os.Stderr), want, args)
	}
	for args, want := range map[string]string{
		"variable set X --value y":              "unrecognized arguments: --value",
		"variable list --repo x":                "--json",
		"api repos/acme/other/environments":     "404",
		"api users/x --jq .[":                   "unexpected",
		"environment create --name production ": "unknown command",
	} {
		require.ErrorContains(t, ghDouble(strings.Fields(args), s, os.Stderr), want, args)
	}
}
