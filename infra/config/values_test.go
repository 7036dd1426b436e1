package config

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestServiceValues(t *testing.T) {
	t.Parallel()
	cfg, err := loadConfig(projecttest.ReadStack(t, "../testdata/valid-secret-values.yaml"))
	require.NoError(t, err)
	values, err := cfg.ValuesOf("customerapi")
	require.NoError(t, err)
	// What follows is compared as YAML, so the secret is replaced first.
	values["secrets"] = map[string]any{"DATABASE_PASSWORD": "[secret]"}

	text, err := yaml.Marshal(WithImage(values, "example.azurecr.io/customerapi", "1.0.0", "acr-secret"))
	require.NoError(t, err)
	projecttest.Golden(t, "values/own-registry.golden", string(text))

	values["imagePullSecrets"] = []any{map[string]any{"name": "of-the-user"}}
	text, err = yaml.Marshal(WithImage(values, "docker.io/wolfgangofner/customerapi", "1.0.0", ""))
	require.NoError(t, err)
	projecttest.Golden(t, "values/foreign-registry.golden", string(text))
}

func TestMergeValues(t *testing.T) {
	t.Parallel()
	base := map[string]any{"a": 1, "b": map[string]any{"c": 2, "d": []any{1, 2}}, "e": "text"}
	over := map[string]any{"b": map[string]any{"d": []any{3}, "f": true}, "e": map[string]any{"g": 4}}
	want := map[string]any{"a": 1, "b": map[string]any{"c": 2, "d": []any{3}, "f": true}, "e": map[string]any{"g": 4}}
	require.Equal(t, want, mergeValues(base, over))
	require.Equal(t, map[string]any{"c": 2, "d": []any{1, 2}}, base["b"], "the base is not changed")
	require.Equal(t, base, mergeValues(base, nil))
	require.Equal(t, base, mergeValues(nil, base))
}

func TestNulls(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"a", "b.c.d"}, nulls(map[string]any{
		"a": nil, "b": map[string]any{"c": map[string]any{"d": nil, "e": 1}}, "f": []any{nil},
	}))
}
