// Package orderedmap has the interface of an ordered map, which in this double stays empty. See package libopenapi.
package orderedmap

import "iter"

// Map is always empty.
type Map[K comparable, V any] struct{}

// New returns a map.
func New[K comparable, V any]() *Map[K, V] { return &Map[K, V]{} }

// Len is 0.
func Len[K comparable, V any](*Map[K, V]) int { return 0 }

// FromOldest iterates all entries.
func (*Map[K, V]) FromOldest() iter.Seq2[K, V] { return func(func(K, V) bool) {} }

// KeysFromOldest iterates all keys.
func (*Map[K, V]) KeysFromOldest() iter.Seq[K] { return func(func(K) bool) {} }

// Get finds nothing.
func (*Map[K, V]) Get(K) (value V, found bool) { return value, false }

// GetOrZero finds nothing.
func (*Map[K, V]) GetOrZero(K) (value V) { return value }

// Set does nothing.
func (*Map[K, V]) Set(K, V) (old V, found bool) { return old, false }

// Delete does nothing.
func (*Map[K, V]) Delete(K) (old V, found bool) { return old, false }
