package infra

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"gopkg.in/yaml.v3"
)

const (
	testPassword   = "correct-horse-battery-staple"
	testKubeconfig = "apiVersion: v1\nkind: Config\nusers: [{name: aks, user: {token: " + testPassword + "}}]\n"
	testCaller     = "99999999-9999-9999-9999-999999999999"
	testMoment     = "2026-11-23T12:00:00Z"
	projectRoot    = ".."
)

// of returns the resources of a type by name.
func (g *graph) of(kind string) map[string]registered {
	found := map[string]registered{}
	for _, r := range g.resources {
		if r.kind == kind {
			found[r.name] = r
		}
	}
	return found
}

// String renders the graph for golden files, with secrets, unknown values and the chart's digest masked.
func (g *graph) String() string {
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(g.resources)) {
		r := g.resources[key]
		fmt.Fprintf(&text, "%s\n  parent: %s\n", key, r.parent)
		for _, dependency := range r.dependencies {
			fmt.Fprintf(&text, "  after: %s\n", dependency)
		}
		if r.protect {
			text.WriteString("  protected\n")
		}
		if r.retain {
			text.WriteString("  retained on delete\n")
		}
		if r.deletedWith != "" {
			fmt.Fprintf(&text, "  deleted with: %s\n", r.deletedWith)
		}
		if r.imported != "" {
			fmt.Fprintf(&text, "  import: %s\n", r.imported)
		}
		if provider, id, _ := strings.Cut(r.provider, "::"); provider != "" && id == "" {
			fmt.Fprintf(&text, "  provider: %s\n", provider)
		}
		if len(r.ignored) > 0 {
			fmt.Fprintf(&text, "  ignores changes of: %s\n", strings.Join(r.ignored, ", "))
		}
		writeYAML(&text, "inputs", masked(resource.NewProperty(r.inputs)))
	}
	text.WriteString("outputs\n")
	writeYAML(&text, "", masked(resource.NewProperty(g.outputs)))
	return chartDigestPattern.ReplaceAllString(text.String(), "chart content [digest]")
}

var chartDigestPattern = regexp.MustCompile("chart content [0-9a-f]{12}")

func writeYAML(text *strings.Builder, heading string, value any) {
	rendered, err := yaml.Marshal(value)
	if err != nil {
		panic(err)
	}
	if heading != "" {
		fmt.Fprintf(text, "  %s:\n", heading)
	}
	for line := range strings.Lines(string(rendered)) {
		text.WriteString("    " + line)
	}
}

// masked returns a property as plain data, with secrets and unknown values masked.
func masked(value resource.PropertyValue) any {
	switch {
	case value.IsSecret():
		if value.SecretValue().Element.IsComputed() {
			return "[secret, unknown]"
		}
		return "[secret]"
	case value.IsComputed():
		return "[unknown]"
	case value.IsObject():
		object := map[string]any{}
		for key, item := range value.ObjectValue() {
			object[string(key)] = masked(item)
		}
		return object
	case value.IsArray():
		list := []any{}
		for _, item := range value.ArrayValue() {
			list = append(list, masked(item))
		}
		return list
	}
	return value.V
}

// shortURN keeps type and name of a URN.
func shortURN(urn string) string {
	parts := strings.Split(urn, "::")
	if len(parts) < 4 {
		return urn
	}
	types := strings.Split(parts[2], "$")
	return types[len(types)-1] + " " + parts[3]
}

func shortURNs(urns []string) []string {
	short := make([]string, 0, len(urns))
	for _, urn := range urns {
		short = append(short, shortURN(urn))
	}
	slices.Sort(short)
	return slices.Compact(short)
}
