package sdk

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

// The release is compared with the source of the generated package. Source and not code, because the point is not to compile that
// package.

func TestReleaseMatchesSDK(t *testing.T) {
	t.Parallel()
	helm := sdkPackage(t, "helm/v3")
	inputs := sdkFields(t, helm, "releaseArgs")
	require.Contains(t, inputs, "values", "the SDK's source is not as this test reads it")
	for name, got := range fieldTypes(ReleaseArgs{}.ElementType()) {
		require.Contains(t, inputs, name)
		if name == "repositoryOpts" { // a map here, a struct there
			continue
		}
		require.Equal(t, inputs[name], got, name)
	}
	options := sdkFields(t, helm, "RepositoryOpts")
	for _, name := range []string{"repo", "username", "password"} {
		require.Equal(t, "string", options[name], name)
	}
	require.Equal(t, "string", sdkFields(t, helm, "ReleaseStatus")["status"])
	require.Contains(t, sdkFields(t, helm, "Release"), "status")
}

// sdkPackage returns the folder of a package of the Kubernetes SDK.
func sdkPackage(t *testing.T, name string) string {
	t.Helper()
	return projecttest.GoOutput(t, "list", "-f", "{{.Dir}}", "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/"+name)[0]
}

// fieldTypes returns the types of a struct's fields by their names on the wire.
func fieldTypes(structure reflect.Type) map[string]string {
	fields := map[string]string{}
	for i := range structure.NumField() {
		field := structure.Field(i)
		fields[field.Tag.Get("pulumi")] = plainType(field.Type.String())
	}
	return fields
}

// sdkFields returns the types of a struct's fields by their names on the wire, as the package in dir declares them.
func sdkFields(t *testing.T, dir, name string) map[string]string {
	t.Helper()
	fields := map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		if !bytes.Contains(content, []byte("\ntype "+name+" struct {\n")) {
			continue
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, content, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(source, func(node ast.Node) bool {
			spec, ok := node.(*ast.TypeSpec)
			if !ok || spec.Name.Name != name {
				return true
			}
			for _, field := range spec.Type.(*ast.StructType).Fields.List {
				if field.Tag != nil {
					tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("pulumi")
					fields[tag] = plainType(types.ExprString(field.Type))
				}
			}
			return false
		})
	}
	return fields
}

// plainType returns a type without what may differ: package, capitals, and whether it is optional.
func plainType(name string) string {
	return strings.ToLower(strings.NewReplacer("sdk.", "", "metav1.", "", "*", "", "interface {}", "any", "interface{}", "any").Replace(name))
}
