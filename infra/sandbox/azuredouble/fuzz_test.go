package azuredouble

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzDefaults: removed defaults can be merged back, and properties survive the conversion for the engine.
func FuzzDefaults(f *testing.F) {
	f.Add(`{"sku": {"name": "Basic"}, "adminUserEnabled": false, "policies": {"a": {"b": 1}}}`, `{"sku": {"name": "Premium"}, "tags": {"x": "y"}}`)
	f.Add(`{"a": {"b": []}}`, `{"a": {}, "c": [1, {"d": null}]}`)
	f.Fuzz(func(t *testing.T, defaults, given string) {
		var below, inputs props
		if json.Unmarshal([]byte(defaults), &below) != nil || json.Unmarshal([]byte(given), &inputs) != nil ||
			strings.Contains(defaults+given, "null") || strings.Contains(defaults+given, "__") {
			return // toProps drops nulls and the provider's own notes
		}
		whole := merge(below, inputs)
		require.Equal(t, whole, merge(below, strip(whole, below)))
		require.Equal(t, whole, toProps(fromProps(whole)))
		require.Equal(t, whole, merge(below, reconcile(inputs, whole, below)))
	})
}

// FuzzARMType: only resource ids have a type, which consists of their segments.
func FuzzARMType(f *testing.F) {
	const group = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/shop/providers/"
	for _, seed := range []string{
		group + "Microsoft.Network/virtualNetworks/hub/subnets/nodes", group + "Microsoft.ContainerRegistry/registries/x",
		group + "Microsoft.Storage/storageAccounts/x/providers/Microsoft.Authorization/roleAssignments/y", group, "//", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		kind := armType(id)
		if kind == "" {
			if foreign(id) || checkReference("id", id, "a/b") == nil {
				t.Errorf("%q has no type but is accepted", id)
			}
			return
		}
		words := strings.Split(id, "/")
		for word := range strings.SplitSeq(kind, "/") {
			require.Contains(t, words, word)
		}
		require.NoError(t, checkReference("id", id, kind))
	})
}
