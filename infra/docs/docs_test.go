// Package docs tests the documentation against what it describes.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	root      = "../.."
	maxREADME = 200 // lines that people read before they decide
)

// documents are the README and the pages beside it, by their path from the project folder.
func documents(t *testing.T) map[string]string {
	t.Helper()
	pages, err := filepath.Glob("*.md")
	require.NoError(t, err)
	texts := map[string]string{}
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		texts[filepath.Join("infra", "docs", page)] = string(text)
	}
	return texts
}

func TestREADMEIsShort(t *testing.T) {
	t.Parallel()
	assert.LessOrEqual(t, strings.Count(documents(t)["README.md"], "\n"), maxREADME)
}

var (
	fence   = regexp.MustCompile("(?ms)^```.*?\n```$")
	heading = regexp.MustCompile("(?m)^#+ (.*)$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// anchors are the names that GitHub gives a document's headings: lower-case letters, no punctuation, dashes for spaces.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for _, found := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(found[1]), "")
		names[strings.ReplaceAll(name, " ", "-")] = true
	}
	return names
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	texts := documents(t)
	require.Greater(t, len(texts), 10)
	linked := map[string]bool{"README.md": true}
	for name, text := range texts {
		for _, found := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := name
			if target != "" {
				path = filepath.Join(filepath.Dir(name), target)
			}
			linked[path] = linked[path] || name == "README.md"
			_, err := os.Stat(filepath.Join(root, path))
			require.NoError(t, err, "%s links to %s", name, found[1])
			assert.True(t, anchor == "" || anchors(texts[path])[anchor], "%s links to %s", name, found[1])
		}
	}
	for name := range texts {
		assert.True(t, linked[name], "the README does not link to %s", name)
	}
}

// The documentation names the versions with which the program is built.
func TestVersionsAreThoseOfTheModule(t *testing.T) {
	t.Parallel()
	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	page := documents(t)["infra/docs/upgrading.md"]
	for name, pattern := range map[string]string{
		"Go": `(?m)^go (\S+)$`, "Pulumi SDK": `pulumi/pulumi/sdk/v3 (\S+)`, "azure-native": `pulumi-azure-native-sdk/v2 (\S+)`,
		"azuread": `pulumi-azuread/sdk/v5 (\S+)`, "kubernetes": `pulumi-kubernetes/sdk/v4 (\S+)`,
	} {
		found := regexp.MustCompile(pattern).FindSubmatch(module)
		require.NotNil(t, found, name)
		assert.Regexp(t, `(?m)^\| `+name+` \| `+regexp.QuoteMeta(string(found[1])), page)
	}
}
