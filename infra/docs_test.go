package infra

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestDocsListEveryOutput(t *testing.T) {
	t.Parallel()
	g, err := deploy(projecttest.ReadStack(t, "../Pulumi.dev.yaml"), false)
	require.NoError(t, err)
	var want []string
	for name := range g.outputs {
		want = append(want, string(name))
	}
	got := projecttest.FirstColumn(t, "docs/outputs.md", "# Outputs")
	require.ElementsMatch(t, want, got)

	g, err = deploy(projecttest.ReadStack(t, "testdata/valid-dockerhub.yaml"), false)
	require.NoError(t, err)
	var foreign []string
	for name := range g.outputs {
		foreign = append(foreign, string(name))
	}
	require.ElementsMatch(t, got[len(got)-3:], foreign, "with registry.external, the stack has only the last three")
}

// Each example is a complete stack. The test deploys it, and compares its resources with a golden file.
func TestExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("examples/*.yaml")
	require.NoError(t, err)
	require.Len(t, files, 8)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		for run, preview := range runs {
			t.Run(name+"/"+run, func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(file)
				require.NoError(t, err)
				require.True(t, strings.HasPrefix(string(text), "# yaml-language-server: $schema=infra/config/stack.schema.json\n# "),
					"an example begins with the path of the schema from the project folder, and with its purpose")
				g, err := deploy(projecttest.ReadStack(t, file), preview)
				require.NoError(t, err)
				requireShape(t, g)
				resources := slices.Sorted(maps.Keys(g.resources))
				projecttest.Golden(t, filepath.Join("examples", name+".golden"), strings.Join(resources, "\n")+"\n")
			})
		}
	}
	recipes, err := os.ReadFile("docs/recipes.md")
	require.NoError(t, err)
	for _, file := range files {
		require.Contains(t, string(recipes), "(../"+file+")", "the recipes do not link to it")
	}
}

// The defaults in the documentation and the schema are the program's own: a stack that sets them explicitly is the same.
func TestDefaultsSpelledOut(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("config/stack.schema.json")
	require.NoError(t, err)
	var schema struct {
		Definitions map[string]definition
		Properties  struct{ Config definition }
	}
	require.NoError(t, json.Unmarshal(text, &schema))
	spelled := map[string]bool{}
	for _, file := range []string{"../Pulumi.dev.yaml", "testdata/valid-aks.yaml", "testdata/valid-made-images.yaml", "testdata/valid-made-images-private.yaml", "examples/premium.yaml"} {
		stack := projecttest.ReadStack(t, file)
		want, err := deploy(stack, false)
		require.NoError(t, err)
		for full, setting := range schema.Properties.Config.Properties {
			key, ours := strings.CutPrefix(full, projecttest.Project+":")
			switch value, given := stack.Config[full]; {
			case !ours:
			case setting.Default != nil && !given:
				stack.Config[full] = fmt.Sprint(setting.Default)
				spelled[key] = true
			case setting.AllOf != nil || key == "services":
				object := map[string]any{}
				require.True(t, !given || json.Unmarshal([]byte(value), &object) == nil)
				spell(spelled, object, setting, schema.Definitions)
				filled, err := json.Marshal(object)
				require.NoError(t, err)
				stack.Config[full] = string(filled)
			}
		}
		got, err := deploy(stack, false)
		require.NoError(t, err)
		require.Equal(t, want.String(), got.String(), file)
	}
	var all []string
	for name, object := range schema.Definitions {
		for key, property := range object.Properties {
			if property.Default != nil && !strings.HasPrefix(name, "values.") {
				all = append(all, key)
			}
		}
	}
	for _, key := range all {
		require.True(t, spelled[key], "no stack of this test spells out %s", key)
	}
}

// definition is the part of a JSON schema that this test reads.
type definition struct {
	Ref                  string `json:"$ref"`
	Default              any
	Properties           map[string]definition
	AllOf                []definition
	Items                *definition
	AdditionalProperties any
}

// spell adds to an object, and to those in it, each default that the schema names.
func spell(spelled map[string]bool, object map[string]any, schema definition, definitions map[string]definition) {
	for _, name := range append([]string{schema.Ref}, refs(schema.AllOf)...) {
		for key, property := range definitions[strings.TrimPrefix(name, "#/definitions/")].Properties {
			value, given := object[key]
			if property.Default != nil && !given {
				object[key] = property.Default
				spelled[key] = true
			}
			if !given && (key == "pull" || key == "identity" || key == "keys" || key == "resourceGroup" && property.AllOf != nil) {
				value = map[string]any{}
				object[key] = value
			}
			if inner, ok := value.(map[string]any); ok {
				spell(spelled, inner, property, definitions)
			}
			if list, ok := value.([]any); ok && property.Items != nil {
				for _, item := range list {
					if inner, ok := item.(map[string]any); ok {
						spell(spelled, inner, *property.Items, definitions)
					}
				}
			}
		}
	}
	if items, ok := schema.AdditionalProperties.(map[string]any); ok && items["$ref"] != nil {
		for _, item := range object {
			if inner, ok := item.(map[string]any); ok {
				spell(spelled, inner, definition{Ref: items["$ref"].(string)}, definitions)
			}
		}
	}
}

func refs(schemas []definition) []string {
	var names []string
	for _, s := range schemas {
		names = append(names, s.Ref)
	}
	return names
}
