package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of the length of a comment.
const (
	azureCommentLimit  = 150_000
	gitHubCommentLimit = 65_536
)

// commentCommand turns the text of a preview into Markdown, for the run's page and for the pull request, if the run has one.
func commentCommand(flags *flag.FlagSet) func(io.Writer) error {
	title := flags.String("title", "", "heading; a later comment of the same heading replaces the earlier one")
	preview := flags.String("preview", "", "file with the text of `pulumi preview --diff`")
	path := flags.String("out", "", "Markdown file to write")
	return func(out io.Writer) error {
		if err := required(map[string]string{"title": *title, "preview": *preview, "out": *path}); err != nil {
			return err
		}
		text, err := os.ReadFile(*preview)
		if errors.Is(err, os.ErrNotExist) {
			text = []byte("The preview did not start; the run's log says why.") // otherwise an outdated comment would stay
		} else if err != nil {
			return err
		}
		h := hostOf(os.Getenv)
		comment := previewComment(*title, string(text), h.limit())
		if err := os.MkdirAll(filepath.Dir(*path), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(*path, []byte(comment), 0o600); err != nil {
			return err
		}
		return errors.Join(h.summarize(out, *path), h.comment(out, *title, comment))
	}
}

// summaryCommand turns a stack's outputs into Markdown for the run's page.
func summaryCommand(flags *flag.FlagSet) func(io.Writer) error {
	title := flags.String("title", "", "heading")
	outputs := flags.String("outputs", "", "file with the stack's outputs: `pulumi stack output --json`")
	path := flags.String("out", "", "Markdown file to write")
	return func(out io.Writer) error {
		if err := required(map[string]string{"title": *title, "outputs": *outputs, "out": *path}); err != nil {
			return err
		}
		text, err := os.ReadFile(*outputs)
		if err != nil {
			return err
		}
		summary, err := outputSummary(*title, text)
		if err != nil {
			return fmt.Errorf("%s: %w", *outputs, err)
		}
		fmt.Fprint(out, disarmed(summary))
		if err := os.WriteFile(*path, []byte(summary), 0o600); err != nil {
			return err
		}
		return hostOf(os.Getenv).summarize(out, *path)
	}
}

// longFences matches fences that are longer than anyone writes them.
var longFences = regexp.MustCompile("`{10,}")

// previewComment returns the text of a preview as Markdown of at most limit bytes: first a summary of the changes, then the text,
// cut if necessary.
func previewComment(title, preview string, limit int) string {
	preview = strings.TrimSpace(escapes.ReplaceAllString(strings.ToValidUTF8(preview, "\uFFFD"), ""))
	preview = longFences.ReplaceAllString(preview, "```")
	// A fence is longer than any in the text, so that nothing in it ends the block.
	fence := "```"
	for strings.Contains(preview, fence) {
		fence += "`"
	}
	head := fmt.Sprintf("%s\n### %s\n\n%s\n\n<details><summary>All changes</summary>\n\n%sdiff\n", marker(title), title, changes(preview), fence)
	tail := "\n" + fence + "\n\n</details>\n"
	const cut = "\n… cut here; the full text is in the run's log"
	if room := limit - len(head) - len(tail); len(preview) > room {
		preview = strings.ToValidUTF8(preview[:max(0, room-len(cut))], "")
		if end := strings.LastIndex(preview, "\n"); end > 0 {
			preview = preview[:end] // whole lines
		}
		preview += cut
	}
	return head + preview + tail
}

// marker returns the mark by which a later comment with the same title finds this one. Readers do not see it.
func marker(title string) string {
	return "<!-- pipeline: " + strings.ReplaceAll(title, "--", "") + " -->"
}

// counted matches a line of the engine's counts, such as "~ 2 to update" or "3 unchanged".
var counted = regexp.MustCompile(`^(?:[-+~=]+ ?)?\s*(\d+ (?:to \w+|unchanged))\b`)

// failed matches a line in which the engine reports a failure.
var failed = regexp.MustCompile(`(?m)^error: `)

// drifted matches the one of these lines in which `pulumi preview --expect-no-changes` reports changes.
var drifted = regexp.MustCompile(`(?m)^error: no changes were expected\b.*$`)

// changes returns the summary in a preview's last lines, such as "16 to create, 2 to update".
func changes(preview string) string {
	if preview == notDeployed {
		return "**" + notDeployed + "**"
	}
	_, resources, found := strings.Cut(preview, "\nResources:\n")
	if !found || failed.MatchString(drifted.ReplaceAllString(preview, "")) {
		return "**The preview failed**; the text below says why."
	}
	var counts []string
	for line := range strings.Lines(resources) {
		if match := counted.FindStringSubmatch(strings.TrimSpace(line)); match != nil {
			counts = append(counts, match[1])
		}
	}
	text := "**" + shorten(strings.Join(counts, ", "), 200) + "**"
	if strings.Contains(text, "to delete") || strings.Contains(text, "to replace") {
		text += "\n\n⚠ Resources are deleted or replaced: check them before you approve."
	}
	return text
}

// outputSummary returns a stack's outputs as Markdown. Pulumi has masked the secret ones.
func outputSummary(title string, outputs []byte) (string, error) {
	values := map[string]any{}
	if err := json.Unmarshal(outputs, &values); err != nil {
		return "", err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "### %s\n\n| output | value |\n| --- | --- |\n", title)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		object, ok := values[name].(map[string]any)
		if !ok {
			fmt.Fprintf(&text, "| %s | %s |\n", cell(name), cell(values[name]))
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(object)) {
			fmt.Fprintf(&text, "| %s.%s | %s |\n", cell(name), cell(key), cell(object[key]))
		}
	}
	return text.String(), nil
}

// cell returns a value as a cell of a table.
func cell(value any) string {
	text, ok := value.(string)
	if !ok {
		encoded, err := json.Marshal(value)
		if err != nil {
			return ""
		}
		text = string(encoded)
	}
	return strings.NewReplacer("|", "&#124;", "\n", " ", "\r", " ", "<", "&lt;").Replace(text)
}

// shorten cuts a text to a number of bytes, for an error or a headline.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}
