package progress

import (
	"os"
	"strings"
)

// Style is how a text stands out on a terminal, as the parameters of its escape sequence.
type Style string

// The styles.
const (
	Strong  Style = "1"    // headings
	Good    Style = "32"   // what has succeeded or was created
	Changed Style = "33"   // what was changed, and warnings
	Gone    Style = "31"   // what was deleted
	Failed  Style = "1;31" // what must not be missed
)

// Styled returns the text in a style where the console shows styles, and else as it is.
func (c *Console) Styled(style Style, text string) string {
	if !c.styles || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// hasStyles says whether a terminal shows styles and is to: https://no-color.org
func hasStyles() bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// StyleOf is the style of one of the engine's operations.
func StyleOf(operation string) Style {
	switch {
	case strings.Contains(operation, "create") || operation == "import":
		return Good
	case strings.Contains(operation, "delete"):
		return Gone
	}
	return Changed
}
