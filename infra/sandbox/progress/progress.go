// Package progress writes the sandbox's progress: lines that stay, and below them one status line that is replaced in
// place on a terminal and repeated now and then elsewhere, so that the log of a pipeline stays readable.
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

// quiet is how long a status stays unrepeated where it cannot be replaced in place.
const quiet = 15 * time.Second

// Console is safe for use by several goroutines.
type Console struct {
	mu       sync.Mutex
	out      io.Writer
	terminal *os.File // nil when out is no terminal
	styles   bool     // texts may stand out
	status   string   // what stands in the status line
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

// Terminal tells whether the console is a terminal.
func (c *Console) Terminal() bool { return c.terminal != nil }

// Printf writes a line that stays; the newline is added.
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

// Write lets another program's output pass through, above the status line.
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

// fit keeps a status within one row: a wrapped one could not be erased.
func (c *Console) fit(s string) string {
	width, _, err := term.GetSize(int(c.terminal.Fd()))
	if r := []rune(s); err == nil && width > 1 && len(r) >= width {
		return string(r[:width-1])
	}
	return s
}

// Elapsed is the time since start in a form for people: "1m12s", "0.4s".
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
