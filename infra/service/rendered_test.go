package service

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/config"
)

func TestHide(t *testing.T) {
	t.Parallel()
	release := &Release{Chart: config.ResolvedChart{Password: "hunter2"}, Values: map[string]any{"a": []any{"long text", "text"}}, PrivateValues: true}
	require.Equal(t, "x [secret] [secret] [secret] y", hide("x hunter2 long text text y", release))
	release.Values = map[string]any{"a": "one\ntwo", "b": `it's "three"`}
	require.Equal(t, `'[secret]' "[secret]" "[secret]" '[secret]'`, hide(`'one\ntwo' "one\ntwo" "it's \"three\"" 'it\'s "three"'`, release))
	release.PrivateValues = false
	require.Equal(t, "[secret] text", hide("hunter2 text", release))
}
