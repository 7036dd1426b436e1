//go:build linux

package engine

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"example.com/acr-microservices/infra/sandbox/progress"
	"example.com/acr-microservices/infra/sandbox/toolchain"
)

// Change is one operation on a resource.
type Change struct {
	Op   string `json:"op"`   // as the engine calls it: create, update, replace, delete, import, ...
	Type string `json:"type"` // the resource's type token
	Name string `json:"name"` // the resource's logical name
}

// A watcher shows the engine's events while the engine writes them.
type watcher struct {
	console *progress.Console
	quiet   bool // the engine's own output is shown instead
	ended   chan struct{}
	done    chan struct{}

	started map[string]time.Time // running operations, by URN
	changes []Change             // operations that have succeeded
	errors  []string             // already shown
}

func (s *Stack) watch(log string) *watcher {
	w := &watcher{
		console: s.Console, quiet: s.Verbose, ended: make(chan struct{}), done: make(chan struct{}), started: map[string]time.Time{},
	}
	go func() {
		defer close(w.done)
		FollowEvents(log, w.ended, w.handle, w.status)
	}()
	return w
}

// end is called when the operation is over, and shows the remaining events.
func (w *watcher) end() {
	close(w.ended)
	<-w.done
	w.console.Status("")
}

// FollowEvents passes the engine's events in a log to handle, until the engine has ended and all are read. It calls idle
// whenever there is nothing to read.
func FollowEvents(log string, ended <-chan struct{}, handle func(apitype.EngineEvent), idle func()) {
	const every = 20 * time.Millisecond
	file, err := os.Open(log)
	if err != nil {
		return
	}
	defer file.Close()
	var line []byte
	last := false
	for reader := bufio.NewReader(file); ; {
		part, err := reader.ReadBytes('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			var e apitype.EngineEvent
			if json.Unmarshal(line, &e) == nil {
				handle(e)
			}
			line = line[:0]
			continue
		case !errors.Is(err, io.EOF) || last:
			return
		}
		idle()
		select {
		case <-ended:
			last = true // read the rest first
		case <-time.After(every):
		}
	}
}

func (w *watcher) handle(e apitype.EngineEvent) {
	switch {
	case e.ResourcePreEvent != nil:
		if shown(e.ResourcePreEvent.Metadata) {
			w.started[e.ResourcePreEvent.Metadata.URN] = time.Now()
		}
	case e.ResOutputsEvent != nil:
		w.finish(e.ResOutputsEvent.Metadata, e.ResOutputsEvent.Planning)
	case e.ResOpFailedEvent != nil:
		w.fail(e.ResOpFailedEvent.Metadata)
	case e.DiagnosticEvent != nil:
		w.diagnose(*e.DiagnosticEvent)
	}
}

// finish records an operation that has succeeded or, in a preview, is planned.
func (w *watcher) finish(m apitype.StepEventMetadata, planning bool) {
	start, ok := w.started[m.URN]
	if !ok {
		return
	}
	w.changes = append(w.changes, Change{Op: string(m.Op), Type: m.Type, Name: resource.URN(m.URN).Name()})
	took := progress.Elapsed(start)
	if planning {
		took = ""
	}
	w.line(m, took)
}

func (w *watcher) fail(m apitype.StepEventMetadata) {
	if start, ok := w.started[m.URN]; ok {
		w.line(m, progress.Elapsed(start)+"  "+w.console.Styled(progress.Failed, "FAILED"))
	}
}

func (w *watcher) line(m apitype.StepEventMetadata, note string) {
	delete(w.started, m.URN)
	if !w.quiet {
		op := w.console.Styled(progress.StyleOf(string(m.Op)), fmt.Sprintf("%-8s", m.Op))
		line := fmt.Sprintf("  %s %-29s %-24s %s", op, ShortType(m.Type), resource.URN(m.URN).Name(), note)
		w.console.Printf("%s", strings.TrimRight(line, " "))
	}
}

func (w *watcher) diagnose(d apitype.DiagnosticEvent) {
	if d.Ephemeral || w.quiet || (d.Severity != "error" && d.Severity != "warning") {
		return
	}
	text := strings.TrimSpace(colors.Never.Colorize(d.Message))
	// The provider built here has another version than the SDK, as documented.
	if text == "" || strings.HasPrefix(text, "resource plugin kubernetes is expected to have version >="+toolchain.PluginVersion) {
		return
	}
	if d.URN != "" {
		text = resource.URN(d.URN).Name() + ": " + text
	}
	if d.Severity == "error" {
		w.errors = append(w.errors, text)
	}
	style := progress.Changed
	if d.Severity == "error" {
		style = progress.Failed
	}
	w.console.Printf("%s", progress.Indent("  ", w.console.Styled(style, d.Severity+":")+" "+text))
}

// status shows running operations.
func (w *watcher) status() {
	if w.quiet || len(w.started) == 0 {
		w.console.Status("")
		return
	}
	var running []string
	oldest := time.Now()
	for urn, start := range w.started {
		running = append(running, resource.URN(urn).Name())
		if start.Before(oldest) {
			oldest = start
		}
	}
	sort.Strings(running)
	w.console.Status(fmt.Sprintf("  … %s  %s", strings.Join(running, ", "), time.Since(oldest).Round(time.Second)))
}

// shown reports whether an operation gets a line: its resource exists outside the engine, and it is neither a no-op nor only an
// announcement of others.
func shown(m apitype.StepEventMetadata) bool {
	switch m.Op {
	case apitype.OpSame, apitype.OpRead, apitype.OpReplace, apitype.OpRefresh, apitype.OpDiscardReplaced, apitype.OpReadDiscard:
		return false
	}
	state := m.New
	if state == nil {
		state = m.Old
	}
	return state != nil && state.Custom && !strings.HasPrefix(m.Type, "pulumi:providers:")
}

// ShortType shortens a type token to its distinctive parts: "kubernetes:core/v1:Secret" becomes "kubernetes:Secret".
func ShortType(token string) string {
	parts := strings.Split(token, ":")
	return parts[0] + ":" + parts[len(parts)-1]
}
