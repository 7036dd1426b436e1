package main

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

// fenceOf returns the fence of a comment, and what it encloses.
func fenceOf(t *testing.T, comment string) (fence, text string) {
	t.Helper()
	_, rest, found := strings.Cut(comment, "</summary>\n\n")
	require.True(t, found)
	fence, text, found = strings.Cut(rest, "diff\n")
	require.True(t, found)
	require.Empty(t, strings.Trim(fence, "`"))
	text, found = strings.CutSuffix(text, "\n"+fence+"\n\n</details>\n")
	require.True(t, found, "it ends with the fence and the details")
	return fence, text
}

func TestPreviewCommentCut(t *testing.T) {
	t.Parallel()
	var preview strings.Builder
	for i := range 100 {
		preview.WriteString(strings.Repeat("ünïcode ✓ 𝕏 ", i%7) + "end\n")
	}
	preview.WriteString("Resources:\n    + 16 to create\n    ~ 2 to update\n    18 changes. 3 unchanged")
	text := preview.String()
	whole := previewComment("T", text, len(text)+1000)
	_, all := fenceOf(t, whole)
	require.Equal(t, text, all)
	require.Equal(t, whole, previewComment("T", text, len(whole)), "what just fits is not cut")

	lines := map[string]bool{}
	for line := range strings.Lines(text) {
		lines[strings.TrimSuffix(line, "\n")] = true
	}
	for limit := 400; limit < len(whole); limit += 1 + limit/500 {
		comment := previewComment("T", text, limit)
		if len(comment) > limit || !utf8.ValidString(comment) {
			require.Fail(t, "no valid comment", "%d bytes of %d: %q", len(comment), limit, comment)
		}
		require.Contains(t, comment, "**16 to create, 2 to update**")
		_, kept := fenceOf(t, comment)
		kept, cut := strings.CutSuffix(kept, "\n… cut here; the full text is in the run's log")
		require.True(t, cut, limit)
		require.True(t, strings.HasPrefix(text, kept), limit)
		require.True(t, lines[kept[strings.LastIndex(kept, "\n")+1:]], "%d: no whole line at the end of %q", limit, kept)
	}
}

func TestPreviewCommentOneLine(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("✓", 1000)
	for limit := 300; limit < 310; limit++ {
		comment := previewComment("T", line, limit)
		require.LessOrEqual(t, len(comment), limit)
		_, kept := fenceOf(t, comment)
		require.Regexp(t, "^✓+\n… cut here", kept)
	}
}

func TestPreviewCommentFence(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"":                       3,
		"a ` b `` c":             3,
		"a ``` b":                4,
		"```":                    4,
		"```` and ``` and `````": 6,
		strings.Repeat("`", 9):   10,
	} {
		fence, kept := fenceOf(t, previewComment("T", text, azureCommentLimit))
		require.Len(t, fence, want, text)
		require.Equal(t, text, kept)
	}
	// A fence does not use up the space, however long the fence in the text is.
	for _, length := range []int{10, 100, gitHubCommentLimit} {
		comment := previewComment("T", "a\n"+strings.Repeat("`", length)+"\nb", gitHubCommentLimit)
		require.LessOrEqual(t, len(comment), gitHubCommentLimit)
		fence, kept := fenceOf(t, comment)
		require.Len(t, fence, 4)
		require.Equal(t, "a\n```\nb", kept)
	}
}

func TestPreviewCommentEscapes(t *testing.T) {
	t.Parallel()
	_, kept := fenceOf(t, previewComment("T", "\n\n\x1b[1mbold\x1b[0m \x1b[38;5;13m+ \x1b[Kgreen\x1b[m [0m] caf\xe9\n\n", azureCommentLimit))
	require.Equal(t, "bold + green [0m] caf\uFFFD", kept)
}

func TestMarker(t *testing.T) {
	t.Parallel()
	require.Equal(t, "<!-- pipeline: Preview of test -->", marker("Preview of test"))
	require.NotEqual(t, marker("Preview of test"), marker("Preview of test-1"))
	require.Equal(t, "<!-- pipeline: a> b -->", marker("a--> b"), "a title does not end the mark")
	require.True(t, strings.HasPrefix(previewComment("T", "", azureCommentLimit), marker("T")+"\n### T\n\n"))
}

func TestChanges(t *testing.T) {
	t.Parallel()
	const (
		failedText  = "**The preview failed**; the text below says why."
		warningText = "\n\n⚠ Resources are deleted or replaced: check them before you approve."
	)
	for name, test := range map[string]struct{ text, want string }{
		"created":           {"x\nResources:\n    + 16 to create\n", "**16 to create**"},
		"several":           {"x\nResources:\n    + 16 to create\n    ~ 2 to update\n    18 changes. 3 unchanged\n", "**16 to create, 2 to update**"},
		"nothing":           {"x\nResources:\n    24 unchanged\n", "**24 unchanged**"},
		"import":            {"x\nResources:\n    = 1 to import\n    24 unchanged\n", "**1 to import, 24 unchanged**"},
		"deleted":           {"x\nResources:\n    - 2 to delete\n", "**2 to delete**" + warningText},
		"replaced":          {"x\nResources:\n    ~ 1 to update\n    +-1 to replace\n    2 changes\n", "**1 to update, 1 to replace**" + warningText},
		"large":             {"x\nResources:\n    +-12 to replace\n", "**12 to replace**" + warningText},
		"earlier counts":    {"    - 2 to delete\nx\nResources:\n    ~ 1 to update\n", "**1 to update**"},
		"text of an output": {"  + error: to delete\nx\nResources:\n    ~ 1 to update\n", "**1 to update**"},
		"drift": {
			"x\nResources:\n    ~ 1 to update\n    3 unchanged\nerror: no changes were expected but changes were proposed\n",
			"**1 to update, 3 unchanged**",
		},
		"drift, named":          {"x\nResources:\n    ~ 1 to update\nerror: no changes were expected for preview but changes were proposed", "**1 to update**"},
		"drift, and failed":     {"x\nResources:\n    ~ 1 to update\nerror: no changes were expected\nerror: preview failed", failedText},
		"empty":                 {"", failedText},
		"stopped":               {"Previewing update (test):\n    + a: (create)\n", failedText},
		"failed":                {"x\nDiagnostics:\n  a:\n    error: no\nResources:\n    + 1 to create\nerror: preview failed\n", failedText},
		"failed before it runs": {"error: no stack named 'test' found\n", failedText},
	} {
		assert.Equal(t, test.want, changes(test.text), name)
	}

	many := changes("x\nResources:\n" + strings.Repeat("    + 1 to create\n", 10_000))
	require.Less(t, len(many), 250)
	require.True(t, strings.HasPrefix(many, "**1 to create, 1 to create, "))
}

func TestPreviewCommentTypical(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/preview.txt")
	require.NoError(t, err)
	projecttest.Golden(t, "comment.golden", previewComment("Preview of test", string(text), gitHubCommentLimit))
}

func TestOutputSummaryValues(t *testing.T) {
	t.Parallel()
	summary, err := outputSummary("prod runs 7", []byte(`{
  "urls": {"web": "https://web.example.com/?a=1|2", "api": {"inside": "http://api:80", "outside": null}},
  "pullPassword": "[secret]", "nested": {"secret": "[secret]", "list": [1, {"a": "b|c"}], "empty": {}},
  "list": ["a\nb", "<b>"], "text": "one\ntwo | three\n<details>", "replicas": 3, "ratio": 0.5, "on": true, "nothing": null, "none": {}
}`))
	require.NoError(t, err)
	projecttest.Golden(t, "outputs.golden", summary)
	for line := range strings.Lines(strings.SplitN(summary, "\n", 3)[2]) {
		require.Equal(t, 3, strings.Count(line, "|"), "two cells: %s", line)
	}

	summary, err = outputSummary("T", []byte("{}"))
	require.NoError(t, err)
	require.Equal(t, "### T\n\n| output | value |\n| --- | --- |\n", summary)
	for _, outputs := range []string{"", "[]", `"text"`, "{"} {
		_, err := outputSummary("T", []byte(outputs))
		require.Error(t, err, outputs)
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text  string
		limit int
		want  string
	}{
		{"", 0, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc…"},
		{"aüb", 2, "a…"},
		{"aüb", 3, "aü…"},
		{"✓✓", 2, "…"},
		{"abc", 0, "…"},
	} {
		assert.Equal(t, test.want, shorten(test.text, test.limit), "%q to %d", test.text, test.limit)
	}
}
