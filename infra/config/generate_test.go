package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	pulumiconfig "github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/internal/projecttest"
)

// The tests below compare files with what they generate from the doc comments and tags of the configuration's types. Rewrite all of
// them with
//
//	go test ./infra/config -update
const (
	schemaFile  = "stack.schema.json"
	page        = root + "/infra/docs/configuration.md"
	projectFile = root + "/Pulumi.yaml"
	chartSchema = root + "/infra/charts/microservice/values.schema.json"
)

func TestSchemaIsGenerated(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(stackSchema(t)))
	projecttest.Generated(t, schemaFile, text.String())
}

func TestPageIsGenerated(t *testing.T) {
	t.Parallel()
	docs := readDocs(t)
	projecttest.GeneratedPart(t, page, "keys", docs.groups())
	projecttest.GeneratedPart(t, page, "features", featureTable())
}

func TestPulumiYAMLIsGenerated(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(projectFile)
	require.NoError(t, err)
	head, _, found := strings.Cut(string(text), "\nconfig:\n")
	require.True(t, found)
	projecttest.Generated(t, projectFile, head+"\nconfig:\n"+readDocs(t).projectKeys())
}

// docs are the doc comments of this package's fields, by "Type.Field".
type docs map[string]string

func readDocs(t *testing.T) docs {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := docs{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if object, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range object.Fields.List {
					for _, name := range field.Names {
						found[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
					}
				}
			}
			return false
		})
	}
	return found
}

var documentedDefault = regexp.MustCompile(` ?Default: ([^.]*(?:\.[a-z][^.]*)*)\.`)

// of returns a field's description as a sentence without the field's name, and the default that it names.
func (d docs) of(owner reflect.Type, field reflect.StructField) (description, standard string) {
	text := d[owner.Name()+"."+field.Name]
	if found := documentedDefault.FindStringSubmatch(text); found != nil {
		text, standard = strings.Replace(text, found[0], "", 1), found[1]
	}
	text = strings.TrimPrefix(text, field.Name+" ")
	for _, verb := range []string{"is ", "are "} {
		text = strings.TrimPrefix(text, verb)
	}
	if text == "" {
		return "", standard
	}
	return strings.ToUpper(text[:1]) + text[1:], standard
}

// Each key has a description that begins with its name in Go, and at most one default.
func TestEveryFieldIsDescribed(t *testing.T) {
	t.Parallel()
	documented := readDocs(t)
	for _, owner := range objects(reflect.TypeFor[Config]()) {
		for _, key := range jsonKeys(owner) {
			field, _ := jsonField(owner, key)
			at := owner.Name() + "." + field.Name
			assert.True(t, strings.HasPrefix(documented[at], field.Name+" ") && strings.HasSuffix(documented[at], "."),
				"%s: the comment %q is not a sentence about %s", at, documented[at], field.Name)
			_, standard := documented.of(owner, field)
			assert.False(t, standard != "" && field.Tag.Get("default") != "", "%s has two defaults", at)
			for _, name := range []string{"is", "keys"} {
				kind := field.Tag.Get(name)
				_, known := kinds[kind]
				assert.True(t, kind == "" || known, "%s: no kind %q", at, kind)
			}
		}
	}
}

// objects returns a struct type and those in it, each once.
func objects(t reflect.Type) []reflect.Type {
	var all []reflect.Type
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		switch {
		case t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map:
			walk(t.Elem())
		case t.Kind() == reflect.Struct && !slices.Contains(all, t):
			all = append(all, t)
			for _, key := range jsonKeys(t) {
				field, _ := jsonField(t, key)
				walk(field.Type)
			}
		}
	}
	walk(t)
	return all
}

// The page.

// The keys that most people set, for the README.
var commonKeys = []string{
	"environment", "registry.sku", "registry.protect", "registry.pull.mode", "registry.existing", "cluster.kubeconfig",
	"cluster.aks", "rotation.days", "services.<name>.image.tag", "services.<name>.chart", "services.<name>.values",
}

func TestREADMEKeysAreGenerated(t *testing.T) {
	t.Parallel()
	documented := readDocs(t)
	var b strings.Builder
	b.WriteString("| key | default | what it is |\n| --- | --- | --- |\n| `azure-native:location` |  | Azure region of the resource group and the registry, such as `westeurope`. |\n")
	for _, path := range commonKeys {
		owner, key := reflect.TypeFor[Config](), ""
		steps := strings.Split(strings.ReplaceAll(path, ".<name>", ""), ".")
		for i, step := range steps {
			field, known := jsonField(owner, step)
			require.True(t, known, path)
			if key = step; i < len(steps)-1 {
				owner = objectOf(field.Type)
			}
		}
		cells := strings.Split(documented.row(owner, key, path), " | ")
		first, _, _ := strings.Cut(cells[3], ". ")
		fmt.Fprintf(&b, "%s | %s | %s. |\n", cells[0], cells[2], strings.TrimRight(first, ". |\n"))
	}
	projecttest.GeneratedPart(t, root+"/README.md", "keys", b.String())
}

// groups returns the page's tables: one for the keys that are not objects, and one for each object.
func (d docs) groups() string {
	var b strings.Builder
	config := reflect.TypeFor[Config]()
	b.WriteString("\n## General\n\n" + tableHead + locationRow)
	for _, key := range jsonKeys(config) {
		if field, _ := jsonField(config, key); objectOf(field.Type) == nil {
			b.WriteString(d.row(config, key, key))
		}
	}
	for _, key := range jsonKeys(config) {
		if field, _ := jsonField(config, key); objectOf(field.Type) != nil {
			d.group(&b, "##", config, key, key)
		}
	}
	return b.String()
}

const locationRow = "| `azure-native:location` | text |  | Azure region of the resource group and the registry, such as `westeurope`. " +
	"Required where the stack creates the group. |\n"

const tableHead = "| key | value | default | what it is |\n| --- | --- | --- | --- |\n"

// group writes the section of an object, and then those of the objects in it.
func (d docs) group(b *strings.Builder, level string, owner reflect.Type, key, path string) {
	field, _ := jsonField(owner, key)
	object := objectOf(field.Type)
	description, standard := d.of(owner, field)
	fmt.Fprintf(b, "\n%s `%s`\n\n%s%s%s\n\n%s", level, path, description, sentence("Default: ", standard), skuOf(path), tableHead)
	below := path + suffixOf(field.Type) + "."
	var inner []string
	for _, key := range jsonKeys(object) {
		field, _ := jsonField(object, key)
		if objectOf(field.Type) != nil && field.Tag.Get("inherits") == "" {
			inner = append(inner, key)
			continue
		}
		b.WriteString(d.row(object, key, below+key))
	}
	if len(inner) == len(jsonKeys(object)) { // nothing but objects
		text := b.String()
		b.Reset()
		b.WriteString(strings.TrimSuffix(text, "\n"+tableHead))
	}
	for _, key := range inner {
		d.group(b, "###", object, key, below+key)
	}
}

func sentence(lead, text string) string {
	if text == "" {
		return ""
	}
	return " " + lead + text + "."
}

// skuOf says which SKU a key of the registry needs, if not every SKU has the feature.
func skuOf(path string) string {
	for _, feature := range registryFeatures {
		if path != "registry."+feature.key || feature.sku == SKUBasic {
			continue
		}
		if field, _ := jsonField(reflect.TypeFor[Registry](), feature.key); field.Tag.Get("default") == "true" {
			return " `false` needs SKU " + feature.sku + "."
		}
		return " Needs SKU " + feature.sku + "."
	}
	return ""
}

func (d docs) row(owner reflect.Type, key, path string) string {
	field, _ := jsonField(owner, key)
	description, standard := d.of(owner, field)
	if value, ok := field.Tag.Lookup("default"); ok {
		standard = "`" + value + "`"
	}
	if inherited := field.Tag.Get("inherits"); inherited != "" {
		standard = "`" + inherited + "`"
	}
	if field.Tag.Get("required") == "true" {
		standard = "required"
	}
	return fmt.Sprintf("| %#q | %s | %s | %s%s |\n", path, valueOf(field), standard, description, skuOf(path))
}

// valueOf says which values a field accepts.
func valueOf(field reflect.StructField) string {
	kind := kinds[field.Tag.Get("is")]
	words := "text"
	if kind.values != nil {
		words = "`" + strings.Join(kind.values, "`, `") + "`"
	}
	switch t := elem(field.Type); {
	case t.Kind() == reflect.Struct:
		return "object"
	case t.Kind() == reflect.Bool:
		return "`true`, `false`"
	case t.Kind() == reflect.Int && field.Tag.Get("max") == "":
		return field.Tag.Get("min") + " or more"
	case t.Kind() == reflect.Int:
		return field.Tag.Get("min") + " to " + field.Tag.Get("max")
	case t.Kind() == reflect.Slice:
		return "list of " + words
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Interface:
		return "object"
	case t.Kind() == reflect.Map:
		return "names to " + words
	}
	return words
}

func elem(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// objectOf returns the struct that a type holds, itself or in a list or a map, or nil.
func objectOf(t reflect.Type) reflect.Type {
	if t = elem(t); t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

func suffixOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "[]"
	case reflect.Map:
		return ".<name>"
	}
	return ""
}

func featureTable() string {
	var b strings.Builder
	b.WriteString("| feature | key | cheapest SKU |\n| --- | --- | --- |\n")
	for _, feature := range registryFeatures {
		sku := feature.sku
		if feature.key == "webhooks" {
			sku += limits(maxWebhooks)
		}
		fmt.Fprintf(&b, "| %s | `registry.%s` | %s |\n", feature.name, feature.key, sku)
	}
	fmt.Fprintf(&b, "| registry tokens | `registry.pull.mode: token` | %s%s |\n", SKUBasic, limits(maxTokens))
	return b.String()
}

func limits(of map[string]int) string {
	return fmt.Sprintf(" (%d; Standard %d, Premium %d)", of[SKUBasic], of[SKUStandard], of[SKUPremium])
}

// Pulumi.yaml.

// projectKeys returns the keys as Pulumi.yaml declares them, one line of description for each.
func (d docs) projectKeys() string {
	var b strings.Builder
	b.WriteString("  # Besides these, azure-native:location: Pulumi does not let a project declare another package's key.\n")
	config := reflect.TypeFor[Config]()
	for _, key := range jsonKeys(config) {
		field, _ := jsonField(config, key)
		description, standard := d.of(config, field)
		anchor := key
		if objectOf(field.Type) == nil {
			anchor = "general"
		}
		kind, value := "object", "{}"
		if field.Type.Kind() == reflect.String {
			kind, value = "string", strconv.Quote(field.Tag.Get("default"))
		}
		first, _, _ := strings.Cut(description+sentence("Default: ", standard), ". ")
		first = strings.ReplaceAll(strings.TrimSuffix(first, "."), "`", "")
		fmt.Fprintf(&b, "  %s:\n    type: %s\n    description: %q\n", key, kind, first+". See infra/docs/configuration.md#"+anchor)
		if field.Tag.Get("required") != "true" { // With a default, the engine would not ask for it.
			fmt.Fprintf(&b, "    default: %s\n", value)
		}
	}
	return b.String()
}

// The schema.

type m = map[string]any

// encrypted is what `pulumi config set --secret` writes.
var encrypted = m{
	"type": "object", "required": []string{"secure"}, "additionalProperties": false,
	"properties": m{"secure": m{"type": "string"}},
}

// stackSchema returns the JSON schema of the project's stack files.
func stackSchema(t *testing.T) m {
	t.Helper()
	documented := readDocs(t)
	config := reflect.TypeFor[Config]()
	definitions := m{"encrypted": encrypted}
	for _, object := range objects(config)[1:] {
		definitions[object.Name()] = documented.object(object)
	}
	definitions["Registry"].(m)["allOf"] = skuRules()
	shipped, err := shippedValues(definitions)
	require.NoError(t, err)
	service := ref("Service")
	withShippedChart := m{"allOf": []any{service, m{
		"if": m{"not": m{"required": []string{"chart"}}}, "then": m{"properties": m{"values": shipped}},
	}}}
	location := kindSchema(kinds["region"])
	location["description"] = "Azure region of the resource group and the registry, such as westeurope. Required where the stack creates the group."
	properties := m{"azure-native:location": location}
	names := []string{}
	for _, key := range jsonKeys(config) {
		field, _ := jsonField(config, key)
		full := projecttest.Project + ":" + key
		names = append(names, full)
		properties[full] = documented.property(config, field)
	}
	services := projecttest.Project + ":services"
	return m{
		"$schema":  "http://json-schema.org/draft-07/schema#",
		"title":    "Stack file of " + projecttest.Project,
		"$comment": "Generated by go test ./infra/config -update. Keys of other packages, and what Pulumi itself writes, are allowed.",
		"type":     "object",
		"properties": m{"config": m{
			"type":       "object",
			"properties": properties,
			"required":   []string{services},
			"propertyNames": m{"anyOf": []any{
				m{"enum": names}, m{"not": m{"pattern": "^" + projecttest.Project + ":"}},
			}},
			"if":   m{"not": m{"required": []string{projecttest.Project + ":chart"}}},
			"then": m{"properties": m{services: m{"additionalProperties": withShippedChart}}},
		}},
		"required":    []string{"config"},
		"definitions": definitions,
	}
}

func ref(definition string) m { return m{"$ref": "#/definitions/" + definition} }

// object returns the schema of a struct.
func (d docs) object(t reflect.Type) m {
	properties, required := m{}, []string{}
	for _, key := range jsonKeys(t) {
		field, _ := jsonField(t, key)
		properties[key] = d.property(t, field)
		if field.Tag.Get("required") == "true" {
			required = append(required, key)
		}
	}
	schema := m{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	return schema
}

var pageLink = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)

// property returns the schema of a field, with its description and its default.
func (d docs) property(owner reflect.Type, field reflect.StructField) m {
	schema := valueSchema(field.Type, field.Tag)
	if _, isRef := schema["$ref"]; isRef {
		schema = m{"allOf": []any{schema}} // validators ignore everything beside $ref
	}
	description, standard := d.of(owner, field)
	if inherited := field.Tag.Get("inherits"); inherited != "" {
		standard = inherited
	}
	schema["description"] = pageLink.ReplaceAllString(description+sentence("Default: ", standard), "$1")
	if text, ok := field.Tag.Lookup("default"); ok {
		var value any = text
		if kind := elem(field.Type).Kind(); kind == reflect.Bool {
			value = text == "true"
		} else if kind == reflect.Int {
			value = json.Number(text)
		}
		schema["default"] = value
	}
	return schema
}

func valueSchema(t reflect.Type, tag reflect.StructTag) m {
	switch t.Kind() {
	case reflect.Pointer:
		return valueSchema(t.Elem(), tag)
	case reflect.Struct:
		return ref(t.Name())
	case reflect.Bool:
		return m{"type": "boolean"}
	case reflect.Int:
		return limited(m{"type": "integer"}, tag, "minimum", "maximum")
	case reflect.Slice:
		schema := limited(m{"type": "array", "items": valueSchema(t.Elem(), itemTag(tag))}, tag, "minItems", "maxItems")
		if tag.Get("required") == "true" {
			schema["minItems"] = 1
		}
		return schema
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return m{"type": "object"}
		}
		items := valueSchema(t.Elem(), itemTag(tag))
		if tag.Get("is") == "quantity" {
			items["type"] = []string{"string", "number"} // like the decoder, which accepts 0.5 for "0.5"
		}
		schema := limited(m{"type": "object", "additionalProperties": items}, tag, "minProperties", "maxProperties")
		if tag.Get("keys") != "" {
			schema["propertyNames"] = kindSchema(kinds[tag.Get("keys")])
		}
		if tag.Get("required") == "true" {
			schema["minProperties"] = 1
		}
		return schema
	}
	schema := kindSchema(kinds[tag.Get("is")])
	if tag.Get("secret") == "true" {
		return m{"anyOf": []any{schema, ref("encrypted")}}
	}
	return schema
}

func limited(schema m, tag reflect.StructTag, least, most string) m {
	for name, keyword := range map[string]string{"min": least, "max": most} {
		if text := tag.Get(name); text != "" {
			schema[keyword] = json.Number(text)
		}
	}
	return schema
}

// kindSchema returns the schema of a kind of text. Editors show patternErrorMessage; validators ignore it.
func kindSchema(k kind) m {
	schema := m{"type": "string"}
	if k.pattern != nil {
		schema["pattern"] = k.pattern.String()
		schema["patternErrorMessage"] = k.rule
	}
	if k.min > 0 {
		schema["minLength"] = k.min
	}
	if k.max > 0 {
		schema["maxLength"] = k.max
	}
	switch {
	case k.values != nil && k.pattern != nil:
		return m{"anyOf": []any{m{"enum": k.values}, schema}}
	case k.values != nil:
		return m{"type": "string", "enum": k.values}
	}
	return schema
}

// skuRules refuse features that the file's SKU does not have.
func skuRules() []any {
	rules := []any{}
	registry := reflect.TypeFor[Registry]()
	for _, feature := range registryFeatures {
		cheaper := skus[:slices.Index(skus, feature.sku)]
		if len(cheaper) == 0 {
			continue
		}
		field, _ := jsonField(registry, feature.key)
		allowed := m{"not": m{}}
		if elem(field.Type).Kind() == reflect.Bool {
			allowed = m{"const": field.Tag.Get("default") == "true"}
		}
		allowed["errorMessage"] = fmt.Sprintf("needs registry.sku %s, the cheapest with %s", feature.sku, feature.name)
		rules = append(rules, m{
			"if": m{
				"properties": m{"sku": m{"enum": cheaper}},
				"not":        m{"anyOf": []any{m{"required": []string{"external"}}, m{"required": []string{"existing"}}}},
			},
			"then": m{"properties": m{feature.key: allowed}},
		})
	}
	return rules
}

// shippedValues returns the schema of values for the shipped chart, whose definitions it adds. It is the chart's own schema, but
// any leaf can be encrypted, and required values can be in a file.
func shippedValues(definitions m) (m, error) {
	text, err := os.ReadFile(chartSchema)
	if err != nil {
		return nil, err
	}
	var chart m
	if err := json.Unmarshal(text, &chart); err != nil {
		return nil, err
	}
	for name, definition := range chart["definitions"].(m) {
		definitions["values."+name] = relaxed(definition)
	}
	image := chart["properties"].(m)["image"].(m)["properties"].(m)
	for _, owned := range []string{"repository", "tag", "digest"} {
		image[owned] = m{"description": "The stack sets this value and replaces what is here."}
	}
	delete(chart, "definitions")
	delete(chart, "$schema")
	return relaxed(chart).(m), nil
}

func relaxed(schema any) any {
	object, ok := schema.(m)
	if !ok {
		return schema
	}
	loose := m{}
	for keyword, value := range object {
		switch keyword {
		case "required", "if", "then", "else", "minItems", "minProperties":
		case "propertyNames":
			names := value.(m)
			if at, ok := names["$ref"]; ok {
				names = ref("values." + strings.TrimPrefix(at.(string), "#/definitions/"))
			}
			loose[keyword] = names
		case "$ref":
			loose[keyword] = strings.Replace(value.(string), "#/definitions/", "#/definitions/values.", 1)
		case "properties", "patternProperties":
			inner := m{}
			for name, property := range value.(m) {
				inner[name] = relaxed(property)
			}
			loose[keyword] = inner
		case "allOf", "anyOf", "oneOf":
			inner := []any{}
			for _, one := range value.([]any) {
				inner = append(inner, relaxed(one))
			}
			loose[keyword] = inner
		case "items", "additionalProperties":
			loose[keyword] = relaxed(value)
		default:
			loose[keyword] = value
		}
	}
	if _, isEnum := loose["enum"]; !isEnum && (loose["type"] == nil || loose["type"] == "object" || loose["type"] == "array") {
		return loose
	}
	description := loose["description"]
	delete(loose, "description")
	leaf := m{"anyOf": []any{loose, ref("encrypted")}}
	if description != nil {
		leaf["description"] = description
	}
	return leaf
}

// Editors find the schema by the first line of a stack file, which Pulumi keeps when it sets a value or creates the stack's
// encryption key.
func TestPulumiKeepsTheSchemaOfAStackFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/Pulumi.dev.yaml")
	require.NoError(t, err)
	first, _, _ := strings.Cut(string(text), "\n")
	target, found := strings.CutPrefix(first, "# yaml-language-server: $schema=")
	require.True(t, found, first)
	require.FileExists(t, filepath.Join(root, target))

	project := &workspace.Project{Name: projecttest.Project, Runtime: workspace.NewProjectRuntimeInfo("go", nil)}
	file := filepath.Join(t.TempDir(), "Pulumi.dev.yaml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	stack, err := workspace.LoadProjectStack(nil, project, file)
	require.NoError(t, err)
	stack.EncryptionSalt = "v1:salt"
	key := pulumiconfig.MustMakeKey(projecttest.Project, "services.customerapi.image.tag")
	require.NoError(t, stack.Config.Set(key, pulumiconfig.NewTypedValue("1.1.0", pulumiconfig.TypeString), true))
	require.NoError(t, stack.Save(file))
	text, err = os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "1.1.0")
	require.True(t, strings.HasPrefix(string(text), first+"\n"), string(text))
}

// What the schema refuses.

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(stackSchema(t))
	require.NoError(t, err)
	content, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource(schemaFile, content))
	schema, err := compiler.Compile(schemaFile)
	require.NoError(t, err)
	return schema
}

func readYAML(t *testing.T, file string) any {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var content any
	require.NoError(t, yaml.Unmarshal(text, &content))
	return content
}

func TestSchemaAcceptsEveryValidStack(t *testing.T) {
	t.Parallel()
	schema := compiledSchema(t)
	files := []string{root + "/Pulumi.dev.yaml"}
	for _, pattern := range []string{"../testdata/valid-*.yaml", "../examples/*.yaml"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		files = append(files, found...)
	}
	require.Greater(t, len(files), 20)
	for _, file := range files {
		require.NoError(t, schema.Validate(readYAML(t, file)), file)
	}
}

// The invalid stacks that the schema accepts are those whose mistake it cannot express. The list must not grow without a reason.
func TestSchemaRefusesInvalidStacks(t *testing.T) {
	t.Parallel()
	schema := compiledSchema(t)
	files, err := filepath.Glob("testdata/invalid-*.yaml")
	require.NoError(t, err)
	var accepted []string
	for _, file := range files {
		if schema.Validate(readYAML(t, file)) == nil {
			accepted = append(accepted, filepath.Base(file))
		}
	}
	assert.GreaterOrEqual(t, len(files)-len(accepted), leastRefused, "of %d", len(files))
	projecttest.Golden(t, "accepted-by-schema.golden", strings.Join(accepted, "\n")+"\n")
}

// leastRefused is how many invalid stacks the schema refused when it was written.
const leastRefused = 91
