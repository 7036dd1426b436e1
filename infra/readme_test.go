package infra

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestREADMEListsEveryKey(t *testing.T) {
	t.Parallel()
	want := append([]string{"azure-native:location"}, keyPaths("", reflect.TypeFor[Config]())...)
	got := firstColumn(t, "## Configuration")
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(t, want, got)
}

func TestREADMEListsEveryOutput(t *testing.T) {
	t.Parallel()
	g, err := deploy(readStackFile(t, "../Pulumi.dev.yaml"), false)
	require.NoError(t, err)
	var want []string
	for name := range g.outputs {
		want = append(want, string(name))
	}
	got := firstColumn(t, "## Outputs")
	require.ElementsMatch(t, want, got)

	g, err = deploy(readStackFile(t, "testdata/valid-dockerhub.yaml"), false)
	require.NoError(t, err)
	var foreign []string
	for name := range g.outputs {
		foreign = append(foreign, string(name))
	}
	require.ElementsMatch(t, got[len(got)-3:], foreign, "with registry.external only the last three are there")
}

// What the README says of the SKUs is what the program holds against them.
func TestREADMEListsEveryFeature(t *testing.T) {
	t.Parallel()
	var want []string
	for _, feature := range registryFeatures {
		want = append(want, "registry."+feature.key+" "+feature.sku)
	}
	var got []string
	for _, row := range regexp.MustCompile("(?m)^\\| [^|]+ \\| `([^`]+)` \\| (\\w+)").FindAllStringSubmatch(section(t, "### Everything the registry offers"), -1) {
		got = append(got, row[1]+" "+row[2])
	}
	require.Equal(t, want, got)
}

// section returns the README's text below a heading, to the next one.
func section(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n"+heading+"\n")
	require.True(t, found, heading)
	return regexp.MustCompile("\n##+ ").Split(section, 2)[0]
}

// firstColumn returns what stands in code quotes at the beginning of the rows of a section's table.
func firstColumn(t *testing.T, heading string) []string {
	t.Helper()
	var column []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section(t, heading), -1) {
		column = append(column, row[1])
	}
	return column
}

// keyPaths returns the paths of the leaves of a configuration type, as the README writes them.
func keyPaths(path string, t reflect.Type) []string {
	var paths []string
	for _, key := range jsonKeys(t) {
		field, _ := jsonField(t, key)
		at := join(path, key)
		kind := field.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		switch {
		case slices.Contains(sharedTypes, field.Type) && path != "":
			paths = append(paths, at)
		case kind.Kind() == reflect.Struct:
			paths = append(paths, keyPaths(at, kind)...)
		case field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct:
			paths = append(paths, keyPaths(at+"[]", field.Type.Elem())...)
		case field.Type.Kind() == reflect.Map && field.Type.Elem().Kind() == reflect.Struct:
			paths = append(paths, keyPaths(at+".<name>", field.Type.Elem())...)
		default:
			paths = append(paths, at)
		}
	}
	return paths
}
