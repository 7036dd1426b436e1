//go:build linux

package toolchain

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"

	"example.com/acr-microservices/infra/sandbox/progress"
)

func TestEnsure(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	source := func(text string) {
		t.Helper()
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "m", "sub"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "m", "go.mod"), []byte("module example.com/m\n\ngo 1.24\n"), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "m", "main.go"),
			[]byte("package main\n\nimport \"example.com/m/sub\"\n\nvar version string\n\nfunc main() { println(sub.Text, version) }\n"), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "m", "sub", "sub.go"), []byte(text), 0o600))
	}
	b := binary{module: "m", name: "m", pkg: ".", vars: []string{"main.version=9.9"}, skip: []string{"skipped"}, tool: true}
	var out bytes.Buffer
	ensure := func() (string, error) {
		return Source{Dir: dir, Cache: cache, Console: progress.New(&out)}.one(t.Context(), b)
	}

	source("package sub\n\nconst Text = \"first\"\n")
	first, err := ensure()
	require.NoError(t, err)
	printed, err := exec.Command(first).CombinedOutput()
	require.NoError(t, err)
	assert.Equal(t, "first 9.9\n", string(printed))

	out.Reset()
	again, err := ensure()
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.Empty(t, out.String(), "what is there is not built again")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "m", "skipped"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m", "skipped", "x.go"), []byte("package x\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m", "x_test.go"), []byte("package main\n"), 0o600))
	again, err = ensure()
	require.NoError(t, err)
	assert.Equal(t, first, again)

	source("package sub\n\nconst Text = \"second\"\n")
	second, err := ensure()
	require.NoError(t, err)
	assert.NotEqual(t, first, second)

	source("package sub\n\nconst Text = 1 +\n")
	_, err = ensure()
	require.ErrorContains(t, err, "sub.go:4")
	source("package sub\n\nconst Text = undefined\n")
	_, err = ensure()
	require.ErrorContains(t, err, "undefined: undefined")

	left, err := filepath.Glob(filepath.Join(cache, "*", "*"))
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{first, second}, left, "nothing unfinished stays")
}

// A tool's linked-in version must match its module.
func TestVersions(t *testing.T) {
	for module, line := range map[string]string{
		"pulumi":     "github.com/pulumi/pulumi/pkg/v3 v" + PulumiVersion,
		"kubernetes": "k8s.io/kubernetes v" + KubernetesVersion,
	} {
		content, err := os.ReadFile(filepath.Join("..", "tools", module, "go.mod"))
		require.NoError(t, err)
		assert.True(t, regexp.MustCompile(`(?m)\b`+regexp.QuoteMeta(line)+`( //.*)?$`).Match(content), line)
	}
	root, err := os.ReadFile(filepath.Join("..", "..", "..", "go.mod"))
	require.NoError(t, err)
	assert.Contains(t, string(root), "github.com/pulumi/pulumi-kubernetes/sdk/v4 v"+PluginVersion+"\n")
}

// If a module has two versions, everything that imports it is compiled twice: the program, the sandbox and its tools share all
// but Pulumi's SDK. The tools' SDK is the newest with which the Kubernetes provider compiles; the program's must be newer,
// because only its mocks support resource hooks.
func TestModulesShareVersions(t *testing.T) {
	shared := map[string]string{}
	for _, path := range []string{"../../../go.mod", "../go.mod", "../bench/go.mod", "../tools/pulumi/go.mod", "../tools/kubernetes/go.mod"} {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		file, err := modfile.Parse(path, content, nil)
		require.NoError(t, err)
		replaced := map[string]string{}
		for _, r := range file.Replace {
			replaced[r.Old.Path] = r.New.Version
		}
		for _, r := range file.Require {
			if _, double := replaced[r.Mod.Path]; double && replaced[r.Mod.Path] == "" {
				continue // a folder
			}
			version := cmp.Or(replaced[r.Mod.Path], r.Mod.Version)
			if other, ok := shared[r.Mod.Path]; ok && r.Mod.Path != "github.com/pulumi/pulumi/sdk/v3" {
				assert.Equal(t, other, version, "%s in %s", r.Mod.Path, path)
			}
			shared[r.Mod.Path] = version
		}
	}
}

func TestCommandsBuildWhatTheSandboxRuns(t *testing.T) {
	var names []string
	for _, c := range Commands("..") {
		names = append(names, c.Name)
		assert.FileExists(t, filepath.Join(c.Module, "go.mod"), c.Name)
		cmd := exec.Command("go", "list", "-f", "{{.Name}}", c.Args[len(c.Args)-1])
		cmd.Dir = c.Module
		out, err := cmd.Output()
		require.NoError(t, err, c.Name)
		assert.Equal(t, "main\n", string(out), c.Name)
	}
	assert.Equal(t, []string{"sandbox", "kubernetes", "pulumi-resource-kubernetes", "pulumi", "program"}, names)
}

// The pipelines and the README use the version of Pulumi's CLI that the sandbox's tests run.
func TestPulumiVersionIsTheTestedOne(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	pinned := map[string]*regexp.Regexp{
		".azuredevops/pipeline.yml":         regexp.MustCompile(`(?m)name: pulumiVersion\n +value: (\S+)$`),
		".azuredevops/pr-close.yml":         regexp.MustCompile(`(?m)name: pulumiVersion\n +value: (\S+)$`),
		".github/actions/pulumi/action.yml": regexp.MustCompile(`(?m)default: (3\.\S+)$`),
		"README.md":                         regexp.MustCompile(`docs/install/\)\s+([\d.]+) or newer`),
		"Pulumi.yaml":                       regexp.MustCompile(`(?m)^requiredPulumiVersion: ">=(\S+)"`),
	}
	for file, pattern := range pinned {
		content, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		found := pattern.FindSubmatch(content)
		require.NotNil(t, found, file)
		assert.Equal(t, PulumiVersion, string(found[1]), file)
	}
}
