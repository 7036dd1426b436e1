//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
	"example.com/acr-microservices/infra/sandbox/bench"
)

// benchPart is a part of the benchmark.
type benchPart struct {
	name     string
	about    string
	measure  bench.Part
	inWorld  bool // runs stacks in a sandbox
	optional bool // takes long, and is run only when named
}

// benchParts are all, in the order in which they are run.
var benchParts = []benchPart{
	{name: "start", about: "a sandbox's start", measure: bench.Start},
	{name: "growth", about: "previews and updates that find nothing to do", measure: bench.Growth, inWorld: true},
	{name: "size", about: "memory and state", measure: bench.Size, inWorld: true},
	{name: "change", about: "another tag for one of many services", measure: bench.Change, inWorld: true},
	{name: "deploy", about: "the first update, and the same by hand", measure: bench.Deploy, inWorld: true},
	{name: "compile", about: "what the program costs to compile", measure: bench.Compile, optional: true},
	{name: "cold", about: "what the sandbox costs to compile", measure: bench.Cold, optional: true},
}

// benchCommand measures.
func benchCommand(with func(func(*cobra.Command, *sandbox) error) func(*cobra.Command, []string) error) *cobra.Command {
	var services []int
	var repeat int
	var latency map[string]string
	var write bool
	names := []string{everyPart}
	for _, part := range benchParts {
		names = append(names, part.name)
	}
	cmd := &cobra.Command{
		Use:   "bench [" + strings.Join(names, "|") + "]...",
		Short: "Measure how fast the program and the sandbox are",
		Long:  benchHelp(),
		Example: `  go run -C infra/sandbox . bench
  go run -C infra/sandbox . bench growth --services 1,10,100 --repeat 5
  go run -C infra/sandbox . bench deploy --latency azure-native:Registry=20s
  go run -C infra/sandbox . bench all --write   # renews the table and plots of infra/docs/performance.md`,
		ValidArgs: names,
		Args:      cobra.OnlyValidArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return with(func(cmd *cobra.Command, sb *sandbox) error {
			options := bench.Options{Project: sb.project, Services: services, Repeat: repeat, Console: sb.Console}
			var err error
			if options.Latency, err = durations(latency); err != nil {
				return err
			}
			if !cmd.Flags().Changed("name") {
				sb.name, sb.dir = "bench", filepath.Join(filepath.Dir(sb.dir), "bench") // not the one in which somebody works
			}
			measures, err := sb.bench(cmd.Context(), args, options)
			if len(measures) > 0 {
				sb.Printf("\n%s", bench.Table(measures))
			}
			if len(measures) > 0 && write {
				err = errors.Join(err, bench.Write(sb.project, measures))
			}
			return err
		})(cmd, args)
	}
	cmd.Flags().IntSliceVar(&services, "services", nil, "numbers of services, in place of each part's own")
	cmd.Flags().IntVar(&repeat, "repeat", 0, "how often to measure, in place of each part's own number; medians count")
	cmd.Flags().StringToStringVar(&latency, "latency", nil, "how long Azure takes for one of those: azure-native:Registry=20s")
	cmd.Flags().BoolVar(&write, "write", false, "renew the table and the plots of infra/docs/performance.md")
	return cmd
}

func benchHelp() string {
	var b strings.Builder
	b.WriteString("Measure how fast the program and the sandbox are. Figures are medians, measured in turns with what they are compared with.\n\n")
	for _, part := range benchParts {
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

// everyPart stands for all parts.
const everyPart = "all"

// chosenParts are those that are named, or all that do not take long.
func chosenParts(names []string) []benchPart {
	return slices.DeleteFunc(slices.Clone(benchParts), func(part benchPart) bool {
		if len(names) == 0 {
			return part.optional
		}
		return !slices.Contains(names, part.name) && !slices.Contains(names, everyPart)
	})
}

// bench measures the named parts. What has been measured before an error counts.
func (sb *sandbox) bench(ctx context.Context, names []string, o bench.Options) (measures []bench.Measure, err error) {
	unlock, err := sb.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
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
			if o.World, end, err = sb.benchWorld(ctx); err != nil {
				return measures, err
			}
		}
		if !part.inWorld { // a sandbox that does nothing is not quite idle
			if err := leave(); err != nil {
				return measures, err
			}
		}
		began := time.Now()
		found, err := part.measure(ctx, o)
		sb.Status("")
		if err != nil {
			return measures, fmt.Errorf("%s: %w", part.name, err)
		}
		sb.Printf("  measured %s in %s", part.about, time.Since(began).Round(time.Second))
		measures = append(measures, found...)
	}
	return measures, nil
}

// benchWorld starts an empty sandbox that ends with this process, and of which nothing stays. There may be something to end after an
// error, too.
func (sb *sandbox) benchWorld(ctx context.Context) (_ *bench.World, end func() error, err error) {
	if err := os.RemoveAll(sb.dir); err != nil {
		return nil, end, err
	}
	tools, err := sb.buildTools(ctx)
	if err != nil {
		return nil, end, err
	}
	services, _, err := sb.start(ctx, tools, azuredouble.Conditions{})
	if err != nil {
		return nil, end, err
	}
	end = func() error { return errors.Join(sb.release(services), os.RemoveAll(sb.dir)) }
	info, err := services.Info(ctx)
	if err != nil {
		return nil, end, err
	}
	sb.Status("  compiling the programs")
	world, err := bench.NewWorld(ctx, sb.project, bench.Sandbox{
		Dir: sb.dir, Tools: tools, Env: sb.environment(info), Services: services, Info: info, Console: sb.Console,
	})
	return world, end, err
}
