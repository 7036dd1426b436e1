package main

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func FuzzPreviewComment(f *testing.F) {
	f.Add(previewText)
	f.Add("````\xff\nResources:\n")
	f.Fuzz(func(t *testing.T, text string) {
		const room = 512
		comment := previewComment("Preview of test", text, room)
		if len(comment) > room || !utf8.ValidString(comment) {
			t.Fatalf("%d bytes: %q", len(comment), comment)
		}
	})
}

// FuzzStackFile: a stack file into which an image is written is still valid, has that image for that service, and is otherwise
// unchanged.
func FuzzStackFile(f *testing.F) {
	const head = "config:\n  shop:services:\n"
	f.Add(head+"    api:\n      image: {tag: old, digest: old, repository: team/built} # ours\n    other: {image: {tag: '1'}}\n", "7", true)
	f.Add(head+"    api:\n    other: {values: {a: [1, 2]}}\n", "latest", false)
	f.Add(head+"    api: {image: &one {tag: '1'}}\n    other: {image: *one}\n", "2", true)
	f.Add(head+"    api: {image: {tag: &v '1'}}\n    other: {image: {tag: *v}}\n", "2", false)
	f.Add("services: &all {image: {tag: a}}\n"+head+"    api: {<<: *all}\n    other: {<<: *all, values: {}}\n", "2", true)
	f.Fuzz(func(t *testing.T, settings, tag string, byDigest bool) {
		if !validTag.MatchString(tag) {
			return
		}
		image := builtImage{Tag: tag}
		if byDigest {
			image.Digest = someDigest
		}
		file, before := readFuzzed(t, settings)
		if before == nil {
			return
		}
		if services := node(file, "config", "shop:services"); services != nil {
			image.Repository = repositoryIn(services, "api")
		}
		if _, err := withImages(file, "shop:services", map[string]builtImage{"api": image}, nil); err != nil {
			return
		}
		text, err := yaml.Marshal(file)
		require.NoError(t, err)
		var after map[string]any
		require.NoError(t, yaml.Unmarshal(text, &after), "%s", text)

		service := servicesOf(after)["api"].(map[string]any)
		got := service["image"].(map[string]any)
		require.Equal(t, tag, got["tag"])
		require.Equal(t, image.Digest != "", got["digest"] != nil)
		// Without the image, nothing else has changed.
		for _, all := range []map[string]any{before, after} {
			if api, ok := servicesOf(all)["api"].(map[string]any); ok {
				if image, ok := api["image"].(map[string]any); ok {
					delete(image, "tag")
					delete(image, "digest")
				}
				maps.DeleteFunc(api, func(key string, value any) bool { return key == "image" && isEmpty(value) })
			}
			maps.DeleteFunc(servicesOf(all), func(key string, value any) bool { return key == "api" && isEmpty(value) })
		}
		require.Equal(t, asJSON(before), asJSON(after))
	})
}

// readFuzzed reads settings as stack-file does, and as plain data; nil for what Pulumi would refuse.
func readFuzzed(t *testing.T, settings string) (*yaml.Node, map[string]any) {
	t.Helper()
	var plain map[string]any
	if err := yaml.Unmarshal([]byte(settings), &plain); err != nil {
		return nil, nil
	}
	if _, err := json.Marshal(plain); err != nil {
		return nil, nil // a key that is not text, or a number that JSON does not have
	}
	var node yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(settings), &node))
	text, err := yaml.Marshal(&node)
	require.NoError(t, err)
	var again map[string]any
	if yaml.Unmarshal(text, &again) != nil || asJSON(plain) != asJSON(again) {
		return nil, nil // the library loses something, such as a null without a colon
	}
	file, err := parseStackFile([]byte(settings), "shop")
	require.NoError(t, err)
	return file, plain
}

func servicesOf(settings map[string]any) map[string]any {
	config, _ := settings["config"].(map[string]any)
	services, _ := config["shop:services"].(map[string]any)
	return services
}

func isEmpty(value any) bool {
	object, ok := value.(map[string]any)
	return value == nil || ok && len(object) == 0
}

// asJSON returns settings as Pulumi hands them to the program, or why it cannot.
func asJSON(settings map[string]any) string {
	text, err := json.Marshal(settings)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// FuzzStateDigest: a digest does not depend on the order of keys or on spaces, and input that is not a state has none.
func FuzzStateDigest(f *testing.F) {
	f.Add(stateText)
	f.Add(`{"deployment": {"a": 12345678901234567890, "b": 1e400, "c": "<&>"}}`)
	f.Add(`{"deployment": null}`)
	f.Fuzz(func(t *testing.T, export string) {
		sum, updated, err := stateDigest([]byte(export))
		if err != nil {
			return
		}
		var state struct {
			Deployment map[string]json.RawMessage `json:"deployment"`
		}
		require.NoError(t, json.NewDecoder(strings.NewReader(export)).Decode(&state))
		again, err := json.MarshalIndent(state, " ", "\t")
		require.NoError(t, err)
		sum2, updated2, err := stateDigest(again)
		require.NoError(t, err)
		require.Equal(t, sum, sum2)
		require.Equal(t, updated, updated2)
	})
}

// FuzzOutputSummary: outputs stay in the two cells of their row.
func FuzzOutputSummary(f *testing.F) {
	f.Add(`{"images": {"b": "h/b:1", "a": "h/a:1"}, "registryName": "x|y", "secret": "[secret]", "list": [1, "<b>"], "text": "a\nb"}`)
	f.Add(`{"a|b\nc": {"d|e": "f\\|g"}}`)
	f.Fuzz(func(t *testing.T, outputs string) {
		summary, err := outputSummary("test", []byte(outputs))
		if err != nil {
			return
		}
		_, rows, _ := strings.Cut(summary, "| --- | --- |\n")
		for _, row := range strings.Split(strings.TrimSuffix(rows, "\n"), "\n") {
			if rows != "" && (strings.Count(row, "|") != 3 || strings.ContainsAny(row, "<\r")) {
				t.Errorf("%q", row)
			}
		}
	})
}
