//go:build linux

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

const project = "../../.."

// The two programs use the same versions; only their code differs.
func TestStockProgramHasTheSameVersions(t *testing.T) {
	t.Parallel()
	pins := func(folder string) map[string]bool {
		content, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		require.NoError(t, err)
		_, requirements, _ := strings.Cut(string(content), "\n")
		pins := map[string]bool{}
		for line := range strings.Lines(requirements) {
			pins[strings.TrimSuffix(strings.TrimSpace(line), " // indirect")] = true
		}
		return pins
	}
	ours := pins(project)
	for line := range pins(filepath.Join(project, StockProgram)) {
		require.Contains(t, ours, line)
	}
}

func TestMeasureOfACompiledProgram(t *testing.T) {
	t.Parallel()
	module := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":       "module example.com/small\n\ngo 1.25\n",
		"go.sum":       "",
		"main.go":      "package main\n\nfunc main() { println(\"hello\") }\n",
		"main_test.go": "package main\n\nthis is not copied\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(module, name), []byte(content), 0o600))
	}
	small := &compiled{
		name: "small", module: module, sources: []string{"*.go"}, edits: []*edit{{file: "main.go", text: `"hello`}, {file: "main.go", text: `"hello`}},
		shortcuts: []*shortcut{
			{name: "strings", source: "package main\n\nimport _ \"strings\"\n"},
			{name: "fmt", source: "package main\n\nimport _ \"fmt\"\n"},
		},
	}
	require.NoError(t, measureInTurns(t.Context(), []*compiled{small}, func(string) {}))
	require.NoDirExists(t, small.dir)
	require.Len(t, small.cold, 1)
	for _, change := range small.edits {
		require.Len(t, change.took, repeats)
	}
	require.Len(t, small.again, repeats)
	for _, c := range slices.Concat(small.cold, small.edits[0].took, small.again) {
		require.Positive(t, c.cpu)
		require.Positive(t, c.wall)
		require.Positive(t, c.peak)
	}
	require.Positive(t, small.cold[0].size)

	for _, s := range small.shortcuts {
		require.Len(t, s.first, 1)
		require.Len(t, s.edited, repeats)
	}

	wrong := &edit{file: "main.go", text: `"good bye`}
	require.ErrorContains(t, wrong.apply(module, t.TempDir(), 1), `main.go: does not contain "good bye, which the edit replaces`)
}

// The texts that Compile edits exist.
func TestEditsOfTheComparedPrograms(t *testing.T) {
	t.Parallel()
	ours, stock := programs(project)
	for _, program := range []*compiled{ours, stock} {
		dir := t.TempDir()
		require.NoError(t, program.copyTo(dir))
		for _, change := range program.edits {
			require.NoError(t, change.apply(program.module, dir, 1))
			before, err := os.ReadFile(filepath.Join(program.module, change.file))
			require.NoError(t, err)
			after, err := os.ReadFile(filepath.Join(dir, change.file))
			require.NoError(t, err)
			require.Len(t, after, len(before)+len("edit 1 "), change.file)
		}
	}
}

func TestCostSavedByShortcuts(t *testing.T) {
	t.Parallel()
	took := func(seconds time.Duration) []cost { return []cost{{cpu: seconds * time.Second}} }
	program := &compiled{
		cold: took(100), edits: []*edit{{took: took(5)}},
		shortcuts: []*shortcut{
			{name: "a", first: took(30), edited: took(10)},
			{name: "b", first: took(300), edited: took(20)},
		},
	}
	m := func(name string, ours, base float64, with string) Measure {
		return Measure{Group: "compile", Name: name, Unit: "s", Ours: ours, Base: base, BaseName: with}
	}
	require.Equal(t, []Measure{
		m("cold build, CPU", 100, 120, "with a"), m("build after one edit, CPU", 5, 10, "with a"),
		m("cold build, CPU", 100, 400, "and with b"), m("build after one edit, CPU", 5, 20, "and with b"),
	}, program.worth())
}

// The omitted packages are not compiled in.
func TestProgramOmitsTheShortcutsPackages(t *testing.T) {
	t.Parallel()
	compiled := projecttest.GoOutput(t, "list", "-C", project, "-deps", ".")
	ours, _ := programs(project)
	for _, s := range ours.shortcuts {
		for _, imported := range regexp.MustCompile(`import _ "(.*)"`).FindAllStringSubmatch(s.source, -1) {
			require.NotContains(t, compiled, imported[1])
		}
	}
}
