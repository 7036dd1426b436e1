//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"
)

// Change measures an update that changes one service's tag, in a stack of many services against a stack of one. Any other
// change is an error.
func Change(ctx context.Context, o Options) ([]Measure, error) {
	sizes := o.services(100)
	many := sizes[len(sizes)-1]
	tags := []string{"1.1.0", "1.0.0"}
	seen := map[int][]run{}
	for i := range o.repeat(3) {
		for _, n := range []int{1, many} {
			st, err := o.World.podlessStack(ctx, n)
			if err != nil {
				return nil, err
			}
			o.Console.Status(fmt.Sprintf("  round %d: another tag for one of %d services", i+1, n))
			if err := st.retag(ctx, tags[i%len(tags)]); err != nil {
				return nil, err
			}
			r, err := st.up(ctx)
			if err != nil {
				return nil, err
			}
			changes := r.changes()
			if len(changes) != 1 || changes[0].op != "update" || !strings.HasSuffix(changes[0].urn, ":Release::service000") {
				return nil, fmt.Errorf("another tag for one of %d services: not only its release was updated, but %v", n, changes)
			}
			seen[n] = append(seen[n], r)
		}
	}
	return []Measure{{
		Group: "change", Name: "another tag for one of them", Services: many, Unit: "s",
		Ours: wall(seen[many]), Base: wall(seen[1]), BaseName: "in a stack of one",
	}}, nil
}
