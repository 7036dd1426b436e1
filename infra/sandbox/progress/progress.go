// Package progress writes the sandbox's progress: permanent lines, and below them one status line. A terminal replaces it in place;
// elsewhere it is repeated at times, so that a pipeline's log stays readable.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// quiet is the silence before a status line that cannot be replaced in place.
const quiet = 15 * time.Second

// Console is safe for use by several goroutines.
type Console struct {
	mu       sync.Mutex
	out      io.Writer
	terminal *os.File // nil without a terminal
	styles   bool     // styles are used
	status   string   // text of the status line
	shown    time.Time
}

// New returns a console that writes to out.
func New(out io.Writer) *Console {
	c := &Console{out: out, shown: time.Now()}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		c.terminal, c.styles = f, hasStyles()
	}
	return c
}

// Terminal reports whether it is a terminal.
func (c *Console) Terminal() bool { return c.terminal != nil }

// Printf writes a permanent line and adds the newline.
func (c *Console) Printf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	fmt.Fprintf(c.out, format+"\n", args...)
	c.shown = time.Now()
	c.draw()
}

// Status replaces the status line. An empty text removes it.
func (c *Console) Status(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	c.status = text
	c.draw()
}

// Write writes another program's output above the status line.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	return c.out.Write(p)
}

func (c *Console) erase() {
	if c.terminal != nil && c.status != "" {
		fmt.Fprint(c.out, "\r\x1b[K")
	}
}

func (c *Console) draw() {
	switch {
	case c.status == "":
	case c.terminal != nil:
		fmt.Fprint(c.out, c.fit(c.status))
	case time.Since(c.shown) >= quiet:
		fmt.Fprintln(c.out, c.status)
		c.shown = time.Now()
	}
}

// fit cuts a status to one row: a wrapped status cannot be erased.
func (c *Console) fit(s string) string {
	width, _, err := term.GetSize(int(c.terminal.Fd()))
	if r := []rune(s); err == nil && width > 1 && len(r) >= width {
		return string(r[:width-1])
	}
	return s
}

// Elapsed is the time since start in readable form: "1m12s", "0.4s".
func Elapsed(start time.Time) string {
	d := time.Since(start)
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// Indent puts prefix before each line of text.
func Indent(prefix, text string) string {
	return prefix + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+prefix)
}
