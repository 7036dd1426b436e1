package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const masked = "[secret]"

// masker hides secret values in what pulumi prints. The engine itself hides only the secrets of the configuration, and only in the
// values that it prints on purpose: its errors can contain others.
type masker struct {
	replace  *strings.Replacer
	violated bool // a violated plan was printed: the next lines can be the rest of a secret
}

// Shorter secrets are not masked, because they would match parts of other words.
const shortestSecret = 6

// tokens matches the parts of a secret text, such as a kubeconfig, that can be secret by themselves.
var tokens = regexp.MustCompile(`[^\s"'{}\[\],\\]{16,}`)

// newMasker returns a masker for secrets of a state, and for their usual encodings. A part of a secret that is also in the state in
// plain text, such as the registry's host in a login, is not masked.
func newMasker(secrets []string, plain string) *masker {
	found := map[string]bool{}
	add := func(text string) {
		if len(text) < shortestSecret {
			return
		}
		found[text] = true
		found[base64.StdEncoding.EncodeToString([]byte(text))] = true
		if quoted, err := json.Marshal(text); err == nil {
			found[string(quoted[1:len(quoted)-1])] = true
		}
	}
	for _, secret := range secrets {
		// A value that is also in the state in plain text, such as a service's name among secret values, is not masked.
		if !strings.Contains("\n"+plain, "\n"+secret+"\n") {
			add(strings.TrimSpace(secret))
		}
		parts := tokens.FindAllString(secret, -1)
		if decoded, err := base64.StdEncoding.DecodeString(secret); err == nil {
			parts = append(parts, tokens.FindAllString(string(decoded), -1)...)
		}
		for _, part := range parts {
			if !strings.Contains(plain, part) {
				add(part)
			}
		}
	}
	var longestFirst []string
	for text := range found {
		longestFirst = append(longestFirst, text)
	}
	slices.SortFunc(longestFirst, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, text := range longestFirst {
		pairs = append(pairs, text, masked)
		// The output is masked line by line.
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != text && len(line) >= 16 && !strings.Contains(plain, line) {
				pairs = append(pairs, line, masked)
			}
		}
	}
	return &masker{replace: strings.NewReplacer(pairs...)}
}

// violation matches the engine's error that prints values in Go's format, including secret ones:
// https://github.com/pulumi/pulumi/blob/master/pkg/resource/deploy/plan.go, checkDiff
var violation = regexp.MustCompile(`^(.*\bviolates plan: properties changed: )(.*)$`)

// changedProperty matches the name of the first property in that error, after the actual and the planned operation.
var changedProperty = regexp.MustCompile(`^[+~=-]{2}(\w+)(?:\[|, |$)`)

// harmless matches the lines that contain no part of a value: the engine's operations, and its counts.
var harmless = regexp.MustCompile(`^(Resources:|Duration: \S+|error: (update|preview) failed|\s*([+~=-]{1,2} ?)?\d+ (unchanged|changes?|created|updated|deleted|replaced|same)\b[^=:{}"]*|\s*([+~=>-]{1,2} ?)?[\w-]+:[\w./-]+:[\w-]+: \([a-z -]+\))$`)

// line returns a line without secrets. It returns false if the line must not be shown.
func (m *masker) line(text string) (string, bool) {
	if match := violation.FindStringSubmatch(escapes.ReplaceAllString(text, "")); match != nil {
		m.violated = true
		if property := changedProperty.FindStringSubmatch(match[2]); property != nil {
			return m.replace.Replace(match[1]) + property[1] + " and maybe others (values are hidden)", true
		}
		return m.replace.Replace(match[1]) + "(values are hidden)", true
	}
	if m.violated && !harmless.MatchString(escapes.ReplaceAllString(text, "")) {
		return "", false
	}
	return m.replace.Replace(text), true
}

// secretsOf returns the secret texts of a state, and all other texts. The state is that of `pulumi stack export --show-secrets`.
func secretsOf(export []byte) (found []string, plain string, err error) {
	var state any
	if err := json.Unmarshal(export, &state); err != nil {
		return nil, "", fmt.Errorf("state of the stack: %w", err)
	}
	var open strings.Builder
	var collect func(value any, secret bool)
	collect = func(value any, secret bool) {
		switch value := value.(type) {
		case map[string]any:
			if plain, ok := value["plaintext"].(string); ok && value[signatureKey] == secretSignature {
				var inner any
				if json.Unmarshal([]byte(plain), &inner) != nil {
					inner = plain
				}
				collect(inner, true)
				return
			}
			for _, item := range value {
				collect(item, secret)
			}
		case []any:
			for _, item := range value {
				collect(item, secret)
			}
		case string:
			if secret {
				found = append(found, value)
			} else {
				open.WriteString(value + "\n")
			}
		}
	}
	collect(state, false)
	return found, open.String(), nil
}
