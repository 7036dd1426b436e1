package registry

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpelledAsAzureHasIt(t *testing.T) {
	t.Parallel()
	own := registryIdentity{"userAssigned", "/subscriptions/1/resourcegroups/shared/providers/Microsoft.ManagedIdentity/userAssignedIdentities/a"}
	require.Equal(t, "userAssigned", own.spelled("UserAssigned"))
	require.Equal(t, own[1], own.spelled("/subscriptions/1/resourceGroups/shared/providers/Microsoft.ManagedIdentity/userAssignedIdentities/a"))
	require.Equal(t, "SystemAssigned", own.spelled("SystemAssigned"), "another type is a change")
}
