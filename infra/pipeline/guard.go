package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// note records the inputs of a plan. A plan is carried out only if they have not changed.
type note struct {
	Commit  string            `json:"commit"`
	Stack   string            `json:"stack"`
	State   string            `json:"state"`   // digest of the stack's state
	Updated string            `json:"updated"` // when the stack was last updated
	Files   map[string]string `json:"files"`   // digests by name
}

// guardCommand records the inputs of a plan, or compares them with the current ones.
func guardCommand(flags *flag.FlagSet) func(io.Writer) error {
	save := flags.String("save", "", "file for the note, after a preview")
	check := flags.String("check", "", "file with the note, before the deployment")
	commit := flags.String("commit", "", "commit that is checked out")
	stack := flags.String("stack", "", "name of the stack")
	state := flags.String("state", "", "file with the state of the stack: `pulumi stack export`")
	files := flags.String("files", "", "the plan and all of its inputs, separated by commas")
	return func(out io.Writer) error {
		if err := required(map[string]string{
			"commit": *commit, "stack": *stack, "state": *state, "files": *files, "save or -check": *save + *check,
		}); err != nil {
			return err
		}
		now, err := takeNote(*commit, *stack, *state, strings.Split(*files, ","))
		if err != nil {
			return err
		}
		if *save != "" {
			text, err := json.MarshalIndent(now, "", "  ")
			if err != nil {
				return err
			}
			return os.WriteFile(*save, text, 0o600)
		}
		var before note
		text, err := os.ReadFile(*check)
		if err == nil {
			err = json.Unmarshal(text, &before)
		}
		if err != nil {
			return fmt.Errorf("note of the preview: %w", err)
		}
		if err := before.compare(now); err != nil {
			return err
		}
		fmt.Fprintf(out, "commit %s, stack %s and its plan have not changed since the preview\n", now.Commit, now.Stack)
		return nil
	}
}

func takeNote(commit, stack, state string, files []string) (note, error) {
	taken := note{Commit: commit, Stack: stack, Files: map[string]string{}}
	text, err := os.ReadFile(state)
	if err != nil {
		return taken, err
	}
	if taken.State, taken.Updated, err = stateDigest(text); err != nil {
		return taken, fmt.Errorf("state of the stack: %w", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return taken, err
		}
		name := filepath.Base(file)
		if _, twice := taken.Files[name]; twice {
			return taken, fmt.Errorf("-files has two files of the name %s", name)
		}
		taken.Files[name] = digest(content)
	}
	return taken, nil
}

// errStale says that a plan must not be carried out.
var errStale = errors.New("the plan is refused, and nothing was changed")

// compare returns an error that lists everything that has changed since the note was taken.
func (n note) compare(now note) error {
	var found problems
	if n.Commit != now.Commit {
		found = append(found, fmt.Sprintf("it was made for commit %s, but this is commit %s: start a new run of the pipeline", n.Commit, now.Commit))
	}
	if n.Stack != now.Stack {
		found = append(found, fmt.Sprintf("it was made for the stack %s, but this is the stack %s", n.Stack, now.Stack))
	}
	if n.State != now.State {
		found = append(found, fmt.Sprintf("the stack %s has changed since the preview: it was last updated at %s, now at %s; start a new run of the pipeline",
			now.Stack, n.Updated, now.Updated))
	}
	for _, name := range slices.Sorted(maps.Keys(n.Files)) {
		if n.Files[name] != now.Files[name] {
			found = append(found, fmt.Sprintf("%s is not the same as in the preview", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now.Files)) {
		if _, known := n.Files[name]; !known {
			found = append(found, fmt.Sprintf("%s did not exist at the preview", name))
		}
	}
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("%w:\n  %w", errStale, found)
}

// What marks a secret in a state: https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/sig/sig.go
const (
	signatureKey    = "4dabf18193072939515e22adb298388d"
	secretSignature = "1b47061264138c4ac30d75fd1eb44270"
)

// stateDigest returns a digest of an exported state, and the time of the stack's last update. The digest leaves out the encrypted
// text of secrets: it is different each time, and an update that changes a secret also changes the time.
func stateDigest(export []byte) (sum, updated string, err error) {
	var state map[string]any
	decoder := json.NewDecoder(bytes.NewReader(export))
	decoder.UseNumber() // large numbers keep all of their digits
	if err := decoder.Decode(&state); err != nil {
		return "", "", err
	}
	if _, known := state["deployment"]; !known {
		return "", "", errors.New("it has no deployment")
	}
	// A stack that was never updated has null: https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/core.go
	deployment, ok := state["deployment"].(map[string]any)
	if !ok && state["deployment"] != nil {
		return "", "", errors.New("its deployment is not an object")
	}
	updated = "no time"
	if manifest, ok := deployment["manifest"].(map[string]any); ok {
		updated = fmt.Sprint(manifest["time"])
	}
	// Maps are written in the order of their keys, so the digest is stable.
	text, err := json.Marshal(withoutCiphertext(deployment))
	return digest(text), updated, err
}

func withoutCiphertext(value any) any {
	switch value := value.(type) {
	case map[string]any:
		if value[signatureKey] == secretSignature {
			return "secret"
		}
		for key, item := range value {
			value[key] = withoutCiphertext(item)
		}
	case []any:
		for i, item := range value {
			value[i] = withoutCiphertext(item)
		}
	}
	return value
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
