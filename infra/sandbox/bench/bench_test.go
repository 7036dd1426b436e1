//go:build linux

package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/progress"
	"example.com/acr-microservices/infra/sandbox/toolchain"
)

func TestMedianAndSlope(t *testing.T) {
	assert.Zero(t, median(nil))
	assert.InDelta(t, 2, median([]float64{9, 1, 2}), 0)
	assert.InDelta(t, 1.5, median([]float64{9, 1, 2, 0}), 0)
	assert.InDelta(t, 3, slope([]float64{1, 2, 10}, []float64{5, 8, 32}), 1e-9)
}

func TestCriticalPath(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	resources := []apitype.ResourceV3{
		{URN: "stack"},
		{URN: "component", Parent: "stack"},
		{URN: "provider", Parent: "component", Custom: true},
		{URN: "slow", Parent: "component", Custom: true},
		{URN: "quick", Parent: "component", Provider: "provider::id", Custom: true},
		{URN: "both", Parent: "component", Dependencies: []resource.URN{"slow", "quick"}, Custom: true},
		{URN: "alone", Parent: "component", Custom: true},
	}
	steps := []step{
		{urn: "provider", began: at(0), ended: at(1)},
		{urn: "slow", began: at(0), ended: at(5)},
		{urn: "quick", began: at(1), ended: at(3)},
		{urn: "both", began: at(9), ended: at(11)}, // four seconds late
		{urn: "alone", began: at(3), ended: at(6)},
		{urn: "component", began: at(0), ended: at(11)},
	}
	alone := func(urn string) bool { return urn == "alone" }
	assert.Equal(t, 7*time.Second, criticalPath(resources, steps, anything), "slow, then both")
	assert.Equal(t, 3*time.Second, criticalPath(resources, steps, alone))
	assert.Equal(t, 11*time.Second, span(steps, anything))
	assert.Equal(t, 6*time.Second, span(steps, alone))
	steps[2].ended = at(9)
	assert.Equal(t, 11*time.Second, criticalPath(resources, steps, anything), "provider, quick, then both")
	assert.Zero(t, span(nil, anything))
	assert.Zero(t, span(steps, isRelease))
}

func TestFollowReadsEventsWhileTheyAreWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.json")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	done := make(chan struct{})
	found := make(chan []step, 1)
	go func() { found <- follow(path, done) }()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer file.Close()
	write := func(text string) {
		t.Helper()
		_, err := file.WriteString(text)
		require.NoError(t, err)
	}
	write(`{"resourcePreEvent":{"metadata":{"urn":"a","op":"create"}}}` + "\n" + `{"resourcePreEvent":{"meta`)
	time.Sleep(20 * time.Millisecond)
	write(`data":{"urn":"b","op":"same"}}}` + "\n" + "not JSON\n")
	write(`{"resOutputsEvent":{"metadata":{"urn":"b","op":"same"}}}` + "\n" + `{"resOutputsEvent":{"metadata":{"urn":"a","op":"create"}}}` + "\n")
	close(done)
	steps := <-found
	require.Len(t, steps, 2)
	assert.Equal(t, "b", steps[0].urn)
	assert.True(t, steps[1].ended.After(steps[1].began), "a line can arrive in pieces")
	assert.Equal(t, "a", run{steps: steps}.changes()[0].urn)
	assert.Len(t, run{steps: steps}.changes(), 1)
}

func TestObserveIncludesDescendants(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; sleep 0.1; true")
	require.NoError(t, cmd.Start())
	done := make(chan struct{})
	used := make(chan usage, 1)
	go func() { used <- observe(cmd.Process.Pid, done) }()
	require.NoError(t, cmd.Wait())
	close(done)
	u := <-used
	shell, err := filepath.EvalSymlinks("/bin/sh")
	require.NoError(t, err)
	name := filepath.Base(shell)
	assert.Positive(t, u.cpu[name])
	assert.Greater(t, u.peak[name], int64(100<<10))
}

func TestTable(t *testing.T) {
	met := Measure{Group: "deploy", Name: "first up", Services: 10, Unit: "s", Ours: 21.04, Base: 84.2, BaseName: "by hand"}
	alone := Measure{Group: "start", Name: "sandbox", Unit: "s", Ours: 16}
	want := `| | measured | compared with | ratio | goal |
| --- | --- | --- | --- | --- |
| deploy: first up, 10 services | 21.0 s | 84.2 s, by hand | 0.25 | ≤ 1/4, met |
| start: sandbox | 16.0 s |  |  | ≤ 15 s, missed |
`
	assert.Equal(t, want, Table([]Measure{met.goal("≤ 1/4", true), alone.goal("≤ 15 s", false)}))
	assert.Equal(t, []string{"0.12", "1.23", "12.3", "123", "1236"}, []string{figure(0.1234), figure(1.234), figure(12.34), figure(123.4), figure(1235.6)})
}

func TestWriteKeepsOtherGroups(t *testing.T) {
	project := t.TempDir()
	growth := func(seconds float64) Measure {
		return Measure{Group: "growth", Name: "preview", Services: 10, Unit: "s", Ours: seconds, Base: 1, BaseName: "empty program"}
	}
	deploy := Measure{Group: "deploy", Name: "first up, whole", Services: 10, Unit: "s", Ours: 20, Base: 80, BaseName: "by hand"}
	require.NoError(t, Write(project, []Measure{deploy}))
	require.NoError(t, Write(project, []Measure{growth(2)}))
	require.NoError(t, Write(project, []Measure{growth(3)}))
	text, err := os.ReadFile(filepath.Join(project, page))
	require.NoError(t, err)
	assert.Contains(t, string(text), Table([]Measure{growth(3), deploy}))
	for _, plot := range []string{growthPlot, deployPlot} {
		svg, err := os.ReadFile(filepath.Join(project, plot))
		require.NoError(t, err)
		assert.Contains(t, string(svg), "<svg")
	}
}

func TestHandNamesTheFailedCommand(t *testing.T) {
	h := &hand{world: &World{env: os.Environ()}}
	err := h.run(context.Background(), "sh", "-c", "echo no cluster >&2; exit 3")
	require.ErrorContains(t, err, "sh: exit status 3\nno cluster")
	require.NotContains(t, err.Error(), "echo", "the error omits the arguments, which can contain a password")
}

func TestOwnCPURunsTheWholeProgram(t *testing.T) {
	mocked := filepath.Join(t.TempDir(), "mocked")
	require.NoError(t, build(t.Context(), ".", "./mocked", mocked))
	used, err := ownCPU(t.Context(), project, mocked, 3)
	require.NoError(t, err)
	assert.Positive(t, used)

	_, err = ownCPU(t.Context(), t.TempDir(), mocked, 3)
	require.ErrorContains(t, err, "the program with mocks: exit status 1\n", "the folder has no charts")
}

func TestColdMeasuresEachProgram(t *testing.T) {
	module, out := t.TempDir(), t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.com/small\n\ngo 1.25\n", "main.go": "package main\n\nfunc main() {}\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(module, name), []byte(content), 0o600))
	}
	small := toolchain.Command{Name: "small", Module: module, Args: []string{"build", "."}}
	measures, err := cold(t.Context(), Options{Console: progress.New(io.Discard)}, out, []toolchain.Command{small, small})
	require.NoError(t, err)
	require.Len(t, measures, 5)
	assert.Greater(t, measures[0].Ours, 3*measures[1].Ours, "the second build uses the first one's cache")
	assert.InDelta(t, measures[0].Ours+measures[1].Ours, measures[2].Ours, 1e-6)
	assert.FileExists(t, filepath.Join(out, "program"))
}

// The page shows the results of "bench --write".
func TestPageShowsTheResults(t *testing.T) {
	results, err := readResults(project)
	require.NoError(t, err)
	require.NotEmpty(t, results)
	text, err := os.ReadFile(filepath.Join(project, page))
	require.NoError(t, err)
	require.Equal(t, pageOf(results), string(text))
	for _, plot := range []string{growthPlot, deployPlot} {
		require.Contains(t, string(text), "("+filepath.Base(plot)+")")
		require.FileExists(t, filepath.Join(project, plot))
	}
}
