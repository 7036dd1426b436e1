package azuredouble

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestResourceGroupNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "rg-1_(x).y": true, "größe": true, strings.Repeat("a", 90): true,
		"": false, "a.": false, "a b": false, "a/b": false, strings.Repeat("a", 91): false,
	} {
		assert.Equal(t, ok, resourceGroupName.MatchString(name), name)
	}
}

func TestResourceGroup(t *testing.T) {
	e := newEngine(t, Options{})
	_, err := e.try(groupType, "g", props{"resourceGroupName": testGroup, "location": "atlantis"})
	require.ErrorContains(t, err, `Status=400 Code="LocationNotAvailableForResourceGroup" Message="The provided location 'atlantis'`)

	group := e.create(groupType, "g", props{"resourceGroupName": testGroup, "location": "West Europe"})
	assert.Equal(t, "westeurope", group.out("location"))
	assert.Equal(t, testGroup, group.out("name"))
	assert.Equal(t, "Succeeded", group.out("properties", "provisioningState"))

	_, err = e.try(groupType, "again", props{"resourceGroupName": "RG", "location": "uksouth"})
	require.ErrorContains(t, err, "cannot create already existing resource '"+group.id[:len(group.id)-2]+"RG'", "names are case-insensitive")

	require.NoError(t, e.update(group, props{"resourceGroupName": testGroup, "location": "West Europe", "tags": props{"a": "b"}}))
	assert.Equal(t, "b", group.out("tags", "a"))
}

func TestDeletingAGroupDeletesItsResources(t *testing.T) {
	e := newEngine(t, Options{})
	group, registry, id := e.group(), e.registry(nil), e.identity("pull")
	onRegistry := e.assign("one", id.objectID(), acrPull, registry.id)
	onGroup := e.assign("two", id.objectID(), acrPull, group.id)
	onSubscription := e.assign("three", id.objectID(), acrPull, e.double.current().subscriptionID())
	// A group with the same prefix stays.
	neighbor := e.create(groupType, "n", props{"resourceGroupName": testGroup + "2", "location": "westeurope"})
	e.destroy(group)
	assert.False(t, e.refresh(registry))
	assert.False(t, e.refresh(onRegistry))
	assert.False(t, e.refresh(onGroup))
	assert.True(t, e.refresh(onSubscription))
	assert.True(t, e.refresh(neighbor))
	assert.True(t, e.refresh(id.principal))
}
