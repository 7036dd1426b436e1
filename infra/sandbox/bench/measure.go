// Package bench measures how fast the program and its sandbox are. Every figure of speed is a ratio of two medians that were
// measured in turns in one run, so that it means the same on a fast machine and on a busy one.
package bench

import (
	"context"
	"slices"

	"example.com/acr-microservices/infra/sandbox/console"
)

// Measure is one row of the table: what was measured, for the program and for what it is compared with.
type Measure struct {
	Group    string  `json:"group"`              // the part of the benchmark: "compile", "growth"
	Name     string  `json:"name"`               // "cold build, CPU", "preview, 100 services"
	Unit     string  `json:"unit"`               // of Ours and Base: "s", "MiB", "ms/service"
	Ours     float64 `json:"ours"`               // median
	Base     float64 `json:"base,omitempty"`     // median of what it is compared with; 0 if with nothing
	BaseName string  `json:"baseName,omitempty"` // "stock program", "empty program", "critical path", "by hand"
	Goal     string  `json:"goal,omitempty"`     // "≤ 1/4"; empty if there is none
	Met      *bool   `json:"met,omitempty"`      // whether the goal is met; nil without one
}

// Options say what is measured and how often.
type Options struct {
	Project  string           // folder of Pulumi.yaml
	Repeat   int              // how often each thing is measured; its median counts
	Services []int            // numbers of services; nil for those of the part
	Console  *console.Console // for progress
}

// A Part measures one thing.
type Part func(ctx context.Context, o Options) ([]Measure, error)

// goal returns the measure with a goal, and whether it is met.
func (m Measure) goal(text string, met bool) Measure {
	m.Goal, m.Met = text, &met
	return m
}

// median returns the middle one of the values, or the mean of the two in the middle; 0 for none.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
