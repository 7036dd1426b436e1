package docs

import (
	"fmt"
	"html"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

// The picture in the README shows the output of "up" in sandbox.md, which the sandbox's own test compares with the real output.
func TestPictureOfUpIsGenerated(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("sandbox.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)<!-- output of the first up -->\n```text\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, block)
	projecttest.Generated(t, "up.svg", picture("$ go run -C infra/sandbox . up\n"+string(block[1])))
}

var styles = []struct {
	line  *regexp.Regexp
	class string
}{
	{regexp.MustCompile(`^\$ `), "strong"},
	{regexp.MustCompile(`^  create `), "good"},
	{regexp.MustCompile(`^sandbox "\w+" is up`), "good"},
	{regexp.MustCompile(`^  (services|next)$`), "strong"},
}

// picture draws the lines of a terminal.
func picture(text string) string {
	const size, height, margin = 12.0, 17.0, 14.0
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	columns := 0
	var b strings.Builder
	for i, line := range lines {
		columns = max(columns, utf8.RuneCountInString(line))
		class := "plain"
		for _, style := range styles {
			if style.line.MatchString(line) {
				class = style.class
			}
		}
		fmt.Fprintf(&b, "<text class=%q x=\"%g\" y=\"%g\">%s</text>\n", class, margin, margin+height*float64(i+1)-5, html.EscapeString(line))
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 %.0f %.0f" role="img" aria-label="what up prints">
<style>
rect { fill: #0d1117 }
text { font: %gpx ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre; fill: #c9d1d9 }
.good { fill: #3fb950 } .strong { font-weight: bold; fill: #ffffff }
</style>
<rect width="100%%" height="100%%" rx="8"/>
%s</svg>
`, float64(columns)*size*0.602+2*margin, height*float64(len(lines))+2*margin, size, b.String())
}
