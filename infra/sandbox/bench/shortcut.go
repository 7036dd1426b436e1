package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A shortcut is what the program does without, although an SDK's documentation begins with it, because it takes long to compile.
type shortcut struct {
	name   string
	source string // of a file that names what is left out

	first  []cost // of builds that compile it
	edited edit
}

// shortcuts returns those that the program takes, the last one first. After an edit of the graph is what they are measured by.
func shortcuts(graph edit) []*shortcut {
	const (
		kubernetes = "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/"
		azure      = "github.com/pulumi/pulumi-azure-native-sdk/"
	)
	imports := func(paths ...string) string {
		return "package infra\n\nimport _ \"" + strings.Join(paths, "\"\nimport _ \"") + "\"\n"
	}
	return []*shortcut{
		{name: "pulumi.StackReference", edited: graph, source: "package infra\n\nimport \"github.com/pulumi/pulumi/sdk/v3/go/pulumi\"\n\nvar _ *pulumi.StackReference\n"},
		{name: "azure-native's default packages", edited: graph, source: imports(azure+"authorization/v2", azure+"resources/v2", azure+"containerregistry/v2")},
		{name: "core/v1 and meta/v1", edited: graph, source: imports(kubernetes+"core/v1", kubernetes+"meta/v1")},
		{name: "helm/v3", edited: graph, source: imports(kubernetes + "helm/v3")},
	}
}

// undo builds the program, which has been built before, without its shortcuts: first without the last one, and in the end without
// any.
func (p *compiled) undo(ctx context.Context, status func(string)) error {
	for i, s := range p.shortcuts {
		status("  compiling " + p.name + " with " + s.name)
		file := filepath.Join(p.dir, "source", filepath.Dir(s.edited.file), fmt.Sprintf("shortcut%d.go", i))
		if err := os.WriteFile(file, []byte(s.source), 0o600); err != nil {
			return err
		}
		first, err := p.build(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		s.first = append(s.first, first)
		for time := range repeats {
			if err := p.buildEdited(ctx, &s.edited, repeats+time+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// worth compares the program with itself without its shortcuts. What a build that compiles something for the first time takes more
// than one after an edit, it would take more with nothing compiled, too.
func (p *compiled) worth(cpu func([]cost) []float64) []Measure {
	var measures []Measure
	cold, edited := median(cpu(p.cold)), median(cpu(p.edits[0].took))
	without, with := cold, "with "
	for _, s := range p.shortcuts {
		again := median(cpu(s.edited.took))
		without += median(cpu(s.first)) - again
		measures = append(measures,
			Measure{Group: "compile", Name: "cold build, CPU", Unit: "s", Ours: cold, Base: without, BaseName: with + s.name},
			Measure{Group: "compile", Name: "build after one edit, CPU", Unit: "s", Ours: edited, Base: again, BaseName: with + s.name})
		with = "and with "
	}
	return measures
}
