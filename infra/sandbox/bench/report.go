//go:build linux

package main

import (
	"bytes"
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
	page        = "infra/docs/performance.md"
	tableBegin  = "<!-- the table of bench --write -->\n"
	tableEnd    = "<!-- end of the table -->\n"
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

// Write replaces the earlier measures of the same groups, and renews the page's table and the plots.
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
	text, err := os.ReadFile(filepath.Join(project, page))
	if err != nil {
		return err
	}
	if text, err = replaceTable(text, Table(all)); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Join(project, resultsFile)), 0o755); err != nil {
		return err
	}
	for name, content := range map[string][]byte{resultsFile: append(content, '\n'), page: text} {
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

var errNoTable = errors.New(page + " has no place for the table of the benchmarks")

// replaceTable puts the table between its two marks.
func replaceTable(text []byte, table string) ([]byte, error) {
	before, rest, found := bytes.Cut(text, []byte(tableBegin))
	_, after, ended := bytes.Cut(rest, []byte(tableEnd))
	if !found || !ended {
		return nil, errNoTable
	}
	return slices.Concat(before, []byte(tableBegin), []byte(table), []byte(tableEnd), after), nil
}
