package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// problem is one thing wrong with the configuration.
type problem struct {
	key   string // path of the key, such as "services.customerapi.image.tag"
	value any    // the offending value, nil if there is none to show
	rule  string // what is wrong and what is allowed, without the value
}

// problems collects everything that is wrong, so that a user sees it at once.
type problems []problem

// add adds a problem. Inlining it and addUnless into their 150 callers would make the package compile 10% more slowly.
//
//go:noinline
func (p *problems) add(key string, value any, rule string) {
	*p = append(*p, problem{key, value, rule})
}

// addUnless adds the problem unless ok holds.
//
//go:noinline
func (p *problems) addUnless(ok bool, key string, value any, rule string) {
	if !ok {
		p.add(key, value, rule)
	}
}

// merge adds further problems, except those at, above or below a key that already has one. Otherwise a value that could not be
// decoded would also be reported as missing.
func (p *problems) merge(further problems) {
	known := *p
	for _, other := range further {
		if !slices.ContainsFunc(known, func(k problem) bool { return k.touches(other.key) }) {
			*p = append(*p, other)
		}
	}
}

// touches reports whether a problem is at the key, above or below it.
func (p problem) touches(key string) bool {
	return p.key == key || strings.HasPrefix(p.key, key+".") || strings.HasPrefix(key, p.key+".")
}

// err returns all problems as one error, sorted by key, or nil. The values of secret top-level keys are left out.
func (p problems) err(secretKeys map[string]bool) error {
	if len(p) == 0 {
		return nil
	}
	lines := make([]string, 0, len(p))
	for _, problem := range p {
		top, _, _ := strings.Cut(problem.key, ".")
		lines = append(lines, problem.line(secretKeys[top]))
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	if len(lines) == 1 {
		return errors.New("configuration: " + lines[0])
	}
	return fmt.Errorf("configuration has %d problems:\n  %s", len(lines), strings.Join(lines, "\n  "))
}

func (p problem) line(secret bool) string {
	switch {
	case p.value == nil:
		return p.key + ": " + p.rule
	case secret:
		return p.key + ": [secret] " + p.rule
	}
	return p.key + ": " + shown(p.value) + " " + p.rule
}

// shown returns a value as errors show it, text in quotes.
func shown(value any) string {
	text := fmt.Sprint(value)
	if plain, ok := value.(string); ok {
		text = fmt.Sprintf("%q", plain)
	}
	if runes := []rune(text); len(runes) > maxShown {
		text = string(runes[:maxShown]) + "…"
	}
	return text
}

// maxShown is how many characters of a wrong value an error shows.
const maxShown = 100
