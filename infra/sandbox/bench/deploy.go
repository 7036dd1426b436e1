package bench

import (
	"context"
	"fmt"
	"maps"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
)

// byHandUpTo is the largest number of services that are also deployed by hand, which takes minutes.
const byHandUpTo = 10

// Deploy measures the first update of a stack, in an Azure that takes its time, against the longest chain of steps that need
// each other, and against a person who does one step after the other.
func Deploy(ctx context.Context, o Options) (_ []Measure, err error) {
	sizes := o.services(1, 10, 50)
	tools, err := o.World.handTools(ctx, o.Project)
	if err != nil {
		return nil, err
	}
	type figures struct{ whole, steps, path, byHand []float64 }
	seen := map[int]*figures{}
	for _, n := range sizes {
		seen[n] = &figures{}
	}
	slow := azuredouble.Conditions{Latency: maps.Clone(azuredouble.TypicalLatency)}
	maps.Copy(slow.Latency, o.Latency)
	for i := range o.repeat(1) {
		for _, n := range sizes {
			o.Console.Status(fmt.Sprintf("  round %d: the first up of %d services", i+1, n))
			first, state, err := o.World.firstUp(ctx, n, slow, nil)
			if err != nil {
				return nil, err
			}
			f := seen[n]
			f.whole = append(f.whole, first.wall.Seconds())
			f.steps = append(f.steps, span(first.steps).Seconds())
			f.path = append(f.path, state.criticalPath(first.steps).Seconds())
			if n > byHandUpTo {
				continue
			}
			o.Console.Status(fmt.Sprintf("  round %d: %d services by hand", i+1, n))
			took, err := tools.deploy(ctx, n, slow)
			if err != nil {
				return nil, err
			}
			f.byHand = append(f.byHand, took.Seconds())
		}
	}
	largest := sizes[len(sizes)-1]
	o.Console.Status(fmt.Sprintf("  the first up of %d services, its state written at its end", largest))
	once, state, err := o.World.firstUp(ctx, largest, slow, []string{stateOnce})
	if err != nil {
		return nil, err
	}

	var measures []Measure
	for _, n := range sizes {
		f := seen[n]
		m := Measure{
			Group: "deploy", Name: "first up, its steps", Services: n, Unit: "s",
			Ours: median(f.steps), Base: median(f.path), BaseName: "critical path",
		}
		measures = append(measures, m.goal("≤ 1.15", m.ratio() <= 1.15))
	}
	measures = append(measures, Measure{
		Group: "deploy", Name: "the same, state written at its end only", Services: largest, Unit: "s",
		Ours: span(once.steps).Seconds(), Base: state.criticalPath(once.steps).Seconds(), BaseName: "critical path",
	})
	for _, n := range sizes {
		f := seen[n]
		measures = append(measures, Measure{
			Group: "deploy", Name: "first up, whole", Services: n, Unit: "s",
			Ours: median(f.whole), Base: median(f.path), BaseName: "critical path",
		})
	}
	for _, n := range sizes {
		f := seen[n]
		if len(f.byHand) == 0 {
			continue
		}
		m := Measure{
			Group: "deploy", Name: "first up, whole", Services: n, Unit: "s",
			Ours: median(f.whole), Base: median(f.byHand), BaseName: "by hand",
		}
		if n == byHandUpTo {
			m = m.goal("≤ 1/4", m.ratio() <= 0.25)
		}
		measures = append(measures, m)
	}
	return measures, nil
}

// modest is what each pod asks for and is limited to, for fifty of them on one node.
var modest = settings{"requests": settings{"cpu": "1m", "memory": "8Mi"}, "limits": settings{"memory": "64Mi"}}

// firstUp deploys so many services with pods into an empty Azure and an empty cluster, and removes them again.
func (w *World) firstUp(ctx context.Context, services int, slow azuredouble.Conditions, env []string) (run, checkpoint, error) {
	name := fmt.Sprintf("pods-%d", services)
	st, err := w.programStack(ctx, name, settings{
		"environment": name,
		"services": sameServices(services, settings{
			"image": settings{"repository": "customerapi", "tag": "1.0.0"}, "values": settings{"resources": modest},
		}),
	})
	if err != nil {
		return run{}, checkpoint{}, err
	}
	if err := w.Services.SetConditions(ctx, slow); err != nil {
		return run{}, checkpoint{}, err
	}
	st.env = env
	first, err := st.up(ctx)
	if err != nil {
		return first, checkpoint{}, err
	}
	state, err := st.state()
	if err != nil {
		return first, state, err
	}
	if err := w.Services.SetConditions(ctx, azuredouble.Conditions{}); err != nil {
		return first, state, err
	}
	st.env = []string{stateOnce} // nobody minds if it is killed
	return first, state, st.destroy(ctx)
}
