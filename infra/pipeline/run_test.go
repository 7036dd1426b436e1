//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program writes a shell script into a folder, and adds the folder to PATH.
func program(t *testing.T, name, script string) {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script), 0o700))
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
}

// onWorkstation makes a test independent of the host that it runs on.
func onWorkstation(t *testing.T) {
	t.Helper()
	for _, name := range []string{"TF_BUILD", "GITHUB_ACTIONS", "AZURE_CLIENT_ID"} {
		t.Setenv(name, "")
	}
}

func TestRunCommand(t *testing.T) {
	onWorkstation(t)
	t.Chdir(t.TempDir())
	write(t, "secrets.json", secretState)
	program(t, "pulumi", `case "$*" in
"stack export --show-secrets --stack test") cat secrets.json ;;
up) echo "password: `+secretPassword+`"; echo "##vso[task.setvariable variable=PATH]/tmp"; printf "::set-output name=a::b" ;;
*) echo "error: no such stack" >&2; exit 1 ;;
esac
`)
	var out bytes.Buffer
	require.NoError(t, run([]string{"run", "-stack", "test", "-log", "log.txt", "--", "pulumi", "up"}, &out))
	log, err := os.ReadFile("log.txt")
	require.NoError(t, err)
	const want = "password: [secret]\n#.#vso[task.setvariable variable=PATH]/tmp\n.::set-output name=a::b\n"
	require.Equal(t, want, string(log))
	require.Equal(t, want, out.String())

	require.EqualError(t, run([]string{"run", "--", "pulumi", "preview"}, io.Discard), "pipeline run: no such stack")
	require.ErrorContains(t, run([]string{"run", "-stack", "prod", "--", "pulumi", "up"}, io.Discard), "pulumi stack export: exit status 1: error: no such stack")
	require.ErrorContains(t, run([]string{"run"}, io.Discard), "the program to run is missing")
	require.ErrorContains(t, run([]string{"run", "--", "no-such-program"}, io.Discard), "no-such-program")
}

// Azure Pipelines looks for ##vso[ anywhere in a line, and GitHub for ##[.
func TestDisarmed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"##vso[task.prependpath]/tmp":            "#.#vso[task.prependpath]/tmp",
		"pod says ##vso[task.prependpath]/tmp":   "pod says #.#vso[task.prependpath]/tmp",
		"pod says ##[add-path]/tmp ##[group]":    "pod says #.#[add-path]/tmp #.#[group]",
		"###[add-path]/tmp":                      "##.#[add-path]/tmp",
		"::add-path::/tmp":                       ".::add-path::/tmp",
		"\t \u00a0\u2003::add-path::/tmp":        "\t \u00a0\u2003.::add-path::/tmp",
		"50 %\r::add-path::/tmp\r\r ::a::b":      "50 %\r.::add-path::/tmp\r\r .::a::b",
		"two\nlines\n::add-path::/tmp":           "two\nlines\n.::add-path::/tmp",
		"urn:pulumi:test::shop::a:b:C::d":        "urn:pulumi:test::shop::a:b:C::d",
		"## heading, # [1], ##vso, image@##: []": "## heading, # [1], ##vso, image@##: []",
	} {
		require.Equal(t, want, disarmed(text))
		require.Equal(t, want, disarmed(want))
	}
}

// Each problem of the configuration is a line on the run's page.
func TestRunErrors(t *testing.T) {
	onWorkstation(t)
	for name, test := range map[string]struct{ script, want string }{
		"configuration": {`cat <<END
Diagnostics:
  pulumi:pulumi:Stack (shop-test):
    error: an unhandled error occurred: program failed:
    configuration has 3 problems:
      registry.sku: "Gold" is not one of Basic, Standard, Premium
      services.api.image.tag: "a/b" is no tag: 100% wrong
      services.web.release.timeoutSeconds: 0 is less than 1
    error: preview failed
Resources:
    1 unchanged
END
exit 1`, `##vso[task.logissue type=error]registry.sku: "Gold" is not one of Basic, Standard, Premium
##vso[task.logissue type=error]services.api.image.tag: "a/b" is no tag: 100%AZP25 wrong
##vso[task.logissue type=error]services.web.release.timeoutSeconds: 0 is less than 1
`},
		"one error": {"echo 'error: no stack named test found' >&2; exit 1", "##vso[task.logissue type=error]no stack named test found\n"},
		"twice":     {"echo 'error: a'; echo '  x (y): error: a'; echo 'error: update failed'; exit 1", "##vso[task.logissue type=error]a\n"},
		// https://github.com/pulumi/pulumi/issues/16670
		"without a word": {"echo Updating; exit 255", "##vso[task.logissue type=error]pulumi failed without an error message. With a plan, this means that an output of the stack " +
			"differs from the plan's, and the resources are updated: start a new run of the pipeline, which previews what is left\n##vso[task.logissue type=error]exit status 255\n"},
		"violated": {
			"echo 'error: resource u violates plan: properties changed: =~a[{x}]'; echo 'error: update failed'; exit 1",
			"##vso[task.logissue type=error]resource u violates plan: properties changed: a and maybe others (values are hidden)\n" +
				"##vso[task.logissue type=error]the resources have changed since the preview: start a new run of the pipeline, which previews them again\n" +
				"##vso[task.logissue type=error]exit status 1\n",
		},
	} {
		program(t, "engine", test.script)
		err := run([]string{"run", "--", "engine"}, io.Discard)
		require.Error(t, err, name)
		var page bytes.Buffer
		hostOf(envOf(map[string]string{"TF_BUILD": "True"})).fail(&page, err)
		assert.Equal(t, test.want, page.String(), name)
	}
}

func TestIssues(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"TF_BUILD": "True"}, "##vso[task.logissue type=error]a%0A50%AZP25\n"},
		{map[string]string{"GITHUB_ACTIONS": "true"}, "::error::a%0A50%25\n"},
		{nil, ""},
	} {
		var page bytes.Buffer
		hostOf(envOf(test.env)).fail(&page, fmt.Errorf("a\n50%%"))
		require.Equal(t, test.want, page.String())
	}
	// Each finding of guard is a line of its own.
	var page bytes.Buffer
	err := note{Commit: "a", Stack: "test"}.compare(note{Commit: "b", Stack: "prod"})
	hostOf(envOf(map[string]string{"GITHUB_ACTIONS": "true"})).fail(&page, fmt.Errorf("pipeline guard: %w", err))
	require.Equal(t, "::error::it was made for commit a, but this is commit b: start a new run of the pipeline\n::error::it was made for the stack test, but this is the stack prod\n", page.String())
}

func TestRunLocked(t *testing.T) {
	onWorkstation(t)
	for _, words := range []string{
		"error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.",
		"error: [409] Conflict: Another update is currently in progress.",
	} {
		folder := t.TempDir()
		write(t, filepath.Join(folder, "words"), words+"\n")
		program(t, "engine", `cat "`+folder+`/words"; exit 255`)
		err := run([]string{"run", "-wait", "0s", "--", "engine"}, io.Discard)
		require.ErrorContains(t, err, "the stack is locked: wait for the other run to end and start a new one; if no other run uses it, a run was killed: remove its lock with `pulumi cancel --stack ")
	}
	said := said{}
	said.add("error: the stack is currently locked by 1 lock(s).")
	require.ErrorContains(t, said.explain("test", os.ErrClosed), "`pulumi cancel --stack test`")
	require.True(t, said.locked, "and the command is retried until -wait has passed")
}

// A pull request cannot create its stack: without one, there is nothing to preview.
func TestRunAbsent(t *testing.T) {
	onWorkstation(t)
	t.Chdir(t.TempDir())
	for _, test := range []struct {
		words  string
		absent bool
	}{
		{"error: no stack named 'test' found", true},
		{`error: write ".pulumi/meta.yaml": blob (key ".pulumi/meta.yaml") (code=Unknown): PUT https://contoso.blob.core.windows.net/state/.pulumi/meta.yaml`, true},
		{`error: read ".pulumi/meta.yaml": blob (key ".pulumi/meta.yaml") (code=Unknown): GET https://contoso.blob.core.windows.net/state/.pulumi/meta.yaml`, false},
	} {
		write(t, "words", test.words+"\n")
		program(t, "engine", "cat words; exit 255")
		require.Error(t, run([]string{"run", "--", "engine"}, io.Discard), test.words)
		err := run([]string{"run", "-absent", "plan/preview.txt", "--", "engine"}, io.Discard)
		if !test.absent {
			require.Error(t, err, test.words)
			require.NoFileExists(t, "plan/preview.txt")
			continue
		}
		require.NoError(t, err, test.words)
		note, err := os.ReadFile("plan/preview.txt")
		require.NoError(t, err)
		require.Contains(t, previewComment("T", string(note), azureCommentLimit), "\n\n**not deployed yet, nothing to preview**\n\n")
		require.NoError(t, os.RemoveAll("plan"))
	}
}

// An agent interrupts this program, or its process group: the engine gets one interrupt, and can finish its work.
func TestRunInterrupted(t *testing.T) {
	if folder := os.Getenv("INTERRUPTED"); folder != "" {
		err := run([]string{"run", "--", "sh", "-c", `trap 'echo interrupt >> "$INTERRUPTED/got"; done=1' INT; echo > "$INTERRUPTED/started"; while [ -z "$done" ]; do sleep 0.05; done; sleep 0.2`}, os.Stdout)
		assert.NoError(t, err)
		return
	}
	onWorkstation(t)
	folder := t.TempDir()
	command := exec.Command(os.Args[0], "-test.run", "^TestRunInterrupted$")
	command.Env = append(os.Environ(), "INTERRUPTED="+folder)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, command.Start())
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	require.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(folder, "started")); return err == nil }, time.Minute, 10*time.Millisecond)
	require.NoError(t, syscall.Kill(-command.Process.Pid, syscall.SIGINT), "the whole group")
	require.NoError(t, <-ended)
	got, err := os.ReadFile(filepath.Join(folder, "got"))
	require.NoError(t, err)
	require.Equal(t, "interrupt\n", string(got))
	signal.Reset(os.Interrupt)
}

func TestSignIn(t *testing.T) {
	folder := t.TempDir()
	program(t, "az", `echo "$*" >> "`+folder+`/calls"; [ -z "$REFUSE" ] || { echo "AADSTS70021: $7 $*" >&2; exit 1; }`)
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization"))
		assert.NoError(t, json.NewEncoder(w).Encode(map[string]string{"oidcToken": "azure-token", "value": "github-token"}))
	}))
	defer server.Close()
	env := map[string]string{
		"AZURE_CLIENT_ID": "client", "AZURE_TENANT_ID": "tenant", "ARM_SUBSCRIPTION_ID": "subscription", "AZURE_CONNECTION_ID": "connection",
		"SYSTEM_ACCESSTOKEN": "azure", "SYSTEM_OIDCREQUESTURI": server.URL + "/oidctoken",
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "github", "ACTIONS_ID_TOKEN_REQUEST_URL": server.URL + "/token?a=b",
	}
	for _, host := range []string{"TF_BUILD", "GITHUB_ACTIONS"} {
		own := envOf(env)
		stop, err := hostOf(func(name string) string {
			if name == host {
				return "true"
			}
			return own(name)
		}).signIn()
		require.NoError(t, err)
		stop()
	}
	require.Equal(t, []string{
		"POST /oidctoken?api-version=7.1&serviceConnectionId=connection Bearer azure",
		"GET /token?a=b&audience=api%3A%2F%2FAzureADTokenExchange Bearer github",
	}, asked)
	calls, err := os.ReadFile(filepath.Join(folder, "calls"))
	require.NoError(t, err)
	require.Equal(t, `login --service-principal --username client --tenant tenant --federated-token azure-token --output none
account set --subscription subscription
login --service-principal --username client --tenant tenant --federated-token github-token --output none
account set --subscription subscription
`, string(calls))

	// A workstation is already signed in, and so is a run without its own identity.
	for _, name := range []string{"", "TF_BUILD"} {
		stop, err := hostOf(envOf(map[string]string{name: "True"})).signIn()
		require.NoError(t, err)
		stop()
	}
	t.Setenv("REFUSE", "1")
	env["GITHUB_ACTIONS"] = "true"
	_, err = hostOf(envOf(env)).signIn()
	require.ErrorContains(t, err, "signing in to Azure: az login: exit status 1: AADSTS70021")
	require.NotContains(t, err.Error(), "github-token")
	require.ErrorContains(t, err, masked)
}
