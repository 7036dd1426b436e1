package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestStateDigestDetails(t *testing.T) {
	t.Parallel()
	state := func(deployment string) string {
		sum, _, err := stateDigest([]byte(`{"version": 3, "deployment": ` + deployment + `}`))
		require.NoError(t, err, deployment)
		return sum
	}
	secret := func(ciphertext string) string {
		return `{"` + signatureKey + `": "` + secretSignature + `", "ciphertext": "` + ciphertext + `"}`
	}
	for name, pair := range map[string][2]string{
		"a secret in a list":   {`{"resources": [{"inputs": {"a": [1, ` + secret("v1:a") + `]}}]}`, `{"resources": [{"inputs": {"a": [1, ` + secret("v1:b") + `]}}]}`},
		"a secret in an asset": {`{"a": {"b": {"c": ` + secret("v1:a") + `}}}`, `{"a": {"b": {"c": ` + secret("v1:b") + `}}}`},
		"order of the keys":    {`{"a": 1, "b": {"c": 2, "d": 3}}`, `{"b": {"d": 3, "c": 2}, "a": 1}`},
		"layout":               {`{"a":[1,2]}`, "{ \"a\" : [ 1,\n 2 ] }"},
	} {
		assert.Equal(t, state(pair[0]), state(pair[1]), name)
	}
	for name, pair := range map[string][2]string{
		"a resource more":      {`{"resources": [{"urn": "a"}]}`, `{"resources": [{"urn": "a"}, {"urn": "b"}]}`},
		"order of resources":   {`{"resources": [{"urn": "a"}, {"urn": "b"}]}`, `{"resources": [{"urn": "b"}, {"urn": "a"}]}`},
		"an output":            {`{"outputs": {"a": "1"}}`, `{"outputs": {"a": "2"}}`},
		"a type":               {`{"outputs": {"a": "1"}}`, `{"outputs": {"a": 1}}`},
		"a large number":       {`{"outputs": {"a": 9007199254740993}}`, `{"outputs": {"a": 9007199254740992}}`},
		"a null":               {`{"outputs": {"a": null}}`, `{"outputs": {}}`},
		"text near a secret":   {`{"a": [` + secret("v1:a") + `, 1]}`, `{"a": [` + secret("v1:a") + `, 2]}`},
		"ciphertext of an app": {`{"a": {"ciphertext": "v1:a"}}`, `{"a": {"ciphertext": "v1:b"}}`},
		"another mark":         {`{"a": {"` + signatureKey + `": "asset", "hash": "1"}}`, `{"a": {"` + signatureKey + `": "asset", "hash": "2"}}`},
		"the key of the stack": {`{"secrets_providers": {"type": "passphrase", "state": {"salt": "1"}}}`, `{"secrets_providers": {"type": "passphrase", "state": {"salt": "2"}}}`},
		"pending operations":   {`{"pending_operations": []}`, `{"pending_operations": [{"type": "creating"}]}`},
	} {
		assert.NotEqual(t, state(pair[0]), state(pair[1]), name)
	}

	_, updated, err := stateDigest([]byte(`{"deployment": {}}`))
	require.NoError(t, err)
	require.Equal(t, "no time", updated)
	// A new stack was never updated.
	never, updated, err := stateDigest([]byte(`{"version": 3, "deployment": null}`))
	require.NoError(t, err)
	require.Equal(t, "no time", updated)
	require.NotEqual(t, never, state(`{"resources": [{"urn": "a"}]}`))
	for _, export := range []string{"", "{", "[]", `{"deployment": []}`, `{"deployment": "x"}`, `{}`} {
		_, _, err := stateDigest([]byte(export))
		require.Error(t, err, export)
	}
}

func TestCompareMessages(t *testing.T) {
	t.Parallel()
	with := func(change func(*note)) note {
		n := note{Commit: "0a1b2c", Stack: "test", State: "1", Updated: "2026-11-24T10:00:00Z", Files: map[string]string{"plan.json": "1", "program": "1", "Pulumi.test.yaml": "1"}}
		if change != nil {
			change(&n)
		}
		return n
	}
	var text strings.Builder
	for _, test := range []struct {
		name   string
		change func(*note)
	}{
		{"commit", func(n *note) { n.Commit = "3d4e5f" }},
		{"stack", func(n *note) { n.Stack = "prod" }},
		{"state", func(n *note) { n.State, n.Updated = "2", "2026-11-24T11:00:00Z" }},
		{"file changed", func(n *note) { n.Files["plan.json"] = "2" }},
		{"file removed", func(n *note) { delete(n.Files, "program") }},
		{"file added", func(n *note) { n.Files["other"] = "1" }},
		{"several", func(n *note) {
			n.Commit, n.Stack, n.State, n.Updated = "3d4e5f", "prod", "2", "2026-11-24T11:00:00Z"
			n.Files["program"], n.Files["plan.json"], n.Files["z"], n.Files["a"] = "2", "2", "1", "1"
		}},
	} {
		err := with(nil).compare(with(test.change))
		require.ErrorIs(t, err, errStale, test.name)
		text.WriteString("# " + test.name + "\n" + err.Error() + "\n\n")
	}
	projecttest.Golden(t, "compare.golden", text.String())

	require.NoError(t, with(nil).compare(with(func(n *note) { n.Updated = "now" })), "the state decides, not the recorded time")
	require.ErrorIs(t, note{}.compare(with(nil)), errStale, "an empty note lets nothing through")
}

func TestGuardCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, folder := range []string{"plan", "elsewhere"} {
		require.NoError(t, os.Mkdir(folder, 0o750))
		write(t, folder+"/plan.json", "{}")
	}
	write(t, "program", "p")
	write(t, "state.json", stateText)
	var out bytes.Buffer
	guard := func(mode, file, stack, files string) error {
		out.Reset()
		return run([]string{"guard", mode, file, "-commit", "0a1b2c", "-stack", stack, "-state", "state.json", "-files", files}, &out)
	}
	require.NoError(t, guard("-save", "guard.json", "test", "plan/plan.json,program"))
	require.Empty(t, out.String())
	var saved note
	text, err := os.ReadFile("guard.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &saved))
	require.Equal(t, "2026-11-24T10:00:00Z", saved.Updated)
	require.Equal(t, map[string]string{"plan.json": digest([]byte("{}")), "program": digest([]byte("p"))}, saved.Files)

	require.NoError(t, guard("-check", "guard.json", "test", "plan/plan.json,program"))
	require.Equal(t, "commit 0a1b2c, stack test and its plan have not changed since the preview\n", out.String())
	require.NoError(t, guard("-check", "guard.json", "test", "elsewhere/plan.json,program"), "a later stage has its files elsewhere")
	write(t, "state.json", strings.Replace(stateText, "v1:abc", "v1:xyz", 1))
	require.NoError(t, guard("-check", "guard.json", "test", "plan/plan.json,program"), "the same secret, encrypted again")

	require.ErrorIs(t, guard("-check", "guard.json", "prod", "plan/plan.json,program"), errStale)
	require.Empty(t, out.String())
	require.ErrorContains(t, guard("-check", "guard.json", "test", "plan/plan.json"), "program is not the same as in the preview")
	require.ErrorContains(t, guard("-check", "guard.json", "test", "plan/plan.json,program,state.json"), "state.json did not exist at the preview")
	write(t, "state.json", strings.Replace(stateText, "10:00:00", "10:30:00", 1))
	require.ErrorContains(t, guard("-check", "guard.json", "test", "plan/plan.json,program"),
		"the stack test has changed since the preview: it was last updated at 2026-11-24T10:00:00Z, now at 2026-11-24T10:30:00Z; start a new run of the pipeline")

	write(t, "state.json", stateText)
	for _, mode := range []string{"-save", "-check"} {
		require.EqualError(t, guard(mode, "guard.json", "test", "plan/plan.json,elsewhere/plan.json"), "pipeline guard: -files has two files of the name plan.json")
		require.ErrorIs(t, guard(mode, "guard.json", "test", "plan/plan.json,missing"), os.ErrNotExist)
	}
	for _, broken := range []string{"", "[]", `{"commit": 1}`} {
		write(t, "guard.json", broken)
		require.ErrorContains(t, guard("-check", "guard.json", "test", "program"), "pipeline guard: note of the preview: ", broken)
	}
	write(t, "guard.json", "{}")
	require.ErrorIs(t, guard("-check", "guard.json", "test", "program"), errStale)
	write(t, "state.json", "no state")
	require.ErrorContains(t, guard("-save", "guard.json", "test", "program"), "pipeline guard: state of the stack: ")
	require.NoError(t, os.Remove("state.json"))
	require.ErrorIs(t, guard("-save", "guard.json", "test", "program"), os.ErrNotExist)
	require.ErrorContains(t, run([]string{"guard", "-commit", "a", "-stack", "b", "-state", "c", "-files", "d"}, io.Discard), "missing: -save or -check")
}
