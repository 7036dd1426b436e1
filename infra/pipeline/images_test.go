package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestImageCommand(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "images", "of the run")
	image := func(tag, digest string) (string, error) {
		var out bytes.Buffer
		err := run([]string{"image", "-service", "api", "-tag", tag, "-digest", digest, "-out", folder}, &out)
		return out.String(), err
	}
	long := strings.Repeat("a", 129)
	for _, tag := range []string{"-x", ".x", "a b", "a/b", "a:b", "a\n", "ä", long} {
		_, err := image(tag, someDigest)
		require.ErrorContains(t, err, "is not a tag: up to 128 letters, digits, dots, dashes and underscores", tag)
	}
	for _, digest := range []string{"latest", "sha256:", someDigest[:len(someDigest)-1], someDigest + "1", "sha512:" + someDigest[7:], "sha256:" + strings.Repeat("A", 64)} {
		_, err := image("1.0.0", digest)
		require.ErrorContains(t, err, "is not a digest: sha256: and 64 hexadecimal digits", digest)
	}
	require.NoDirExists(t, folder, "invalid input writes no note")

	for _, tag := range []string{"a", "_x", long[:128], "1.0.0-rc.1_2"} {
		out, err := image(tag, someDigest)
		require.NoError(t, err, tag)
		require.Equal(t, "api: "+tag+", "+someDigest+"\n", out)
		images, err := readImages(folder)
		require.NoError(t, err)
		require.Equal(t, map[string]builtImage{"api": {Tag: tag, Digest: someDigest}}, images)
	}
	note, err := os.ReadFile(filepath.Join(folder, "image-api.json"))
	require.NoError(t, err)
	projecttest.Golden(t, "image.golden", string(note)+"\n")
}

func TestReadImages(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"", filepath.Join(t.TempDir(), "missing"), t.TempDir()} {
		images, err := readImages(folder)
		require.NoError(t, err)
		require.Empty(t, images)
	}

	folder := t.TempDir()
	write(t, filepath.Join(folder, "image-api.json"), `{"api": {"tag": "1", "digest": "`+someDigest+`"}}`)
	write(t, filepath.Join(folder, "other.txt"), "{")
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "image-web", "deeper"), 0o750))
	write(t, filepath.Join(folder, "image-web", "image-web.json"), `{"web": {"tag": "20260101"}}`)
	write(t, filepath.Join(folder, "image-web", "deeper", "image-db.json"), `{"db": {"tag": "3"}}`)
	images, err := readImages(folder)
	require.NoError(t, err)
	require.Equal(t, map[string]builtImage{"api": {Tag: "1", Digest: someDigest}, "web": {Tag: "20260101"}}, images)

	broken := write(t, filepath.Join(folder, "broken.json"), `{"api": [}`)
	_, err = readImages(folder)
	require.ErrorContains(t, err, broken+": yaml: ")
}

func TestParseReferenceForms(t *testing.T) {
	t.Parallel()
	for reference, want := range map[string]string{
		"":                                       "",
		"[secret]":                               "",
		"nginx":                                  "",
		"nginx:1.27":                             "1.27",
		"nginx@" + someDigest:                    someDigest,
		"localhost:5000/team/api:2":              "2",
		"localhost:5000/team/api":                "",
		"localhost:5000/api:2@" + someDigest:     "2@" + someDigest,
		"example.azurecr.io/api:1@" + someDigest: "1@" + someDigest,
	} {
		assert.Equal(t, want, parseReference(reference).String(), reference)
	}
}

func TestBaseName(t *testing.T) {
	t.Parallel()
	for stack, want := range map[string]string{"test": "test", "acme/test": "test", "acme/acr-microservices/test": "test", "organization/shop/pr-1": "pr-1"} {
		assert.Equal(t, want, baseName(stack))
	}
}

func TestWithImagesOrder(t *testing.T) {
	t.Parallel()
	const built, said, runs = "7", "1.0.0", "h/api:5@" + otherDigest
	for name, test := range map[string]struct {
		service string
		built   map[string]builtImage
		running string
		want    string
	}{
		"nothing known":             {"{}", nil, "", "api: {}"},
		"null, nothing known":       {"", nil, "", "api: null"},
		"runs":                      {"{}", nil, runs, "api: {image: {tag: \"5\", digest: '" + otherDigest + "'}}"},
		"runs, null":                {"", nil, "h/api:5", "api: {image: {tag: \"5\"}}"},
		"runs, image null":          {"{image: }", nil, "h/api:5", "api: {image: {tag: \"5\"}}"},
		"runs, only a repository":   {"{image: {repository: docker.io/acme/api}}", nil, "h/api:5", "api: {image: {repository: docker.io/acme/api, tag: \"5\"}}"},
		"says a tag, runs":          {"{image: {tag: " + said + "}}", nil, runs, "api: {image: {tag: " + said + "}}"},
		"says a digest, runs":       {"{image: {digest: '" + someDigest + "'}}", nil, runs, "api: {image: {digest: '" + someDigest + "'}}"},
		"built, says both":          {"{image: {tag: 1.0.0, repository: team/api, digest: old}, values: {a: 1}}", map[string]builtImage{"api": {Repository: "team/api", Tag: built}}, runs, "api: {image: {repository: team/api, tag: \"7\"}, values: {a: 1}}"},
		"built by digest, says tag": {"{image: {tag: 1.0.0}}", map[string]builtImage{"api": {Digest: someDigest}}, runs, "api: {image: {digest: '" + someDigest + "'}}"},
		"built, null":               {"", map[string]builtImage{"api": {Tag: "1e3"}}, "", "api: {image: {tag: \"1e3\"}}"},
	} {
		var file yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte("config: {s: {api: "+test.service+"}}"), &file), name)
		running := map[string]string{}
		if test.running != "" {
			running["api"] = test.running
		}
		told, err := withImages(&file, "s", test.built, running)
		require.NoError(t, err, name)
		if test.built != nil {
			require.Len(t, told, 1, name)
			require.True(t, strings.HasPrefix(told[0], "api: the image that was built, "), told[0])
		}
		var got, want any
		require.NoError(t, node(&file, "config", "s").Decode(&got), name)
		require.NoError(t, yaml.Unmarshal([]byte("{"+test.want+"}"), &want), name)
		require.Equal(t, want, got, name)
	}
}

func TestWithImagesErrors(t *testing.T) {
	t.Parallel()
	built := map[string]builtImage{"api": {Tag: "1"}, "nobody": {Tag: "1"}}
	runs := map[string]string{"api": "h/api:1"}
	for name, test := range map[string]struct {
		settings string
		built    map[string]builtImage
		running  map[string]string
		want     string
	}{
		"empty":             {"", nil, nil, "s:services is missing, or is not an object"},
		"no config":         {"a: 1", nil, nil, "s:services is missing, or is not an object"},
		"no services":       {"config: {other: {}}", nil, nil, "s:services is missing, or is not an object"},
		"services are null": {"config: {s:services: }", nil, nil, "s:services is missing, or is not an object"},
		"services a list":   {"config: {s:services: [api]}", nil, nil, "s:services is missing, or is not an object"},
		"unknown service":   {"config: {s:services: {api: {}}}", built, nil, "images were built for services that do not exist: nobody"},
		"service a text":    {"config: {s:services: {api: x}}", nil, runs, "api.image is not an object"},
		"image a list":      {"config: {s:services: {api: {image: [x]}}}", nil, runs, "api.image is not an object"},
	} {
		var file yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(test.settings), &file), name)
		_, err := withImages(&file, "s:services", test.built, test.running)
		require.EqualError(t, err, test.want, name)
	}
}

func TestStackFileCommand(t *testing.T) {
	var got string
	t.Run("in its folder", func(t *testing.T) { got = stackFileRun(t) })
	projecttest.Golden(t, "stack-file.golden", got)
}

// stackFileRun returns what the command says, and the file that it writes.
func stackFileRun(t *testing.T) string {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, "Pulumi.yaml", "name: shop\nruntime: go\n")
	const settings = `# The stack test.
secretsprovider: azurekeyvault://vault/keys/key # of the team
config:
  azure-native:location: westeurope
  # Services, by name.
  shop:services:
    # First,
    customerapi: # the settings are in its values file
    # second,
    orderapi:
      image:
        repository: team/orderapi # theirs
        tag: 0.9.0
      values:
        password: {secure: AAABBB} # encrypted
    # last.
    web: {image: {digest: pinned}}
  shop:environment: test
`
	write(t, "Pulumi.test.yaml", settings)
	write(t, "running.json", `{"images": {"customerapi": "h:5000/customerapi:20260101", "orderapi": "h/orderapi:1", "web": "h/web:2"}, "registryName": "[secret]"}`)
	write(t, "state.json", `{"version": 3, "deployment": {"secrets_providers": {"type": "cloud", "state": {"url": "azurekeyvault://vault/keys/key", "encryptedkey": "abc"}}}}`)
	require.NoError(t, os.Mkdir("images", 0o750))
	write(t, "images/image-orderapi.json", `{"orderapi": {"repository": "team/orderapi", "tag": "1.10", "digest": "`+someDigest+`"}}`)
	args := []string{"stack-file", "-stack", "acme/shop/test", "-images", "images", "-running", "running.json", "-state", "state.json"}
	var out bytes.Buffer
	require.NoError(t, run(args, &out))
	text, err := os.ReadFile("Pulumi.test.yaml")
	require.NoError(t, err)

	// A second run changes nothing: each service has its image, the file its key.
	require.NoError(t, run(args, io.Discard))
	again, err := os.ReadFile("Pulumi.test.yaml")
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))

	// Another stack starts from the file of this one, which stays as it is; its state has a key of its own.
	write(t, "Pulumi.test.yaml", settings)
	write(t, "none.json", "{}")
	write(t, "state.json", `{"deployment": {"secrets_providers": {"type": "service", "state": {"url": "https://api.pulumi.com"}}}}`)
	require.NoError(t, run([]string{"stack-file", "-stack", "pr-1", "-from", "Pulumi.test.yaml", "-running", "none.json", "-state", "state.json"}, io.Discard))
	from, err := os.ReadFile("Pulumi.test.yaml")
	require.NoError(t, err)
	require.Equal(t, settings, string(from))
	var before, after any
	require.NoError(t, readYAML("Pulumi.test.yaml", &before))
	require.NoError(t, readYAML("Pulumi.pr-1.yaml", &after))
	require.Equal(t, before, after)

	write(t, "state.json", stateText)
	require.NoError(t, run([]string{"stack-file", "-stack", "test", "-running", "none.json", "-state", "state.json", "-as-of", "last-update"}, io.Discard))
	drift, err := os.ReadFile("Pulumi.test.yaml")
	require.NoError(t, err)
	require.Contains(t, string(drift), "shop:rotation:\n        asOf: \"2026-11-24T10:00:00Z\"\n")
	return out.String() + "\n" + string(text)
}

func TestStackFileCommandErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	stackFile := func() error {
		return run([]string{"stack-file", "-stack", "test", "-images", "images", "-running", "running.json", "-state", "state.json"}, io.Discard)
	}
	// Each step adds what the previous one lacked.
	for _, step := range []struct{ path, content, want string }{
		{"other", "", "open running.json: "},
		{"running.json", "{}", "open state.json: "},
		{"state.json", "{}", "open Pulumi.yaml: "},
		{"Pulumi.yaml", "name: shop\n", "Pulumi.test.yaml is not in the repository, but the stack test needs it for its settings: run pipeline setup again, which writes it, or copy an example of infra/examples to it, without image.tag; and commit it"},
		{"Pulumi.test.yaml", "config: {}\n", "pipeline stack-file: Pulumi.test.yaml: shop:services is missing, or is not an object"},
		{"Pulumi.test.yaml", "config: {shop:services: {}\n", "Pulumi.test.yaml: yaml: "},
	} {
		write(t, step.path, step.content)
		require.ErrorContains(t, stackFile(), step.want)
	}

	const settings = "config: {shop:services: {api: {}}}\n"
	write(t, "Pulumi.test.yaml", settings)
	err := run([]string{"stack-file", "-stack", "test", "-images", "images", "-images-of", "17", "-running", "running.json", "-state", "state.json"}, io.Discard)
	require.EqualError(t, err, "pipeline stack-file: run 17 has no images to roll back to: it built none, or its artifacts are no longer kept")
	require.NoError(t, os.Mkdir("images", 0o750))
	write(t, "images/nobody.json", `{"nobody": {"tag": "1"}}`)
	require.EqualError(t, stackFile(), "pipeline stack-file: Pulumi.test.yaml: images were built for services that do not exist: nobody")
	text, err := os.ReadFile("Pulumi.test.yaml")
	require.NoError(t, err)
	require.Equal(t, settings, string(text), "a refused run changes nothing")
}

func TestWithEncryptionOwn(t *testing.T) {
	t.Parallel()
	var state deployedState
	state.Deployment.SecretsProviders.State.Salt = "v1:x"
	state.Deployment.SecretsProviders.State.URL = "azurekeyvault://vault/keys/key"
	state.Deployment.SecretsProviders.State.EncryptedKey = "abc"
	for _, provider := range []string{"passphrase", "cloud"} {
		state.Deployment.SecretsProviders.Type = provider
		for _, settings := range []string{"encryptionsalt: v1:own\n", "secretsprovider: azurekeyvault://own/keys/key\nencryptedkey: own\n"} {
			var file yaml.Node
			require.NoError(t, yaml.Unmarshal([]byte(settings), &file))
			require.NoError(t, withEncryption(&file, state))
			text, err := yaml.Marshal(&file)
			require.NoError(t, err)
			require.Equal(t, settings, string(text), provider)
		}
		list := yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.SequenceNode}}}
		require.EqualError(t, withEncryption(&list, state), "it is not an object")
	}
}

func TestWithMoment(t *testing.T) {
	t.Parallel()
	const moment = "2026-11-24T10:00:00.5Z"
	for name, test := range map[string]struct{ file, moment, want string }{
		"nothing":       {"config: {}\n", moment, "config: {shop:rotation: {asOf: \"" + moment + "\"}}\n"},
		"a period":      {"config: {shop:rotation: {days: 30}}\n", moment, "config: {shop:rotation: {days: 30, asOf: \"" + moment + "\"}}\n"},
		"its own":       {"config: {shop:rotation: {asOf: \"2026-01-01T00:00:00Z\"}}\n", moment, "config: {shop:rotation: {asOf: \"2026-01-01T00:00:00Z\"}}\n"},
		"never updated": {"config: {}\n", "", "config: {}\n"},
	} {
		var file yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(test.file), &file), name)
		require.NoError(t, withMoment(&file, "shop:rotation", test.moment), name)
		text, err := yaml.Marshal(&file)
		require.NoError(t, err)
		require.YAMLEq(t, test.want, string(text), name)
	}
	for _, text := range []string{"{}", "config: {shop:rotation: 30}"} {
		var file yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(text), &file))
		require.EqualError(t, withMoment(&file, "shop:rotation", moment), "shop:rotation is not an object", text)
	}

	require.EqualError(t, run([]string{"stack-file", "-stack", "a", "-running", "b", "-state", "c", "-as-of", "now"}, io.Discard),
		`pipeline stack-file: -as-of "now" is not one of last-update, preview`)
}

// Each scalar stays as it is written, also behind an alias: the program refuses those that Pulumi and Helm read differently.
func TestParseStackFileKeepsScalars(t *testing.T) {
	t.Parallel()
	file, err := parseStackFile([]byte("x: &x {a: no, <<: {b: off, a: 1}}\nconfig:\n  services: {api: {values: *x}, web: {values: {<<: [*x, {c: 0123}], b: 2024-05-01}}}\n"), "shop")
	require.NoError(t, err)
	text, err := yaml.Marshal(node(file, "config"))
	require.NoError(t, err)
	require.Equal(t, "shop:services: {api: {values: {a: no, b: off}}, web: {values: {a: no, c: 0123, b: 2024-05-01}}}\n", string(text))
	_, err = parseStackFile([]byte("a: &a [*a]\n"), "shop")
	require.ErrorContains(t, err, "contains itself")
}
