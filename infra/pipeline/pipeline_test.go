package main

import (
	"io"
	"os"
	"strings"
	"testing"

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
		"stack-file":      "pipeline stack-file: missing: -running, -stack, -state",
		"guard -stack x":  "pipeline guard: missing: -commit, -files, -save or -check, -state",
		"comment":         "pipeline comment: missing: -out, -preview, -title",
		"summary":         "pipeline summary: missing: -out, -outputs, -title",
		"deployed":        "pipeline deployed: missing: -stack",
	} {
		require.ErrorContains(t, run(strings.Fields(args), io.Discard), want, args)
	}
	require.NoError(t, run([]string{"guard", "-h"}, io.Discard))
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

const previewText = "\x1b[1mPreviewing update (test):\x1b[0m\n    + kubernetes:core/v1:Namespace: (create)\n      note: \"```\"\nResources:\n    + 16 to create\n    ~ 2 to update\n    18 changes. 3 unchanged\n"
