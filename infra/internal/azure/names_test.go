package azure

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestResourceNames(t *testing.T) {
	t.Parallel()
	const longest = MaxName - len("-0")
	seen := map[string]bool{}
	for _, name := range []string{"a-b", "abcd", "abcde", strings.Repeat("a", 48), strings.Repeat("a", 49), strings.Repeat("a", 63), strings.Repeat("a-", 30)} {
		base := ResourceName(name, longest)
		require.GreaterOrEqual(t, len(base), minName, name)
		require.LessOrEqual(t, len(base), longest, name)
		require.NotContains(t, base, "--", "Azure allows only single dashes in the name of a credential set")
		require.False(t, seen[base], "%s and another name become the same", name)
		seen[base] = true
	}
	require.Equal(t, "customerapi-test", ResourceName("customerapi-test", longest))
}
