package config

import (
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

const page = root + "/infra/docs/configuration.md"

func TestDocsListEveryKey(t *testing.T) {
	t.Parallel()
	want := append([]string{"azure-native:location"}, keyPaths("", reflect.TypeFor[Config]())...)
	got := projecttest.FirstColumn(t, page, "# Configuration")
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(t, want, got)
}

// What the page says of the SKUs is what the program holds against them.
func TestDocsListEveryFeature(t *testing.T) {
	t.Parallel()
	var want []string
	for _, feature := range registryFeatures {
		want = append(want, "registry."+feature.key+" "+feature.sku)
	}
	var got []string
	for _, row := range regexp.MustCompile("(?m)^\\| [^|]+ \\| `([^`]+)` \\| (\\w+)").FindAllStringSubmatch(projecttest.Section(t, page, "## Everything the registry offers"), -1) {
		got = append(got, row[1]+" "+row[2])
	}
	require.Equal(t, want, got)
}

// keyPaths returns the paths of the leaves of a configuration type, as the page writes them.
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
