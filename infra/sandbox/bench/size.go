//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"
)

// Size measures the memory of the engine, the provider and the program, and the size of the state.
func Size(ctx context.Context, o Options) ([]Measure, error) {
	sizes := o.services(1, 10, 100, 500)
	seen := o.World.grown
	if seen == nil {
		var err error
		once := o
		once.Repeat = 1
		if seen, err = o.World.grow(ctx, once, sizes); err != nil {
			return nil, err
		}
	}
	var measures []Measure
	last := sizes[len(sizes)-1]
	for _, process := range []struct{ name, binary string }{
		{"program", program}, {"engine", "pulumi"}, {"Kubernetes provider", "pulumi-resource-kubernetes"},
	} {
		peak := func(n int) float64 {
			return median(each(seen["no-op up"][n], func(r run) float64 { return float64(r.peak[process.binary]) / (1 << 20) }))
		}
		m := Measure{Group: "size", Name: fmt.Sprintf("peak memory of the %s", process.name), Services: last, Unit: "MiB", Ours: peak(last)}
		if last > sizes[0] {
			m.Base, m.BaseName = peak(sizes[0]), fmt.Sprintf("with %d", sizes[0])
		}
		measures = append(measures, m)
	}
	bytes := func(n int) (float64, error) {
		st, err := o.World.podlessStack(ctx, n)
		if err != nil {
			return 0, err
		}
		state, err := st.state()
		return float64(state.Size), err
	}
	written, err := o.World.writtenState(ctx)
	if err != nil {
		return nil, err
	}
	largest, err := bytes(last)
	if err != nil {
		return nil, err
	}
	smallest, err := bytes(sizes[0])
	if err != nil {
		return nil, err
	}
	measures = append(measures, Measure{Group: "size", Name: "state", Services: last, Unit: "MiB", Ours: largest / (1 << 20)})
	if last > sizes[0] {
		measures = append(measures, Measure{
			Group: "size", Name: "state, each service", Unit: "KiB", Ours: (largest - smallest) / float64(last-sizes[0]) / (1 << 10),
		})
	}
	return append(measures, written), nil
}

// writtenState measures the cost of writing the state in a first update, against writing it only at the end.
func (w *World) writtenState(ctx context.Context) (Measure, error) {
	const services = 50
	m := Measure{Group: "size", Name: "first up without pods", Services: services, Unit: "s", BaseName: "state written at its end only"}
	for _, way := range []struct {
		name   string
		env    []string
		figure *float64
	}{{"step by step", nil, &m.Ours}, {"at its end", []string{stateOnce}, &m.Base}} {
		w.Console.Status("  a first up whose state is written " + way.name)
		st, err := w.newPodlessStack(ctx, "state-"+strings.ReplaceAll(way.name, " ", "-"), services)
		if err != nil {
			return m, err
		}
		st.env = way.env
		r, err := st.up(ctx)
		if err != nil {
			return m, err
		}
		*way.figure = r.wall.Seconds()
	}
	return m, nil
}
