//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"time"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
	"example.com/acr-microservices/infra/sandbox/engine"
)

// byHandUpTo is the largest number of services that are also deployed by hand, which takes minutes.
const byHandUpTo = 10

// Deploy measures the first update of a stack, in an Azure with realistic latency, against the longest chain of dependent
// steps, and against a person who does one step after the other. A person creates one password; the update's time for those of
// later periods, during and after the services, is a separate row.
func Deploy(ctx context.Context, o Options) (_ []Measure, err error) {
	sizes := o.services(1, 10, 50)
	tools, err := o.World.handTools(ctx, o.Project)
	if err != nil {
		return nil, err
	}
	updates, byHand := map[int][]firstUp{}, map[int][]float64{}
	slow := azuredouble.Conditions{Latency: maps.Clone(azuredouble.TypicalLatency)}
	maps.Copy(slow.Latency, o.Latency)
	for i := range o.repeat(3) {
		for _, n := range sizes {
			o.Console.Status(fmt.Sprintf("  round %d: the first up of %d services", i+1, n))
			first, err := o.World.firstUp(ctx, n, slow, nil)
			if err != nil {
				return nil, err
			}
			updates[n] = append(updates[n], first)
			if n > byHandUpTo {
				continue
			}
			o.Console.Status(fmt.Sprintf("  round %d: %d services by hand", i+1, n))
			took, err := tools.deploy(ctx, n, slow)
			if err != nil {
				return nil, err
			}
			byHand[n] = append(byHand[n], took.Seconds())
		}
	}
	largest := sizes[len(sizes)-1]
	o.Console.Status(fmt.Sprintf("  the first up of %d services, its state written at its end", largest))
	once, err := o.World.firstUp(ctx, largest, slow, []string{stateOnce})
	if err != nil {
		return nil, err
	}

	row := func(n int, name string, of []firstUp, figure func(firstUp) time.Duration, base float64, baseName string) Measure {
		return Measure{
			Group: "deploy", Name: name, Services: n, Unit: "s", BaseName: baseName,
			Ours: median(each(of, func(f firstUp) float64 { return figure(f).Seconds() })), Base: base,
		}
	}
	path := func(of []firstUp, counts func(string) bool) float64 {
		return median(each(of, func(f firstUp) float64 { return f.path(counts).Seconds() }))
	}
	var measures []Measure
	for _, n := range sizes {
		m := row(n, "first up, its steps", updates[n], firstUp.allSteps, path(updates[n], anything), "critical path")
		measures = append(measures, m.goal("≤ 1.15", m.ratio() <= 1.15))
	}
	for _, n := range sizes {
		m := row(n, "first up, its steps until the services run", updates[n], firstUp.stepsToServices, path(updates[n], isRelease), "critical path to them")
		measures = append(measures, m.goal("≤ 1.15", m.ratio() <= 1.15))
	}
	measures = append(measures, row(largest, "the same, state written at its end only", []firstUp{once},
		firstUp.stepsToServices, path([]firstUp{once}, isRelease), "critical path to them"))
	for _, n := range sizes {
		measures = append(measures, row(n, "first up, whole", updates[n], firstUp.whole, path(updates[n], anything), "critical path"))
	}
	for _, n := range sizes {
		if len(byHand[n]) == 0 {
			continue
		}
		m := row(n, "first up, until the services run", updates[n], firstUp.services, median(byHand[n]), "by hand")
		if n == byHandUpTo {
			m = m.goal("≤ 1/4", m.ratio() <= 0.25)
		}
		measures = append(measures, m, row(n, "first up, whole", updates[n], firstUp.whole, median(byHand[n]), "by hand"))
	}
	return measures, nil
}

// firstUp is the first update of a stack, with the state that it leaves.
type firstUp struct {
	run
	state engine.State
}

// whole is the time from the start of the CLI to its end.
func (f firstUp) whole() time.Duration { return f.wall }

// services is the time from the start of the CLI until all services run.
func (f firstUp) services() time.Duration { return lastEnd(f.steps, isRelease).Sub(f.began) }

func (f firstUp) allSteps() time.Duration        { return span(f.steps, anything) }
func (f firstUp) stepsToServices() time.Duration { return span(f.steps, isRelease) }
func (f firstUp) path(counts func(urn string) bool) time.Duration {
	return criticalPath(f.state.Deployment.Resources, f.steps, counts)
}

// modest holds each pod's requests and limits: fifty pods fit on one node.
var modest = settings{"requests": settings{"cpu": "1m", "memory": "8Mi"}, "limits": settings{"memory": "64Mi"}}

// firstUp deploys services with pods into an empty Azure and an empty cluster, and removes them again.
func (w *World) firstUp(ctx context.Context, services int, slow azuredouble.Conditions, env []string) (firstUp, error) {
	name := fmt.Sprintf("pods-%d", services)
	st, err := w.programStack(ctx, name, settings{
		"environment": name,
		"services": sameServices(services, settings{
			// Each service represents one with its own image that no node has yet: all of them pull.
			"image":  settings{"repository": "customerapi", "tag": "1.0.0"},
			"values": settings{"resources": modest, "image": settings{"pullPolicy": "Always"}},
		}),
	})
	if err != nil {
		return firstUp{}, err
	}
	if err := w.Services.SetConditions(ctx, slow); err != nil {
		return firstUp{}, err
	}
	st.env = env
	first := firstUp{}
	if first.run, err = st.up(ctx); err != nil {
		return first, err
	}
	if first.state, err = st.state(); err != nil {
		return first, err
	}
	if err := w.Services.SetConditions(ctx, azuredouble.Conditions{}); err != nil {
		return first, err
	}
	st.env = []string{stateOnce} // a kill does no harm
	return first, st.destroy(ctx)
}
