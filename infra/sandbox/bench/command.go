//go:build linux

// Command bench measures the speed of the program and its sandbox. It is the sandbox with one more subcommand, in its own module,
// so that only benchmark users compile the plot library. The sandbox's launcher builds it:
//
//	go run -C infra/sandbox . bench
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
	"example.com/acr-microservices/infra/sandbox/cli"
)

func main() { cli.Main(benchCommand()) }

// part is a part of the benchmark.
type part struct {
	name     string
	about    string
	measure  Part
	inWorld  bool // runs stacks in a sandbox
	optional bool // slow; runs only when named
}

// parts lists all parts in execution order.
var parts = []part{
	{name: "start", about: "a sandbox's start", measure: Start},
	{name: "growth", about: "previews and updates that find nothing to do", measure: Growth, inWorld: true},
	{name: "size", about: "memory and state", measure: Size, inWorld: true},
	{name: "change", about: "another tag for one of many services", measure: Change, inWorld: true},
	{name: "deploy", about: "the first update, and the same by hand", measure: Deploy, inWorld: true},
	{name: "compile", about: "what the program costs to compile", measure: Compile, optional: true},
	{name: "cold", about: "what the sandbox costs to compile", measure: Cold, optional: true},
}

func benchCommand() cli.Extra {
	var services []int
	var repeat int
	var latency map[string]string
	var write, list bool
	names := []string{everyPart}
	for _, part := range parts {
		names = append(names, part.name)
	}
	cmd := &cobra.Command{
		Use:   "bench [" + strings.Join(names, "|") + "]...",
		Short: "Measure how fast the program and the sandbox are",
		Long:  benchHelp(),
		Example: `  go run -C infra/sandbox . bench
  go run -C infra/sandbox . bench growth --services 1,10,100 --repeat 5
  go run -C infra/sandbox . bench deploy --latency azure-native:Registry=20s
  go run -C infra/sandbox . bench all --write   # renews infra/sandbox/bench/results`,
		ValidArgs: names,
		Args:      cobra.OnlyValidArgs,
	}
	cmd.Flags().BoolVar(&list, "list", false, "show the parts' names, and measure nothing")
	cmd.Flags().IntSliceVar(&services, "services", nil, "numbers of services, in place of each part's own")
	cmd.Flags().IntVar(&repeat, "repeat", 0, "how often to measure, in place of each part's own number; medians count")
	cmd.Flags().StringToStringVar(&latency, "latency", nil, "how long Azure takes to create a type of resource: azure-native:Registry=20s")
	cmd.Flags().BoolVar(&write, "write", false, "renew the page and the plots in infra/sandbox/bench/results")
	// A sandbox of its own, not the user's.
	return cli.Extra{Command: cmd, Name: "bench", Run: func(ctx context.Context, place *cli.Place, args []string) error {
		if list {
			for _, part := range parts {
				place.Printf("%-8s %s", part.name, part.about)
			}
			return nil
		}
		options := Options{Project: place.Project, Services: services, Repeat: repeat, Console: place.Console}
		var err error
		if options.Latency, err = durations(latency); err != nil {
			return err
		}
		measures, err := measure(ctx, place, args, options)
		if len(measures) > 0 {
			place.Printf("\n%s", Table(measures))
		}
		if len(measures) > 0 && write {
			err = errors.Join(err, Write(place.Project, measures))
		}
		return err
	}}
}

func benchHelp() string {
	var b strings.Builder
	b.WriteString("Measure how fast the program and the sandbox are. Figures are medians, measured in turns with what they are compared with.\n\n")
	for _, part := range parts {
		fmt.Fprintf(&b, "  %-8s %s", part.name, part.about)
		if part.optional {
			b.WriteString("; only when named, or with all")
		}
		b.WriteString("\n")
	}
	b.WriteString("\nHow long Azure takes in deploy, by what people have published of their runs (azuredouble/latency.go):\n")
	for _, kind := range slices.Sorted(maps.Keys(azuredouble.TypicalLatency)) {
		fmt.Fprintf(&b, "  %-28s %s\n", kind, azuredouble.TypicalLatency[kind])
	}
	return strings.TrimSpace(b.String())
}

func durations(texts map[string]string) (map[string]time.Duration, error) {
	known := slices.Sorted(maps.Keys(azuredouble.TypicalLatency))
	all := map[string]time.Duration{}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		if !slices.Contains(known, key) {
			return nil, fmt.Errorf("--latency %s is not one of %s", key, strings.Join(known, ", "))
		}
		value, err := time.ParseDuration(texts[key])
		if err != nil {
			return nil, fmt.Errorf("--latency %s: %w", key, err)
		}
		all[key] = value
	}
	return all, nil
}

// everyPart selects all parts.
const everyPart = "all"

// chosenParts returns the named parts, or all that are not optional.
func chosenParts(names []string) []part {
	return slices.DeleteFunc(slices.Clone(parts), func(part part) bool {
		if len(names) == 0 {
			return part.optional
		}
		return !slices.Contains(names, part.name) && !slices.Contains(names, everyPart)
	})
}

// measure measures the named parts. After an error, it returns earlier results.
func measure(ctx context.Context, place *cli.Place, names []string, o Options) (measures []Measure, err error) {
	var end func() error // of the world, nil without one
	leave := func() error {
		if end == nil {
			return nil
		}
		last := end
		o.World, end = nil, nil
		return last()
	}
	defer func() { err = errors.Join(err, leave()) }()
	for _, part := range chosenParts(names) {
		if part.inWorld && o.World == nil {
			var sandbox cli.World
			if sandbox, end, err = place.NewWorld(ctx); err != nil {
				return measures, err
			}
			place.Status("  compiling the programs")
			if o.World, err = NewWorld(ctx, place.Project, sandbox, place.Console); err != nil {
				return measures, err
			}
		}
		if !part.inWorld { // even an idle sandbox uses some CPU
			if err := leave(); err != nil {
				return measures, err
			}
		}
		began := time.Now()
		found, err := part.measure(ctx, o)
		place.Status("")
		if err != nil {
			return measures, fmt.Errorf("%s: %w", part.name, err)
		}
		place.Printf("  measured %s in %s", part.about, time.Since(began).Round(time.Second))
		measures = append(measures, found...)
	}
	return measures, nil
}
