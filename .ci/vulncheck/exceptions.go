package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// exception says why a module can ignore a vulnerability.
type exception struct{ module, id, reason string }

// parseExceptions reads lines of module, id and reason, and skips comments, which begin with #.
func parseExceptions(text string) ([]exception, error) {
	var exceptions []exception
	number := 0
	for line := range strings.Lines(text) {
		number++
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		case len(words) < 3 || !strings.HasPrefix(words[1], "GO-"):
			return nil, fmt.Errorf("line %d is not a module, an id such as GO-2026-1234, and the reason", number)
		default:
			e := exception{words[0], words[1], strings.Join(words[2:], " ")}
			if slices.ContainsFunc(exceptions, func(o exception) bool { return o.module == e.module && o.id == e.id }) {
				return nil, fmt.Errorf("line %d: %s has its exception already", number, e.id)
			}
			exceptions = append(exceptions, e)
		}
	}
	return exceptions, nil
}

// judge writes the findings of each module. It returns an error for findings without an exception and for unused exceptions.
func judge(out io.Writer, modules []string, found map[string]map[string]finding, exceptions []exception) error {
	problems := 0
	used := map[exception]bool{}
	for _, module := range modules {
		fmt.Fprintf(out, "%s: %d known vulnerabilities in what it calls\n", module, len(found[module]))
		for _, id := range slices.Sorted(maps.Keys(found[module])) {
			f := found[module][id]
			var verdict string
			at := slices.IndexFunc(exceptions, func(e exception) bool { return e.module == module && e.id == id })
			switch {
			case at >= 0:
				used[exceptions[at]] = true
				verdict = "accepted: " + exceptions[at].reason
			case f.goLibrary:
				verdict = "update Go"
			default:
				problems++
				verdict = "NOT ACCEPTED: update it, or give in exceptions.txt the reason why it does no harm here"
			}
			fixed := "not fixed yet"
			if f.fixed != "" {
				fixed = "fixed in " + f.fixed
			}
			fmt.Fprintf(out, "  %s %s\n    %s, %s; calls %s\n    %s\n", id, f.summary, f.place, fixed, f.call, verdict)
		}
	}
	for _, e := range exceptions {
		if slices.Contains(modules, e.module) && !used[e] {
			problems++
			fmt.Fprintf(out, "%s: %s is excepted, but no longer found: remove the exception from exceptions.txt\n", e.module, e.id)
		}
	}
	if problems > 0 {
		return fmt.Errorf("%d problems, see above", problems)
	}
	return nil
}
