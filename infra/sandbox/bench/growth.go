//go:build linux

package main

import (
	"context"
	"fmt"
	"time"
)

// program is the name of the program's process.
const program = "program"

// Growth measures previews and updates without changes, for stacks of increasing size, against the same engine with an empty
// program. The releases have no pods, because a node has room for about a hundred.
func Growth(ctx context.Context, o Options) ([]Measure, error) {
	sizes := o.services(1, 10, 100, 500)
	seen, err := o.World.grow(ctx, o, sizes)
	if err != nil {
		return nil, err
	}
	var measures []Measure
	for _, what := range []string{"preview", "no-op up"} {
		floor := wall(seen[what][0])
		for _, n := range sizes {
			measures = append(measures, Measure{
				Group: "growth", Name: what, Services: n, Unit: "s", Ours: wall(seen[what][n]), Base: floor, BaseName: "empty program",
			})
		}
	}
	if len(sizes) < 3 {
		return measures, nil
	}
	for _, what := range []string{"preview", "no-op up"} {
		x, y := make([]float64, len(sizes)), make([]float64, len(sizes))
		for i, n := range sizes {
			x[i], y[i] = float64(n), wall(seen[what][n])*1000
		}
		last := len(sizes) - 1
		m := Measure{
			Group: "growth", Name: fmt.Sprintf("%s, each service beyond %d", what, sizes[last-1]), Unit: "ms",
			Ours: slope(x[last-1:], y[last-1:]), Base: slope(x[:last], y[:last]), BaseName: fmt.Sprintf("each up to %d", sizes[last-1]),
		}
		measures = append(measures, m.goal("linear: ≤ 1.2", m.ratio() <= 1.2))
	}
	last := sizes[len(sizes)-1]
	own := Measure{
		Group: "growth", Name: "the program with the SDK's mock of an engine, CPU of each", Services: last, Unit: "ms",
	}
	if own.Ours, err = ownCPUOfEach(ctx, o, last); err != nil {
		return nil, err
	}
	process := func(n int) float64 {
		return median(each(seen["preview"][n], func(r run) float64 { return milliseconds(r.cpu[program]) }))
	}
	return append(measures, own.goal("≤ 1 ms", own.Ours <= 1), Measure{
		Group: "growth", Name: "the program's process in a preview, CPU of each", Services: last, Unit: "ms",
		Ours: (process(last) - process(0)) / float64(last),
	}), nil
}

// grow deploys stacks of the given sizes and returns their runs without changes, by operation and by size; the empty program's
// runs are at 0.
func (w *World) grow(ctx context.Context, o Options, sizes []int) (map[string]map[int][]run, error) {
	stacks := map[int]*benchStack{}
	var err error
	if stacks[0], err = w.emptyStack(ctx); err != nil {
		return nil, err
	}
	for _, n := range sizes {
		if stacks[n], err = w.podlessStack(ctx, n); err != nil {
			return nil, err
		}
	}
	seen := map[string]map[int][]run{"preview": {}, "no-op up": {}}
	for i := range o.repeat(3) {
		for _, n := range append([]int{0}, sizes...) {
			w.Console.Status(fmt.Sprintf("  round %d: nothing to do in %d services", i+1, n))
			previewed, err := stacks[n].preview(ctx)
			if err != nil {
				return nil, err
			}
			updated, err := stacks[n].up(ctx)
			if err != nil {
				return nil, err
			}
			if changed := append(previewed.changes(), updated.changes()...); n > 0 && len(changed) > 0 {
				return nil, fmt.Errorf("%d services: %s %s, but no change was expected", n, changed[0].op, changed[0].urn)
			}
			seen["preview"][n] = append(seen["preview"][n], previewed)
			seen["no-op up"][n] = append(seen["no-op up"][n], updated)
		}
	}
	w.grown = seen
	return seen, nil
}

// wall is the median time of the runs, in seconds.
func wall(runs []run) float64 {
	return median(each(runs, func(r run) float64 { return r.wall.Seconds() }))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
