package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra"
)

// The program registers helm.sh/v3:Release by a small wrapper of its own. This holds the wrapper's field names and types
// against the SDK's source. Source and not code, because compiling that package is what the wrapper is there to avoid.
func TestReleaseWrapperMatchesSDK(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/helm/v3").Output()
	require.NoError(t, err)
	dir := strings.TrimSpace(string(out))
	inputs := sdkFields(t, filepath.Join(dir, "release.go"), "releaseArgs")
	require.Contains(t, inputs, "values", "the SDK's source is not as this test reads it")
	element := infra.ReleaseArgs{}.ElementType()
	for i := range element.NumField() {
		field := element.Field(i)
		name := field.Tag.Get("pulumi")
		require.Contains(t, inputs, name, "ReleaseArgs.%s", field.Name)
		if name == "repositoryOpts" { // a map here, a struct there
			continue
		}
		want := strings.ReplaceAll(inputs[name], "interface{}", "interface {}") // as reflect writes it
		require.Equal(t, strings.TrimPrefix(want, "*"), strings.TrimPrefix(field.Type.String(), "*"), name)
	}
	options := sdkFields(t, filepath.Join(dir, "pulumiTypes.go"), "RepositoryOpts")
	for _, name := range []string{"repo", "username", "password"} {
		require.Equal(t, "*string", options[name], name)
	}
	status := sdkFields(t, filepath.Join(dir, "pulumiTypes.go"), "ReleaseStatus")
	require.Equal(t, "string", status["status"])
	outputs := sdkFields(t, filepath.Join(dir, "release.go"), "Release")
	require.Contains(t, outputs, "status")
}

// sdkFields returns the types of a struct's fields by their names on the wire.
func sdkFields(t *testing.T, file, name string) map[string]string {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	fields := map[string]string{}
	ast.Inspect(source, func(node ast.Node) bool {
		spec, ok := node.(*ast.TypeSpec)
		if !ok || spec.Name.Name != name {
			return true
		}
		if structure, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range structure.Fields.List {
				if field.Tag != nil {
					tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("pulumi")
					fields[tag] = types.ExprString(field.Type)
				}
			}
		}
		return false
	})
	return fields
}
