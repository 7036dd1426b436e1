package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func envOf(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

const hostToken = "correct-horse"

func azureEnv(server string) map[string]string {
	return map[string]string{
		"TF_BUILD": "True", "SYSTEM_COLLECTIONURI": server + "/acme/", "SYSTEM_TEAMPROJECTID": "shop", "BUILD_REPOSITORY_ID": "repo",
		"SYSTEM_PULLREQUEST_PULLREQUESTID": "17", "BUILD_REPOSITORY_PROVIDER": "TfsGit", "SYSTEM_ACCESSTOKEN": hostToken,
	}
}

func gitHubEnv(server string) map[string]string {
	return map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_API_URL": server, "GITHUB_REPOSITORY": "acme/shop", "PULL_REQUEST": "17", "GITHUB_TOKEN": hostToken,
	}
}

// exchange is one request to a host, and its body.
type exchange struct{ request, body string }

// answering serves fixed answers by request, and records the requests.
func answering(t *testing.T, answers map[string]string) (server string, asked *[]exchange) {
	t.Helper()
	asked = &[]exchange{}
	double := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, "Bearer "+hostToken, r.Header.Get("Authorization"))
		assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
		request := r.Method + " " + r.URL.RequestURI()
		*asked = append(*asked, exchange{request, strings.TrimSpace(string(body))})
		answer, known := answers[request]
		if !known {
			w.WriteHeader(http.StatusNotFound)
		}
		_, err = io.WriteString(w, answer)
		assert.NoError(t, err)
	}))
	t.Cleanup(double.Close)
	return double.URL, asked
}

func TestHostOf(t *testing.T) {
	t.Parallel()
	require.Equal(t, azureCommentLimit, hostOf(envOf(nil)).limit())
	require.Equal(t, azureCommentLimit, hostOf(envOf(azureEnv(""))).limit())
	require.Equal(t, gitHubCommentLimit, hostOf(envOf(gitHubEnv(""))).limit())
}

func TestCommentAzureCalls(t *testing.T) {
	t.Parallel()
	const threads = "/acme/shop/_apis/git/repositories/repo/pullRequests/17/threads"
	text := marker("T") + "\n<new> & \"text\""
	server, asked := answering(t, map[string]string{
		"GET " + threads + "?api-version=7.1":  `{"value": [{"id": 3, "comments": [{"id": 1, "content": "see ` + marker("T") + `"}, {"id": 2}]}, {"id": 4}]}`,
		"POST " + threads + "?api-version=7.1": "{}",
	})
	var out bytes.Buffer
	require.NoError(t, hostOf(envOf(azureEnv(server))).comment(&out, "T", text))
	require.Equal(t, "added a comment to the pull request\n", out.String())
	require.Len(t, *asked, 2)
	require.Empty(t, (*asked)[0].body)
	var posted map[string]any
	require.NoError(t, json.Unmarshal([]byte((*asked)[1].body), &posted))
	require.Equal(t, map[string]any{
		"status": "closed", "comments": []any{map[string]any{"parentCommentId": 0.0, "commentType": "text", "content": text}},
	}, posted)

	server, asked = answering(t, map[string]string{
		"GET " + threads + "?api-version=7.1":                `{"value": [{"id": 3, "comments": [{"id": 1, "content": "x"}, {"id": 8, "content": "` + marker("T") + `\nold"}]}, {"id": 9, "comments": [{"id": 1, "content": "` + marker("T") + `"}]}]}`,
		"PATCH " + threads + "/3/comments/8?api-version=7.1": "{}",
	})
	out.Reset()
	require.NoError(t, hostOf(envOf(azureEnv(server))).comment(&out, "T", text))
	require.Equal(t, "updated the pull request's comment\n", out.String())
	require.Len(t, *asked, 2)
	var patched map[string]any
	require.NoError(t, json.Unmarshal([]byte((*asked)[1].body), &patched))
	require.Equal(t, map[string]any{"content": text}, patched)
}

func TestCommentGitHubCalls(t *testing.T) {
	t.Parallel()
	const issues = "/repos/acme/shop/issues"
	page := func(count int, last string) string {
		found := make([]map[string]any, count)
		for i := range found {
			found[i] = map[string]any{"id": i, "body": "hello"}
		}
		if last != "" {
			found = append(found, map[string]any{"id": 4_000_000_001, "body": last})
		}
		text, err := json.Marshal(found)
		require.NoError(t, err)
		return string(text)
	}
	get := func(page string) string { return "GET " + issues + "/17/comments?per_page=100&page=" + page }
	const post, patch = "POST " + issues + "/17/comments", "PATCH " + issues + "/comments/4000000001"
	for name, test := range map[string]struct {
		pages []string
		want  []string
		told  string
	}{
		"none":           {[]string{"[]"}, []string{get("1"), post}, "added a comment to the pull request\n"},
		"others":         {[]string{page(98, marker("other"))}, []string{get("1"), post}, "added a comment to the pull request\n"},
		"quoted":         {[]string{page(1, "> "+marker("T"))}, []string{get("1"), post}, "added a comment to the pull request\n"},
		"full page":      {[]string{page(100, ""), "[]"}, []string{get("1"), get("2"), post}, "added a comment to the pull request\n"},
		"first page":     {[]string{page(99, marker("T"))}, []string{get("1"), patch}, "updated the pull request's comment\n"},
		"on a last page": {[]string{page(100, ""), page(100, ""), page(3, marker("T")+"\nold")}, []string{get("1"), get("2"), get("3"), patch}, "updated the pull request's comment\n"},
	} {
		answers := map[string]string{post: "{}", patch: "{}"}
		for i, text := range test.pages {
			answers[get(string(rune('1'+i)))] = text
		}
		server, asked := answering(t, answers)
		var out bytes.Buffer
		require.NoError(t, hostOf(envOf(gitHubEnv(server))).comment(&out, "T", "new"), name)
		require.Equal(t, test.told, out.String(), name)
		var requests []string
		for _, one := range *asked {
			requests = append(requests, one.request)
		}
		require.Equal(t, test.want, requests, name)
		require.JSONEq(t, `{"body": "new"}`, (*asked)[len(*asked)-1].body, name)
	}
}

func TestCommentErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status       int
		answer, want string
	}{
		"refused":   {http.StatusForbidden, `{"message": "not allowed"}`, `403 Forbidden: {"message": "not allowed"}; does the run's identity, such as the build service, have that permission?`},
		"not there": {http.StatusNotFound, "", "404 Not Found: ;"},
		"broken":    {http.StatusBadGateway, strings.Repeat("✓", 200), "502 Bad Gateway: " + strings.Repeat("✓", 100) + "…;"},
		"sign in":   {http.StatusNonAuthoritativeInfo, "<html>Sign In</html>", "203 Non-Authoritative Information: <html>Sign In</html>;"},
		"no JSON":   {http.StatusOK, "<html>", "invalid character '<'"},
	} {
		calls := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls++
			w.WriteHeader(test.status)
			_, err := io.WriteString(w, test.answer)
			assert.NoError(t, err)
		}))
		for _, env := range []map[string]string{azureEnv(server.URL), gitHubEnv(server.URL)} {
			var out bytes.Buffer
			err := hostOf(envOf(env)).comment(&out, "T", "text")
			require.ErrorContains(t, err, test.want, name)
			require.NotContains(t, err.Error(), hostToken, name)
			require.Empty(t, out.String(), name)
		}
		require.Equal(t, 2, calls, "nothing is written after an error")
		server.Close()
		for _, env := range []map[string]string{azureEnv(server.URL), gitHubEnv(server.URL)} {
			err := hostOf(envOf(env)).comment(io.Discard, "T", "text")
			require.ErrorContains(t, err, "comment: Get ", "nobody answers")
			require.NotContains(t, err.Error(), hostToken)
		}
	}
}

// A comment that cannot be written is an error, too.
func TestCommentWriteErrors(t *testing.T) {
	t.Parallel()
	server, _ := answering(t, map[string]string{
		"GET /acme/shop/_apis/git/repositories/repo/pullRequests/17/threads?api-version=7.1": `{"value": []}`,
		"GET /repos/acme/shop/issues/17/comments?per_page=100&page=1":                        "[]",
	})
	for _, env := range []map[string]string{azureEnv(server), gitHubEnv(server)} {
		require.ErrorContains(t, hostOf(envOf(env)).comment(io.Discard, "T", "text"), "comment: POST "+server)
	}
}

func TestNoComment(t *testing.T) {
	t.Parallel()
	server, asked := answering(t, nil)
	without := func(env map[string]string, name, value string) map[string]string {
		env[name] = value
		return env
	}
	for _, env := range []map[string]string{
		nil,
		without(azureEnv(server), "SYSTEM_PULLREQUEST_PULLREQUESTID", ""),
		without(azureEnv(server), "BUILD_REPOSITORY_PROVIDER", "GitHub"),
		without(azureEnv(server), "TF_BUILD", ""),
		without(gitHubEnv(server), "PULL_REQUEST", ""),
		without(gitHubEnv(server), "GITHUB_ACTIONS", ""),
	} {
		var out bytes.Buffer
		require.NoError(t, hostOf(envOf(env)).comment(&out, "T", "text"))
		require.Equal(t, "no comment: this run has no pull request on this host\n", out.String())
	}
	require.Empty(t, *asked)
}

func TestSummarize(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := write(t, filepath.Join(folder, "summary.md"), "### T\n")
	var out bytes.Buffer
	require.NoError(t, hostOf(envOf(nil)).summarize(&out, path))
	require.Empty(t, out.String(), "a workstation has no such page")

	require.NoError(t, hostOf(envOf(azureEnv(""))).summarize(&out, path))
	require.Equal(t, "##vso[task.uploadsummary]"+path+"\n", out.String())

	out.Reset()
	env := gitHubEnv("")
	env["GITHUB_STEP_SUMMARY"] = filepath.Join(folder, "step.md")
	for _, want := range []string{"### T\n", "### T\n### T\n"} {
		require.NoError(t, hostOf(envOf(env)).summarize(&out, path))
		step, err := os.ReadFile(env["GITHUB_STEP_SUMMARY"])
		require.NoError(t, err)
		require.Equal(t, want, string(step))
	}
	require.Empty(t, out.String())
	require.ErrorIs(t, hostOf(envOf(env)).summarize(&out, filepath.Join(folder, "missing.md")), os.ErrNotExist)
	env["GITHUB_STEP_SUMMARY"] = ""
	require.ErrorIs(t, hostOf(envOf(env)).summarize(&out, path), os.ErrNotExist)
}

// The command writes its file, shows it on the run's page, and posts it.
func TestCommentCommand(t *testing.T) {
	server, asked := answering(t, map[string]string{
		"GET /repos/acme/shop/issues/17/comments?per_page=100&page=1": "[]", "POST /repos/acme/shop/issues/17/comments": "{}",
	})
	t.Chdir(t.TempDir())
	t.Setenv("TF_BUILD", "")
	for name, value := range gitHubEnv(server) {
		t.Setenv(name, value)
	}
	t.Setenv("GITHUB_STEP_SUMMARY", "step.md")
	write(t, "preview.txt", previewText)
	var out bytes.Buffer
	require.NoError(t, run([]string{"comment", "-title", "T", "-preview", "preview.txt", "-out", "comment.md"}, &out))
	require.Equal(t, "added a comment to the pull request\n", out.String())
	want := previewComment("T", previewText, gitHubCommentLimit)
	for _, path := range []string{"comment.md", "step.md"} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, want, string(text), path)
	}
	require.Len(t, *asked, 2)
	var posted map[string]string
	require.NoError(t, json.Unmarshal([]byte((*asked)[1].body), &posted))
	require.Equal(t, map[string]string{"body": want}, posted)

	require.NoError(t, run([]string{"comment", "-title", "T", "-preview", "plan/missing.txt", "-out", "plan/comment.md"}, &out))
	text, err := os.ReadFile("plan/comment.md")
	require.NoError(t, err)
	require.Contains(t, string(text), "**The preview failed**")
	require.Contains(t, string(text), "The preview did not start; the run's log says why.")
	require.Len(t, *asked, 4, "it replaces an earlier comment")
}
