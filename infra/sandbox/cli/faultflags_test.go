//go:build linux

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFaultFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "faults.yaml")
	require.NoError(t, os.WriteFile(file, []byte("- {on: create, type: Registry, fault: throttled, call: 1, for: 30s}\n- on: any\n  type: '*'\n  fault: error\n  chance: 0.5\n"), 0o600))
	var rules faultRules
	flags := pflag.NewFlagSet("up", pflag.ContinueOnError)
	flags.Var(&rules, "fault", "")
	flags.Var(&faultFile{rules: &rules}, "faults", "")
	require.NoError(t, flags.Parse([]string{"--fault", "delete Registry lost", "--faults", file}))
	require.Len(t, rules, 3)
	assert.Equal(t, "delete Registry lost", rules[0].String())
	assert.Equal(t, "create Registry throttled call=1 for=30s", rules[1].String())
	assert.NotZero(t, rules[2].Seed, "a seed, so that it can be repeated")
	assert.Contains(t, rules.String(), "any * error chance=0.5 seed=")
}

func TestReadFaults(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "has no rules",
		"on: create":                            "cannot unmarshal",
		"- {on: create, typ: X, fault: error}":  "field typ not found",
		"- {on: create, fault: error}":          "a type is missing",
		"- {on: a, type: b, fault: c, call: 1}": `unknown operation "a"; use one of create, read, update, delete, invoke, any; unknown fault "c"; use one of`,
	} {
		_, err := readFaults(strings.NewReader(text))
		assert.ErrorContains(t, err, want, text)
	}
}
