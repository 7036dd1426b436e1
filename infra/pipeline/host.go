package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// host is what runs the pipeline: Azure Pipelines, GitHub Actions, or a workstation.
type host struct {
	azure, gitHub bool
	env           func(string) string
}

// hostOf recognizes the host by its environment variables:
// https://learn.microsoft.com/azure/devops/pipelines/build/variables and
// https://docs.github.com/actions/reference/workflows-and-actions/variables
func hostOf(env func(string) string) host {
	return host{azure: env("TF_BUILD") != "", gitHub: env("GITHUB_ACTIONS") != "", env: env}
}

func (h host) limit() int {
	if h.gitHub {
		return gitHubCommentLimit
	}
	return azureCommentLimit
}

// summarize shows a Markdown file on the run's page.
func (h host) summarize(out io.Writer, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	switch {
	case h.azure:
		fmt.Fprintf(out, "##vso[task.uploadsummary]%s\n", path)
		return nil
	case h.gitHub:
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		summary, err := os.OpenFile(h.env("GITHUB_STEP_SUMMARY"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = summary.Write(text)
		return errors.Join(err, summary.Close())
	}
	return nil
}

// issue shows an error or a warning on the run's page, in one line:
// https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands and
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
func (h host) issue(out io.Writer, kind, text string) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
	case h.azure:
		fmt.Fprintf(out, "##vso[task.logissue type=%s]%s\n", kind, strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A").Replace(text))
	case h.gitHub:
		fmt.Fprintf(out, "::%s::%s\n", kind, strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text))
	}
}

// fail shows an error on the run's page. It shows each problem of a list by itself.
func (h host) fail(out io.Writer, err error) {
	var each problems
	if !errors.As(err, &each) {
		each = problems{err.Error()}
	}
	for _, line := range each {
		h.issue(out, "error", line)
	}
}

// comment posts a comment to the pull request of the run, and replaces an earlier one with the same title. It prints a message if
// the run has no pull request, or if the repository is on another host.
func (h host) comment(out io.Writer, title, text string) error {
	post := h.commentAzure
	switch {
	case h.azure && h.env("SYSTEM_PULLREQUEST_PULLREQUESTID") != "" && h.env("BUILD_REPOSITORY_PROVIDER") == "TfsGit":
	case h.gitHub && h.env("PULL_REQUEST") != "":
		post = h.commentGitHub
	default:
		fmt.Fprintln(out, "no comment: this run has no pull request on this host")
		return nil
	}
	if err := post(out, title, text); err != nil {
		return fmt.Errorf("comment: %w", err)
	}
	return nil
}

// azureVersion is the version of Azure DevOps' REST interface.
const azureVersion = "api-version=7.1"

// commentAzure: https://learn.microsoft.com/rest/api/azure/devops/git/pull-request-threads
func (h host) commentAzure(out io.Writer, title, text string) error {
	threads := fmt.Sprintf("%s%s/_apis/git/repositories/%s/pullRequests/%s/threads", h.env("SYSTEM_COLLECTIONURI"),
		h.env("SYSTEM_TEAMPROJECTID"), h.env("BUILD_REPOSITORY_ID"), h.env("SYSTEM_PULLREQUEST_PULLREQUESTID"))
	const version = "?" + azureVersion
	var found struct {
		Value []struct {
			ID       int `json:"id"`
			Comments []struct {
				ID      int    `json:"id"`
				Content string `json:"content"`
			} `json:"comments"`
		} `json:"value"`
	}
	if err := h.call(http.MethodGet, threads+version, nil, &found); err != nil {
		return err
	}
	for _, thread := range found.Value {
		for _, comment := range thread.Comments {
			if strings.HasPrefix(comment.Content, marker(title)) {
				fmt.Fprintln(out, "updated the pull request's comment")
				return h.call(http.MethodPatch, fmt.Sprintf("%s/%d/comments/%d%s", threads, thread.ID, comment.ID, version),
					map[string]any{"content": text}, nil)
			}
		}
	}
	fmt.Fprintln(out, "added a comment to the pull request")
	// Closed, because it needs no answer.
	return h.call(http.MethodPost, threads+version, map[string]any{
		"status": "closed", "comments": []any{map[string]any{"parentCommentId": 0, "commentType": "text", "content": text}},
	}, nil)
}

// commentGitHub: https://docs.github.com/rest/issues/comments
func (h host) commentGitHub(out io.Writer, title, text string) error {
	issues := fmt.Sprintf("%s/repos/%s/issues", h.env("GITHUB_API_URL"), h.env("GITHUB_REPOSITORY"))
	comments := issues + "/" + h.env("PULL_REQUEST") + "/comments"
	const perPage = 100
	for page := 1; ; page++ {
		var found []struct {
			ID   int    `json:"id"`
			Body string `json:"body"`
		}
		if err := h.call(http.MethodGet, comments+"?per_page="+strconv.Itoa(perPage)+"&page="+strconv.Itoa(page), nil, &found); err != nil {
			return err
		}
		for _, comment := range found {
			if strings.HasPrefix(comment.Body, marker(title)) {
				fmt.Fprintln(out, "updated the pull request's comment")
				return h.call(http.MethodPatch, fmt.Sprintf("%s/comments/%d", issues, comment.ID), map[string]any{"body": text}, nil)
			}
		}
		if len(found) < perPage {
			break
		}
	}
	fmt.Fprintln(out, "added a comment to the pull request")
	return h.call(http.MethodPost, comments, map[string]any{"body": text}, nil)
}

// call sends a request as the run's own identity.
func (h host) call(method, url string, in, into any) error {
	token := h.env("SYSTEM_ACCESSTOKEN")
	if h.gitHub {
		token = h.env("GITHUB_TOKEN")
	}
	return h.callAs(token, method, url, in, into)
}

// callAs sends a request with a token.
func (h host) callAs(token, method, url string, in, into any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	request, err := http.NewRequest(method, url, &body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: time.Minute}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return err
	}
	// If Azure does not accept the token, it answers 203 with the page to sign in.
	if response.StatusCode/100 != 2 || response.StatusCode == http.StatusNonAuthoritativeInfo {
		return fmt.Errorf("%s %s: %s: %s; does the run's identity, such as the build service, have that permission?",
			method, url, response.Status, shorten(string(answer), 300))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}
