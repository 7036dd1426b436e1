package infra

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTokenNamesHaveTheLengthThatAzureAllows(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, name := range []string{"a-b", "abcd", "abcde", strings.Repeat("a", 48), strings.Repeat("a", 49), strings.Repeat("a", 63)} {
		base := tokenBase(name)
		require.GreaterOrEqual(t, len(base), 5, name)
		require.LessOrEqual(t, len(base+"-0"), 50, name)
		require.False(t, seen[base], "%s has the name of another", name)
		seen[base] = true
	}
	require.Equal(t, "customerapi-test", tokenBase("customerapi-test"))
}
