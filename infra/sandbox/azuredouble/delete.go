package azuredouble

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// allKinds are the kinds whose objects are in the [Double.Inventory].
var allKinds = sync.OnceValue(func() []*kind {
	var all []*kind
	for _, p := range []*provider{newAzureNative(nil), newAzureAD(nil), newAzure(nil)} {
		all = slices.AppendSeq(all, maps.Values(p.kinds))
	}
	return slices.DeleteFunc(all, func(k *kind) bool { return k.owns == nil })
})

// Delete deletes an object of the [Double.Inventory] and all that belongs to it, like a manual deletion.
func (d *Double) Delete(id string) error {
	for _, k := range allKinds() {
		if k.owns(id) {
			if _, _, err := k.read(d, id); isNotFound(err) {
				break
			}
			return k.remove(d, id)
		}
	}
	return fmt.Errorf("resource %s does not exist", id)
}

// Discard deletes the objects of the given types, except those with a known id.
func (d *Double) Discard(types, known []string) error {
	for _, id := range d.Inventory() {
		for _, k := range allKinds() {
			wanted := slices.ContainsFunc(types, func(token string) bool { return Unversioned(token) == k.token })
			if wanted && k.owns(id) && !slices.Contains(known, id) {
				if err := k.remove(d, id); err != nil {
					return fmt.Errorf("%s %s: %w", k.token, id, err)
				}
			}
		}
	}
	return nil
}
