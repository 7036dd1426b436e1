//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Paths of the results in the project.
const (
	resultsFile = "infra/sandbox/bench/results/results.json"
	growthPlot  = "infra/sandbox/bench/results/growth.svg"
	deployPlot  = "infra/sandbox/bench/results/deploy.svg"
	page        = "infra/sandbox/bench/results/README.md"
)

// groups are the groups of measures, in display order.
var groups = []string{"compile", "growth", "deploy", "change", "size", "start", "cold"}

// Table shows the measures as a table in Markdown.
func Table(measures []Measure) string {
	var b strings.Builder
	b.WriteString("| | measured | compared with | ratio | goal |\n| --- | --- | --- | --- | --- |\n")
	for _, m := range measures {
		name := m.Name
		switch m.Services {
		case 0:
		case 1:
			name += ", 1 service"
		default:
			name += fmt.Sprintf(", %d services", m.Services)
		}
		base, ratio, goal := "", "", m.Goal
		if m.Base != 0 {
			base = fmt.Sprintf("%s %s, %s", figure(m.Base), m.Unit, m.BaseName)
			ratio = figure(m.ratio())
		}
		if m.Met != nil && *m.Met {
			goal += ", met"
		} else if m.Met != nil {
			goal += ", missed"
		}
		fmt.Fprintf(&b, "| %s: %s | %s %s | %s | %s | %s |\n", m.Group, name, figure(m.Ours), m.Unit, base, ratio, goal)
	}
	return b.String()
}

// figure shows a number in three significant digits.
func figure(value float64) string {
	digits := 2
	for limit := 10.0; digits > 0 && value >= limit; limit *= 10 {
		digits--
	}
	return strconv.FormatFloat(value, 'f', digits, 64)
}

// Write replaces the earlier measures of the same groups, and renews the page and the plots.
func Write(project string, measures []Measure) error {
	all, err := readResults(project)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(old Measure) bool {
		return slices.ContainsFunc(measures, func(m Measure) bool { return m.Group == old.Group })
	})
	all = append(all, measures...)
	slices.SortStableFunc(all, func(a, b Measure) int { return slices.Index(groups, a.Group) - slices.Index(groups, b.Group) })
	content, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Join(project, resultsFile)), 0o755); err != nil {
		return err
	}
	for name, content := range map[string][]byte{resultsFile: append(content, '\n'), page: []byte(pageOf(all))} {
		if err := os.WriteFile(filepath.Join(project, name), content, 0o644); err != nil { //nolint:gosec // G306: files of the checkout
			return err
		}
	}
	return errors.Join(plotGrowth(all, filepath.Join(project, growthPlot)), plotDeploy(all, filepath.Join(project, deployPlot)))
}

func readResults(project string) ([]Measure, error) {
	content, err := os.ReadFile(filepath.Join(project, resultsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Measure
	err = json.Unmarshal(content, &all)
	return all, err
}

// pageOf shows the measures and the plots as a page in Markdown.
func pageOf(measures []Measure) string {
	return "# Results of the benchmarks\n\nWritten by `bench --write`. [What they say, and how they are measured](../../../docs/performance.md).\n\n" +
		Table(measures) +
		"\n![previews and updates that find nothing to do](growth.svg)\n![first updates](deploy.svg)\n"
}
