package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func write(t *testing.T, path, content string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

const (
	someDigest  = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	otherDigest = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

func TestRun(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                `unknown command ""; use one of setup, bundle, push, image, stack-file, run, guard, approval, comment, summary, deployed`,
		"deploy":          `unknown command "deploy"`,
		"bundle":          "pipeline bundle: missing: -out",
		"bundle -out x y": `pipeline bundle: unexpected ["y"]`,
		"image -speed 1":  "flag provided but not defined: -speed",
		"image -tag x":    "pipeline image: missing: -digest, -out, -service",
		"image -service a -tag a/b -digest sha256:1 -out x": `pipeline image: -tag "a/b" is not a tag`,
		"image -service a -tag 1.0 -digest sha256:1 -out x": `pipeline image: -digest "sha256:1" is not a digest: sha256: and 64 hexadecimal digits`,
		"stack-file":     "pipeline stack-file: missing: -running, -stack, -state",
		"guard -stack x": "pipeline guard: missing: -commit, -files, -save or -check, -state",
		"comment":        "pipeline comment: missing: -out, -preview, -title",
		"summary":        "pipeline summary: missing: -out, -outputs, -title",
		"deployed":       "pipeline deployed: missing: -stack",
	} {
		require.ErrorContains(t, run(strings.Fields(args), io.Discard), want, args)
	}
	require.NoError(t, run([]string{"guard", "-h"}, io.Discard))
}

func TestPack(t *testing.T) {
	t.Parallel()
	var checkout bytes.Buffer
	archive := tar.NewWriter(&checkout)
	for _, name := range []string{"Pulumi.yaml", "infra/deploy.go", "infra/sandbox/main.go", ".ci/run"} {
		content := "# the project\nname: shop\nruntime: go # compiled\n"
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(content))}))
		_, err := archive.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	programs := t.TempDir()
	write(t, filepath.Join(programs, "program"), "p")
	write(t, filepath.Join(programs, "pipeline"), "q")
	var bundle bytes.Buffer
	files, err := pack(&bundle, checkout.Bytes(), programs)
	require.NoError(t, err)
	require.Equal(t, 5, files)

	zipped, err := gzip.NewReader(&bundle)
	require.NoError(t, err)
	found := map[string]string{}
	modes := map[string]int64{}
	for packed := tar.NewReader(zipped); ; {
		header, err := packed.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		content, err := io.ReadAll(packed)
		require.NoError(t, err)
		found[header.Name], modes[header.Name] = string(content), header.Mode
	}
	require.Equal(t, map[string]int64{"Pulumi.yaml": 0o644, "infra/deploy.go": 0o644, ".ci/run": 0o644, "program": 0o755, "pipeline": 0o755}, modes)
	require.Equal(t, "# the project\nname: shop\nruntime:\n    name: go\n    options:\n        binary: ./program\n", found["Pulumi.yaml"])
	require.Equal(t, "p", found["program"])

	for _, project := range []string{"", "- a", "text"} {
		_, err := compiled([]byte(project))
		require.ErrorContains(t, err, "it is not a project file", project)
	}
}

func TestWithImages(t *testing.T) {
	t.Parallel()
	const settings = `# our stack
config:
  shop:services:
    built:
      image: {tag: old, digest: old, repository: team/built} # ours
    pinned:
      image:
        tag: "1.0"
    running:
    new: {}
`
	var file yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(settings), &file))
	told, err := withImages(&file, "shop:services", map[string]builtImage{"built": {Repository: "team/built", Tag: "7", Digest: someDigest}}, map[string]string{
		"built": "h/built:6", "pinned": "h/pinned:0.9", "running": "h/running:2@" + otherDigest, "gone": "h/gone:1",
	})
	require.NoError(t, err)
	text, err := yaml.Marshal(&file)
	require.NoError(t, err)
	projecttest.Golden(t, "images.golden", strings.Join(told, "\n")+"\n"+string(text))

	_, err = withImages(&file, "shop:services", map[string]builtImage{"nobody": {Tag: "1"}, "else": {Tag: "1"}}, nil)
	require.EqualError(t, err, "images were built for services that do not exist: else, nobody")
	_, err = withImages(&file, "other:services", nil, nil)
	require.EqualError(t, err, "other:services is missing, or is not an object")
	var text2 yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte("config: {shop:services: {api: {image: nginx}}}"), &text2))
	_, err = withImages(&text2, "shop:services", map[string]builtImage{"api": {Tag: "1"}}, nil)
	require.EqualError(t, err, "api.image is not an object")
}

func TestWithEncryption(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ file, state, want string }{
		"passphrase": {"config: {}\n", `{type: passphrase, state: {salt: "v1:x"}}`, "config: {}\nencryptionsalt: v1:x\n"},
		"key":        {"config: {}\n", `{type: cloud, state: {url: "azurekeyvault://v/keys/k", encryptedkey: abc}}`, "config: {}\nencryptedkey: abc\nsecretsprovider: azurekeyvault://v/keys/k\n"},
		"service":    {"config: {}\n", `{type: service, state: {}}`, "config: {}\n"},
		"no update":  {"config: {}\n", `{}`, "config: {}\n"},
		"its own":    {"encryptionsalt: v1:own\n", `{type: passphrase, state: {salt: "v1:x"}}`, "encryptionsalt: v1:own\n"},
	} {
		var file yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(test.file), &file), name)
		var state deployedState
		require.NoError(t, yaml.Unmarshal([]byte("deployment: {secrets_providers: "+test.state+"}"), &state), name)
		require.NoError(t, withEncryption(&file, state), name)
		text, err := yaml.Marshal(&file)
		require.NoError(t, err)
		require.Equal(t, test.want, string(text), name)
	}
}

const stateText = `{"version": 3, "deployment": {"manifest": {"time": "2026-11-24T10:00:00Z"}, "resources": [{"urn": "a", "outputs": {
  "password": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}, "name": "x"}}]}}`

func TestCompare(t *testing.T) {
	t.Parallel()
	before := note{Commit: "aaa", Stack: "test", State: "1", Updated: "10:00", Files: map[string]string{"plan.json": "1", "program": "1"}}
	require.NoError(t, before.compare(before))
	err := before.compare(note{Commit: "bbb", Stack: "prod", State: "2", Updated: "11:00", Files: map[string]string{"plan.json": "2", "extra": "1"}})
	require.ErrorIs(t, err, errStale)
	projecttest.Golden(t, "stale.golden", err.Error()+"\n")
}

const previewText = "\x1b[1mPreviewing update (test):\x1b[0m\n    + kubernetes:core/v1:Namespace: (create)\n      note: \"```\"\nResources:\n    + 16 to create\n    ~ 2 to update\n    18 changes. 3 unchanged\n"

func TestPreviewComment(t *testing.T) {
	t.Parallel()
	comment := previewComment("Preview of test", previewText, azureCommentLimit)
	projecttest.Golden(t, "preview.golden", comment)
	require.NotContains(t, comment, "\x1b")

	long := strings.Replace(previewText, "note", strings.Repeat("a line of ünïcode\n", 20_000), 1)
	for _, limit := range []int{400, 401, 402, 403, gitHubCommentLimit, azureCommentLimit} {
		comment := previewComment("Preview of test", long, limit)
		require.LessOrEqual(t, len(comment), limit)
		require.True(t, utf8.ValidString(comment))
		require.True(t, strings.HasSuffix(comment, "\n… cut here; the full text is in the run's log\n````\n\n</details>\n"))
		require.Contains(t, comment, "**16 to create, 2 to update**")
	}

	require.Contains(t, previewComment("x", "x\nResources:\n    +-1 to replace\n", 1000), "⚠ Resources are deleted or replaced")
	require.Contains(t, previewComment("x", "x\nResources:\n    - 2 to delete\n", 1000), "**2 to delete**\n\n⚠")
	require.Contains(t, previewComment("x", "error: no\nResources:\n    1 unchanged\n", 1000), "**The preview failed**")
	require.Contains(t, previewComment("x", "nothing", 1000), "**The preview failed**")
}

func TestOutputSummary(t *testing.T) {
	t.Parallel()
	summary, err := outputSummary("test runs 7", []byte(`{"images": {"b": "h/b:1@`+someDigest+`", "a": "h/a:1"}, "registryName": "x|y", "secret": "[secret]",
		"list": [1, "<b>"], "text": "a\nb"}`))
	require.NoError(t, err)
	projecttest.Golden(t, "summary.golden", summary)
	_, err = outputSummary("x", []byte("[]"))
	require.Error(t, err)
}
