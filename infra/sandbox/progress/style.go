package progress

import (
	"os"
	"strings"
)

// Style is a text's style on a terminal, as the parameters of its escape sequence.
type Style string

// The styles.
const (
	Strong  Style = "1"    // headings
	Good    Style = "32"   // succeeded or created
	Changed Style = "33"   // changed, and warnings
	Gone    Style = "31"   // deleted
	Failed  Style = "1;31" // must not be missed
)

// Styled returns the text in a style if the console shows styles, otherwise unchanged.
func (c *Console) Styled(style Style, text string) string {
	if !c.styles || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// hasStyles reports whether to use styles on a terminal: https://no-color.org
func hasStyles() bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// StyleOf returns the style of an engine operation.
func StyleOf(operation string) Style {
	switch {
	case strings.Contains(operation, "create") || operation == "import":
		return Good
	case strings.Contains(operation, "delete"):
		return Gone
	}
	return Changed
}
