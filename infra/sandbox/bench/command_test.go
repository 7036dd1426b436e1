//go:build linux

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChosenParts(t *testing.T) {
	t.Parallel()
	chosen := func(names ...string) []string {
		var found []string
		for _, part := range chosenParts(names) {
			found = append(found, part.name)
		}
		return found
	}
	quick := []string{"start", "growth", "size", "change", "deploy"}
	require.Equal(t, quick, chosen(), "the default omits the slow parts")
	require.Equal(t, append(quick, "compile", "cold"), chosen("all"))
	require.Equal(t, []string{"start", "cold"}, chosen("cold", "start"))
}
