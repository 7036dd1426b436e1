//go:build linux

package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStates(t *testing.T) {
	dir := t.TempDir()
	states, err := States(dir)
	require.NoError(t, err)
	assert.Empty(t, states)

	stacks := filepath.Join(dir, "pulumi", ".pulumi", "stacks", "project")
	require.NoError(t, os.MkdirAll(stacks, 0o700))
	write := func(stack, resources string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(stacks, stack+".json"),
			[]byte(`{"version": 3, "checkpoint": {"latest": {"resources": [`+resources+`]}}}`), 0o600))
	}
	write("empty", "")
	write("dev", `{"urn": "urn:a", "type": "pulumi:pulumi:Stack", "outputs": {"plain": ["x"],
		"nested": [{"secret": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}}]}},
		{"urn": "urn:b", "type": "t", "id": "1"}`)
	known, err := Known(dir)
	require.NoError(t, err)
	assert.Len(t, known, 2)
	outputs, err := Outputs(dir, "dev")
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"plain": []any{"x"}, "nested": []any{map[string]any{"secret": "[secret]"}}}, outputs)
	for _, none := range []string{"empty", "nobody"} {
		outputs, err = Outputs(dir, none)
		require.NoError(t, err)
		assert.Empty(t, outputs)
	}
	require.NoError(t, os.WriteFile(filepath.Join(stacks, "broken.json"), []byte("{"), 0o600))
	_, err = Known(dir)
	assert.ErrorContains(t, err, "broken.json")
}

func TestFollowEvents(t *testing.T) {
	log := filepath.Join(t.TempDir(), "events")
	require.NoError(t, os.WriteFile(log, []byte(`{"sequence": 1}`+"\n"+`{"sequ`), 0o600))
	ended := make(chan struct{})
	var seen []int
	idle := 0
	FollowEvents(log, ended, func(e apitype.EngineEvent) { seen = append(seen, e.Sequence) }, func() {
		if idle++; idle > 1 {
			return
		}
		// The rest of the line, and another one before the end.
		file, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = file.WriteString(`ence": 2}` + "\n" + `{"sequence": 3}` + "\n")
		require.NoError(t, err)
		require.NoError(t, file.Close())
		time.AfterFunc(0, func() { close(ended) })
	})
	assert.Equal(t, []int{1, 2, 3}, seen)
}
