//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pushing creates a checkout with the stacks test and prod, and doubles of pulumi, az and docker. It returns the calls of the
// doubles, one in each line.
func pushing(t *testing.T, test, prod string) (calls func() string) {
	t.Helper()
	onWorkstation(t)
	t.Chdir(t.TempDir())
	write(t, "Pulumi.yaml", "name: shop\n")
	write(t, "Pulumi.test.yaml", "config: {shop:services: {api: "+test+"}}\n")
	write(t, "Pulumi.prod.yaml", "config: {shop:services: {api: "+prod+"}}\n")
	require.NoError(t, os.MkdirAll("services/api", 0o750))
	write(t, "services/api/Dockerfile", "FROM scratch\n")
	for _, args := range [][]string{{"init", "-q"}, {"add", "services"}, {"-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "x"}} {
		out, err := exec.Command("git", args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	folder := t.TempDir()
	program(t, "pulumi", `case "$*" in
"stack ls --json") echo '[{"name": "organization/shop/test"}]' ;;
"stack output --json --stack test") echo "${OUTPUTS:-{\"registryName\": \"shopacr\"\}}" ;;
*) exit 3 ;;
esac
`)
	program(t, "az", `echo "az $*" >> "`+folder+`/calls"
case "$*" in
*"repository show"*) name=$(echo "$7" | tr ':/' '__'); cat "`+folder+`/$name" 2>/dev/null || { echo "ERROR: tag not found" >&2; exit 1; } ;;
"acr show"*) echo shopacr-abc.azurecr.io ;;
"acr build"*)
	echo "Step 1/1 : RUN echo ##vso[task.prependpath]/tmp"
	[ -z "$REFUSE" ] || { echo "ERROR: $REFUSE" >&2; exit 1; }
	previous=; for arg; do [ "$previous" != --image ] || echo "`+someDigest+`" > "`+folder+`/$(echo "$arg" | tr ':/' '__')"; previous=$arg; done ;;
esac
`)
	program(t, "docker", `echo "docker $*" >> "`+folder+`/calls"
[ "$1" != push ] || echo "`+otherDigest+`" > "`+folder+`/$(echo "${2#*/}" | tr ':/' '__')"
`)
	return func() string {
		text, err := os.ReadFile(filepath.Join(folder, "calls"))
		if os.IsNotExist(err) {
			return ""
		}
		require.NoError(t, err)
		require.NoError(t, os.Remove(filepath.Join(folder, "calls")))
		return string(text)
	}
}

func push(out io.Writer, more ...string) error {
	args := []string{"push", "-service", "api", "-source", "services/api", "-tag", "7", "-stacks", "test,prod", "-out", "images"}
	return run(append(args, more...), out)
}

// treeTag returns the tag of the content of a source.
func treeTag(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("git", "rev-parse", "HEAD:services/api").Output()
	require.NoError(t, err)
	return "tree-" + strings.TrimSpace(string(out))
}

func TestPushCommand(t *testing.T) {
	calls := pushing(t, "{image: {repository: team/api}}", "{image: {repository: team/api}}")
	tree := treeTag(t)
	var out bytes.Buffer
	require.NoError(t, push(&out, "-moving", "latest"))
	require.Equal(t, "az acr repository show --name shopacr --image team/api:"+tree+" --query digest --output tsv\n"+
		"az acr build --registry shopacr --source-acr-auth-id [caller] --image team/api:7 --image team/api:latest --image team/api:"+tree+" services/api\n"+
		"az acr repository show --name shopacr --image team/api:7 --query digest --output tsv\n", calls())
	require.Contains(t, out.String(), "Step 1/1 : RUN echo #.#vso[task.prependpath]/tmp\n")
	note, err := os.ReadFile("images/image-api.json")
	require.NoError(t, err)
	require.JSONEq(t, `{"api": {"repository": "team/api", "tag": "7", "digest": "`+someDigest+`"}}`, string(note))

	// The same content again: nothing is built, and the image is the same by its digest.
	require.NoError(t, run([]string{"push", "-service", "api", "-source", "services/api", "-tag", "8", "-moving", "latest", "-stacks", "test", "-out", "images"}, &out))
	require.NotContains(t, calls(), "az acr build")
	require.Contains(t, out.String(), "team/api: services/api has not changed since it was built\n")
	note, err = os.ReadFile("images/image-api.json")
	require.NoError(t, err)
	require.JSONEq(t, `{"api": {"repository": "team/api", "tag": "`+tree+`", "digest": "`+someDigest+`"}}`, string(note))

	// If the moving tag is on another image, it must move.
	require.NoError(t, push(&out, "-moving", "pr-17"))
	require.Contains(t, calls(), "--image team/api:pr-17")

	// git has no hash for the content at an address, so the image is built.
	require.NoError(t, push(&out, "-source", "https://github.com/acme/shop.git"))
	require.Contains(t, calls(), "--image team/api:7 https://github.com/acme/shop.git\n")
}

func TestPushByDocker(t *testing.T) {
	calls := pushing(t, "{}", "")
	tree := treeTag(t)
	require.NoError(t, push(io.Discard, "-builder", "docker"))
	require.Equal(t, "az acr repository show --name shopacr --image api:"+tree+" --query digest --output tsv\n"+
		"az acr login --name shopacr\naz acr show --name shopacr --query loginServer --output tsv\n"+
		"docker build --tag shopacr-abc.azurecr.io/api:7 --tag shopacr-abc.azurecr.io/api:"+tree+" services/api\n"+
		"docker push shopacr-abc.azurecr.io/api:7\ndocker push shopacr-abc.azurecr.io/api:"+tree+"\n"+
		"az acr repository show --name shopacr --image api:7 --query digest --output tsv\n", calls())
	require.EqualError(t, push(io.Discard, "-builder", "podman"), `pipeline push: imageBuilder "podman" is not one of acr, docker`)
}

// TestPushDockerfile: a Dockerfile can be elsewhere, and its content is part of what was built.
func TestPushDockerfile(t *testing.T) {
	calls := pushing(t, "{}", "{}")
	tree := treeTag(t)
	blob, err := exec.Command("git", "rev-parse", "HEAD:services/api/Dockerfile").Output()
	require.NoError(t, err)
	tree += "-" + string(blob[:12])
	require.NoError(t, push(io.Discard, "-dockerfile", "services/api/Dockerfile"))
	require.Contains(t, calls(), "az acr build --registry shopacr --source-acr-auth-id [caller] --file services/api/Dockerfile --image api:7 --image api:"+tree+" services/api\n")
	require.NoError(t, push(io.Discard, "-dockerfile", "services/api/Dockerfile"))
	require.NotContains(t, calls(), "az acr build")
	require.NoError(t, push(io.Discard, "-dockerfile", "services/api/Dockerfile", "-builder", "docker", "-moving", "pr-1"))
	require.Contains(t, calls(), "docker build --file services/api/Dockerfile --tag")
	require.NoError(t, push(io.Discard, "-source", "https://github.com/acme/shop.git", "-dockerfile", "docker/api"))
	require.Contains(t, calls(), "--file docker/api --image api:7 https://github.com/acme/shop.git\n")
}

func TestPushTags(t *testing.T) {
	calls := pushing(t, "{}", "{}")
	for _, tag := range []string{"feature/x", "refs/heads/main", "1.0+7", "-x", strings.Repeat("x", 129), "ü"} {
		require.ErrorContains(t, push(io.Discard, "-tag", tag), "is not a tag")
		require.ErrorContains(t, push(io.Discard, "-moving", tag), "is not a tag")
	}
	require.Empty(t, calls())
	for _, tag := range []string{"Feature-X", "_1.0", "20261130.7", strings.Repeat("X", 128)} {
		require.NoError(t, push(io.Discard, "-tag", tag))
	}
}

func TestPushRefusals(t *testing.T) {
	for name, test := range map[string]struct{ refusal, want string }{
		"free subscription": {"(TasksOperationsNotAllowed) ACR Tasks requests for the registry shopacr are not permitted.", "set imageBuilder (IMAGE_BUILDER at GitHub) to docker"},
		"closed registry":   {"denied: client with IP '1.2.3.4' is not allowed access", "the registry is closed to ACR Tasks"},
		"old CLI":           {"unrecognized arguments: --source-acr-auth-id [caller]", "too old for registries in the ABAC mode"},
	} {
		pushing(t, "{}", "{}")
		t.Setenv("REFUSE", test.refusal)
		err := push(io.Discard)
		require.ErrorContains(t, err, "az acr build: exit status 1\n", name)
		require.ErrorContains(t, err, "ERROR: "+test.refusal, name)
		require.ErrorContains(t, err, test.want, name)
	}
}

func TestPushBeforeTheFirstDeployment(t *testing.T) {
	calls := pushing(t, "{}", "{}")
	t.Setenv("OUTPUTS", "{}")
	t.Setenv("GITHUB_ACTIONS", "true")
	var out bytes.Buffer
	require.NoError(t, push(&out))
	require.Empty(t, calls())
	require.Equal(t, "::warning::api is not built: stack test has no registry yet. This run creates it; run the pipeline again afterwards.\n", out.String())
	require.NoDirExists(t, "images")
}

func TestRepositoryOf(t *testing.T) {
	for _, test := range []struct{ test, prod, want, problem string }{
		{"{}", "", "api", ""},
		{"{image: {tag: 1}}", "{image: {repository: api}}", "api", ""},
		{"{image: {repository: team/api}}", "{image: {repository: team/api}}", "team/api", ""},
		{"{image: {repository: team/api}}", "{}", "", `services.api.image.repository: "api" in Pulumi.prod.yaml, but "team/api" in Pulumi.test.yaml: one image cannot be in both`},
		{"{image: {repository: docker.io/acme/api}}", "{}", "", `Pulumi.test.yaml: services.api.image.repository: "docker.io/acme/api" is not in the stack's own registry`},
		{"{image: {repository: 'localhost:5000/api'}}", "{}", "", `"localhost:5000/api" is not in the stack's own registry`},
	} {
		pushing(t, test.test, test.prod)
		got, err := repositoryOf("api", []string{"test", "acme/shop/prod"})
		if test.problem != "" {
			require.ErrorContains(t, err, test.problem)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, test.want, got)
	}
	_, err := repositoryOf("web", []string{"test"})
	require.EqualError(t, err, "Pulumi.test.yaml has no service web, but the pipeline builds an image for it")
	_, err = repositoryOf("web", []string{"stage"})
	require.ErrorContains(t, err, "Pulumi.stage.yaml is not in the repository")
}

// An image is deployed from where it was pushed, or not at all.
func TestStackFileRepositories(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "Pulumi.yaml", "name: shop\n")
	write(t, "running.json", "{}")
	write(t, "state.json", `{"deployment": null}`)
	const settings = "config: {shop:services: {api: {image: {repository: team/api}}, web: {image: {repository: other/web}}, job: {}}}\n"
	write(t, "Pulumi.test.yaml", settings)
	stackFile := []string{"stack-file", "-stack", "test", "-images", "images", "-running", "running.json", "-state", "state.json"}
	for _, service := range []string{"api", "web", "job"} {
		require.NoError(t, run([]string{"image", "-service", service, "-tag", "42", "-digest", someDigest, "-out", "images"}, io.Discard))
	}
	err := run(stackFile, io.Discard)
	require.EqualError(t, err, "pipeline stack-file: Pulumi.test.yaml: services.api.image.repository: \"team/api\" is not the repository to which the pipeline pushed the image, \"api\"\n"+
		"  services.web.image.repository: \"other/web\" is not the repository to which the pipeline pushed the image, \"web\"")
	text, err := os.ReadFile("Pulumi.test.yaml")
	require.NoError(t, err)
	require.Equal(t, settings, string(text))

	for service, repository := range map[string]string{"api": "team/api", "web": "other/web"} {
		require.NoError(t, run([]string{"image", "-service", service, "-repository", repository, "-tag", "43", "-digest", someDigest, "-out", "images/image-" + service + "-2"}, io.Discard))
		require.NoError(t, os.Remove("images/image-"+service+".json"))
	}
	// A job that ran again has another artifact, and the last one wins.
	require.NoError(t, run([]string{"image", "-service", "web", "-repository", "other/web", "-tag", "44", "-digest", otherDigest, "-out", "images/image-web-10"}, io.Discard))
	var out bytes.Buffer
	require.NoError(t, run(stackFile, &out))
	require.Contains(t, out.String(), "api: the image that was built, 43@"+someDigest+"\n")
	require.Contains(t, out.String(), "web: the image that was built, 44@"+otherDigest+"\n")
}

// An image that has not changed makes no new release: it keeps the tag with which it runs.
func TestWithImagesUnchanged(t *testing.T) {
	t.Parallel()
	file, err := parseStackFile([]byte("config: {shop:services: {api: {}}}\n"), "shop")
	require.NoError(t, err)
	told, err := withImages(file, "shop:services", map[string]builtImage{"api": {Tag: "8", Digest: someDigest}}, map[string]string{"api": "h/api:7@" + someDigest})
	require.NoError(t, err)
	require.Equal(t, []string{"api: the image that runs, which has not changed, 7@" + someDigest}, told)
	require.Equal(t, "7", node(file, "config", "shop:services", "api", "image", "tag").Value)
}

// The preview fixes the time, so that no password becomes due before the deployment.
func TestStackFileMomentOfPreview(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "Pulumi.yaml", "name: shop\n")
	write(t, "running.json", "{}")
	write(t, "state.json", stateText)
	write(t, "Pulumi.test.yaml", "config: {shop:services: {api: {}}}\n")
	require.NoError(t, run([]string{"stack-file", "-stack", "test", "-running", "running.json", "-state", "state.json", "-as-of", "preview"}, io.Discard))
	text, err := os.ReadFile("Pulumi.test.yaml")
	require.NoError(t, err)
	require.Regexp(t, `asOf: "20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"`, string(text))
	require.NotContains(t, string(text), "2026-11-24T10:00:00Z")
}
