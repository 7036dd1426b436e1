//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A shortcut is a set of packages that an SDK's documentation uses, but that the program avoids because they compile slowly.
type shortcut struct {
	name   string
	source string // of a file with the avoided imports

	first  []cost // of builds that compile it
	edited []cost // of those after an edit of the graph
}

// shortcuts returns the program's shortcuts, the last one first.
func shortcuts() []*shortcut {
	const (
		kubernetes = "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/"
		azure      = "github.com/pulumi/pulumi-azure-native-sdk/"
	)
	imports := func(paths ...string) string {
		return "package infra\n\nimport _ \"" + strings.Join(paths, "\"\nimport _ \"") + "\"\n"
	}
	return []*shortcut{
		{name: "azure-native's default packages", source: imports(azure+"authorization/v2", azure+"resources/v2", azure+"containerregistry/v2")},
		{name: "helm/v3", source: imports(kubernetes + "helm/v3")},
	}
}

// undo rebuilds the built program without its shortcuts: first without the last one, finally without any.
func (p *compiled) undo(ctx context.Context, status func(string)) error {
	graph := p.edits[0]
	for i, s := range p.shortcuts {
		status("  compiling " + p.name + " with " + s.name)
		file := filepath.Join(p.dir, "source", filepath.Dir(graph.file), fmt.Sprintf("shortcut%d.go", i))
		if err := os.WriteFile(file, []byte(s.source), 0o600); err != nil {
			return err
		}
		first, err := p.build(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		s.first = append(s.first, first)
		for range repeats {
			took, err := p.buildEdited(ctx, graph)
			if err != nil {
				return err
			}
			s.edited = append(s.edited, took)
		}
	}
	return nil
}

// worth compares the program with itself without its shortcuts. The extra cost of a first build over one after an edit would
// also apply to a cold build.
func (p *compiled) worth() []Measure {
	var measures []Measure
	cold, edited := median(cpu(p.cold)), median(cpu(p.edits[0].took))
	without, with := cold, "with "
	for _, s := range p.shortcuts {
		again := median(cpu(s.edited))
		without += median(cpu(s.first)) - again
		measures = append(measures,
			Measure{Group: "compile", Name: "cold build, CPU", Unit: "s", Ours: cold, Base: without, BaseName: with + s.name},
			Measure{Group: "compile", Name: "build after one edit, CPU", Unit: "s", Ours: edited, Base: again, BaseName: with + s.name})
		with = "and with "
	}
	return measures
}
