package infra

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

// What makes the program slow to compile comes in by a single import or type. The benchmark shows what it costs.

func TestCompilesNoGeneratedPackageOfKubernetes(t *testing.T) {
	t.Parallel()
	const sdk = "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	for _, dependency := range projecttest.GoOutput(t, "list", "-deps", ".") {
		if strings.HasPrefix(dependency, sdk+"/") {
			require.Equal(t, sdk+"/utilities", dependency, "put what is needed of this package into package sdk")
		}
	}
}

// The package of a service's default version holds the types of all its APIs, of which the stack needs one or two; the package
// of just that version is a tenth of it.
func TestCompilesNoDefaultPackageOfAzure(t *testing.T) {
	t.Parallel()
	const sdk = "github.com/pulumi/pulumi-azure-native-sdk/"
	versioned := regexp.MustCompile(`^` + regexp.QuoteMeta(sdk) + `\w+/v2/v\d{8}(preview)?$`)
	for _, dependency := range projecttest.GoOutput(t, "list", "-deps", ".") {
		if strings.HasPrefix(dependency, sdk) && !strings.HasPrefix(dependency, sdk+"v2") {
			require.Regexp(t, versioned, dependency, "name the version that is the default's")
		}
	}
}

// A type from which pulumi.AnyOutput can be reached by methods and fields, such as pulumi.StackReference, makes the compiler
// translate 8000 generic functions of the SDK with this package.
func TestCompilesFewFunctionsOfTheSDK(t *testing.T) {
	t.Parallel()
	archives := projecttest.GoOutput(t, "list", "-export", "-f", "{{.Export}}", ".", "./sdk")
	require.Len(t, archives, 2)
	for _, archive := range archives {
		functions := 0
		for _, symbol := range projecttest.GoOutput(t, "tool", "nm", archive) {
			if strings.Contains(symbol, " T github.com/pulumi/pulumi/sdk/v3/go/pulumix.") {
				functions++
			}
		}
		require.Positive(t, functions, "the symbols are not as this test reads them")
		require.Less(t, functions, 2000, "some type leads to pulumi.AnyOutput")
	}
}

// An edit of the graph does not compile the packages beside it again, and they need nothing of Pulumi.
func TestCompilesNoPulumiBesideTheGraph(t *testing.T) {
	t.Parallel()
	for _, dependency := range projecttest.GoOutput(t, "list", "-deps", "./config", "./helm") {
		require.False(t, strings.HasPrefix(dependency, "github.com/pulumi/") || strings.HasSuffix(dependency, "/infra"), dependency)
	}
}
