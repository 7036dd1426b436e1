//go:build linux

package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadme pastes the README's commands for a subscription, one by one, and those that remove everything. Only the Azure CLI is a
// stand-in, which does nothing: the image is one that the sandbox has pushed.
func TestReadme(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "readme")
	b.configure(settings{"services": settings{"orderapi": settings{}}, "registry": settings{"external": "docker.io/wolfgangofner"}})
	b.must("up")
	c := b.unborn("test")
	tools := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(tools, "az"), []byte("#!/bin/sh\n"), 0o700))
	c.env = append(c.env, "PULUMI_SKIP_CONFIRMATIONS=true")
	paste := func(line string) string {
		t.Helper()
		cmd := exec.Command("bash", "-euc", `PATH="$0:$PATH"; `+line, tools)
		cmd.Dir, cmd.Env = c.project, c.env
		out, err := cmd.CombinedOutput()
		t.Logf("%s\n%s", line, out)
		require.NoError(t, err, line)
		return string(out)
	}

	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	require.NoError(t, err)
	_, chapter, found := strings.Cut(string(readme), "\n## In your subscription\n")
	require.True(t, found)
	_, block, _ := strings.Cut(chapter, "```sh\n")
	block, rest, found := strings.Cut(block, "```\n")
	require.True(t, found)
	block = strings.NewReplacer("repository hello", "repository customerapi", "tag 1.0\n", "tag 1.0.0\n").Replace(block)
	var last string
	for line := range strings.Lines(block) {
		last = paste(line)
	}
	assert.Regexp(t, `(?m)^hello-\S+ +1/1 +Running`, last)

	// Another SKU changes the registry alone, and the update does what the preview showed.
	paste("pulumi config set --path acr-microservices:registry.sku Standard")
	var preview struct {
		Steps []struct{ Op, URN string }
	}
	require.NoError(t, json.Unmarshal([]byte(paste("PULUMI_EXPERIMENTAL=true pulumi preview --json --save-plan plan.json 2>/dev/null")), &preview))
	var changes []string
	for _, step := range preview.Steps {
		if step.Op != "same" {
			changes = append(changes, step.Op+" "+string(resource.URN(step.URN).Type()))
		}
	}
	assert.Equal(t, []string{"update azure-native:containerregistry/v20231101preview:Registry"}, changes)
	paste("PULUMI_EXPERIMENTAL=true pulumi up --plan plan.json")

	_, sentence, found := strings.Cut(rest, "**Remove it all** with ")
	require.True(t, found)
	sentence, _, _ = strings.Cut(sentence, ".")
	for _, match := range regexp.MustCompile("`(pulumi [^`]+)`").FindAllStringSubmatch(sentence, -1) {
		paste(match[1])
	}
	assert.Empty(t, b.info().Inventory)
	assert.NotContains(t, paste("pulumi stack ls"), "test")

	// The repository is a template as well, with the answers that it proposes.
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	require.NoError(t, err)
	recipes, err := os.ReadFile(filepath.Join(root, "infra", "docs", "recipes.md"))
	require.NoError(t, err)
	command := regexp.MustCompile(`(?m)^pulumi new .*`).FindString(string(recipes))
	require.NotEmpty(t, command)
	fresh := t.TempDir()
	said := paste("PULUMI_BACKEND_URL=file://" + t.TempDir() + " PULUMI_CONFIG_PASSPHRASE=x " +
		strings.Replace(command, "../acr-microservices", root, 1) + " --yes --dir " + fresh)
	assert.Contains(t, said, "Next, set registry.sku and your services in the stack file")
	stackFile, err := os.ReadFile(filepath.Join(fresh, "Pulumi.test.yaml"))
	require.NoError(t, err)
	for _, line := range []string{"azure-native:location: westeurope\n", "sku: Basic\n", "repository: hello\n"} {
		assert.Contains(t, string(stackFile), line)
	}
}
