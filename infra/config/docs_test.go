package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/internal/projecttest"
)

var (
	settingPath = regexp.MustCompile(`acr-microservices:([a-zA-Z][\w.-]*)`)
	yamlBlock   = regexp.MustCompile("(?ms)^```yaml\n(.*?)\n```$")
)

// Each setting in a command of the documentation exists, and each stack file in it passes the schema.
func TestSettingsInTheDocsAreKnown(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(root + "/infra/docs/*.md")
	require.NoError(t, err)
	schema := compiledSchema(t)
	settings, files := 0, 0
	for _, page := range append(pages, root+"/README.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, found := range settingPath.FindAllStringSubmatch(string(text), -1) {
			assert.Empty(t, unknownKey(reflect.TypeFor[Config](), strings.Split(found[1], ".")), "%s: %s", page, found[0])
			settings++
		}
		for _, found := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
			var content struct {
				Config map[string]any
			}
			if !strings.Contains(found[1], projecttest.Project+":") {
				continue
			}
			block := found[1]
			if !strings.HasPrefix(block, "config:") {
				block = "config:\n" + block
			}
			require.NoError(t, yaml.Unmarshal([]byte(block), &content), page)
			if services := projecttest.Project + ":services"; content.Config[services] == nil { // a part of a file
				content.Config[services] = map[string]any{"customerapi": map[string]any{}}
			}
			require.NoError(t, schema.Validate(map[string]any{"config": content.Config}), "%s:\n%s", page, block)
			files++
		}
	}
	assert.Greater(t, settings, 10)
	assert.Greater(t, files, 3)
}

// unknownKey returns the first unknown step of a path, or an empty string if all are known.
func unknownKey(t reflect.Type, path []string) string {
	if len(path) == 0 || t.Kind() == reflect.Interface {
		return ""
	}
	switch t.Kind() {
	case reflect.Pointer:
		return unknownKey(t.Elem(), path)
	case reflect.Map, reflect.Slice:
		return unknownKey(t.Elem(), path[1:])
	case reflect.Struct:
		if field, known := jsonField(t, path[0]); known {
			return unknownKey(field.Type, path[1:])
		}
	}
	return path[0]
}
