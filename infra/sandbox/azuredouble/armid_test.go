package azuredouble

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARMType(t *testing.T) {
	group := "/subscriptions/" + otherGUID + "/resourceGroups/rg"
	registry := group + "/providers/Microsoft.ContainerRegistry/registries/acme12345"
	for id, want := range map[string]struct {
		kind    string
		foreign bool
	}{
		vault: {"Microsoft.KeyVault/vaults", true},
		group + "/providers/Microsoft.Network/virtualNetworks/hub/subnets/nodes": {"Microsoft.Network/virtualNetworks/subnets", true},
		group + "/providers/Microsoft.Network/privateEndpoints/acme":             {"Microsoft.Network/privateEndpoints", false},
		registry:                          {"Microsoft.ContainerRegistry/registries", false},
		registry + "/replications/ukwest": {"Microsoft.ContainerRegistry/registries/replications", false},
		registry + "/providers/Microsoft.Authorization/locks/keep":                     {"Microsoft.Authorization/locks", false},
		registry + "/replications/ukwest/providers/Microsoft.Authorization/locks/keep": {"Microsoft.Authorization/locks", false},
		vault + "/providers/Microsoft.Authorization/roleAssignments/" + otherGUID:      {"Microsoft.Authorization/roleAssignments", false},
		"":                     {"", false},
		"acme12345":            {"", false},
		group:                  {"", false},
		group + "/providers":   {"", false},
		registry + "/":         {"", false},
		registry + "/webhooks": {"", false},
		"/subscriptions//resourceGroups/rg/providers/Microsoft.KeyVault/vaults/acme": {"", false},
	} {
		assert.Equal(t, want.kind, armType(id), id)
		assert.Equal(t, want.foreign, foreign(id), id)
	}
}

func TestCheckReference(t *testing.T) {
	const kind = "microsoft.keyvault/Vaults"
	require.NoError(t, checkReference("scope", vault, kind))
	require.ErrorContains(t, checkReference("scope", "vault", kind),
		`Code="LinkedInvalidPropertyId" Message="Property id 'vault' at path 'scope' is invalid.`)
	require.ErrorContains(t, checkReference("scope", userIdentity, kind), "is of the type 'Microsoft.ManagedIdentity/userAssignedIdentities'")
}
