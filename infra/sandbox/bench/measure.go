//go:build linux

// Package bench measures the speed of the program and its sandbox. A speed figure is a ratio of two medians, measured in turns
// in one run, so that it means the same on a fast machine and on a busy one.
package main

import (
	"context"
	"slices"
	"time"

	"example.com/acr-microservices/infra/sandbox/progress"
)

// Measure is one row of the table: a figure of the program and the one it is compared with.
type Measure struct {
	Group    string  `json:"group"`              // the part of the benchmark: "compile", "growth"
	Name     string  `json:"name"`               // "cold build, CPU", "preview"
	Services int     `json:"services,omitempty"` // how many services; 0 if that does not matter
	Unit     string  `json:"unit"`               // of Ours and Base: "s", "MiB", "ms/service"
	Ours     float64 `json:"ours"`               // median
	Base     float64 `json:"base,omitempty"`     // median of the comparison; 0 without one
	BaseName string  `json:"baseName,omitempty"` // "stock program", "empty program", "critical path", "by hand"
	Goal     string  `json:"goal,omitempty"`     // "≤ 1/4"; empty if there is none
	Met      *bool   `json:"met,omitempty"`      // whether the goal is met; nil without one
}

// Options say what is measured and how often.
type Options struct {
	Project  string                   // folder of Pulumi.yaml
	Repeat   int                      // how often each figure is measured; the median counts. 0: the part's default
	Services []int                    // numbers of services, ascending; nil: those of the part
	Latency  map[string]time.Duration // of Azure, in place of azuredouble.TypicalLatency: see azuredouble.Conditions
	Console  *progress.Console        // for progress
	World    *World                   // in which stacks run; nil for parts that run none
}

// A Part measures one thing.
type Part func(ctx context.Context, o Options) ([]Measure, error)

// goal returns the measure with a goal.
func (m Measure) goal(text string, met bool) Measure {
	m.Goal, m.Met = text, &met
	return m
}

// ratio is Ours in relation to Base; 0 if there is no base.
func (m Measure) ratio() float64 {
	if m.Base == 0 {
		return 0
	}
	return m.Ours / m.Base
}

// services returns the numbers of services to measure with.
func (o Options) services(standard ...int) []int {
	if len(o.Services) > 0 {
		return o.Services
	}
	return standard
}

// repeat returns how often to measure.
func (o Options) repeat(standard int) int {
	if o.Repeat > 0 {
		return o.Repeat
	}
	return standard
}

// median returns the middle value, or the mean of the two in the middle; 0 for none.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// each returns a figure of each measured item.
func each[T any](measured []T, figure func(T) float64) []float64 {
	figures := make([]float64, len(measured))
	for i, m := range measured {
		figures[i] = figure(m)
	}
	return figures
}

// slope returns the slope of y over x, by least squares.
func slope(x, y []float64) float64 {
	var meanX, meanY, over, under float64
	for i := range x {
		meanX += x[i] / float64(len(x))
		meanY += y[i] / float64(len(y))
	}
	for i := range x {
		over += (x[i] - meanX) * (y[i] - meanY)
		under += (x[i] - meanX) * (x[i] - meanX)
	}
	return over / under
}
