package config

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"example.com/acr-microservices/infra/internal/projecttest"
)

// Each target compares what the program accepts with another implementation, or with a round trip. Run one with
//
//	go test ./infra/config -run '^$' -fuzz '^FuzzConfig$' -fuzztime 1000000x -fuzzminimizetime 10x
//
// Without the last flag, most of the time goes into minimizing inputs.

// addStacks seeds a target with the settings of the test stacks.
func addStacks(f *testing.F) {
	f.Helper()
	invalid, err := filepath.Glob("testdata/invalid-*.yaml")
	require.NoError(f, err)
	valid, err := filepath.Glob("../testdata/valid-*.yaml")
	require.NoError(f, err)
	for _, file := range slices.Concat(invalid, valid) {
		stack := projecttest.ReadStack(f, file)
		f.Add(stack.Config[projecttest.Project+":registry"], stack.Config[projecttest.Project+":services"], stack.Config[projecttest.Project+":chart"])
	}
}

// fuzzed is a stack of the settings that are not empty.
func fuzzed(settings map[string]string) projecttest.Stack {
	stack := projecttest.Stack{Config: map[string]string{"azure-native:location": "westeurope"}}
	for key, value := range settings {
		if value != "" {
			stack.Config[projecttest.Project+":"+key] = value
		}
	}
	return stack
}

// FuzzConfig: either a stack's settings are accepted and everything can be derived from them, or each line of the error names a
// key.
func FuzzConfig(f *testing.F) {
	addStacks(f)
	f.Fuzz(func(t *testing.T, registry, services, chart string) {
		cfg, err := loadConfig(fuzzed(map[string]string{"registry": registry, "services": services, "chart": chart}))
		if err != nil {
			requireKeys(t, err)
			return
		}
		for _, name := range cfg.ServiceNames() {
			if namespace := cfg.NamespaceName(name); !isLabel(namespace) {
				t.Errorf("%q is a namespace", namespace)
			}
			values, err := cfg.ValuesOf(name)
			require.NoError(t, err)
			chart, err := cfg.ChartOf(name)
			require.NoError(t, err)
			if _, err := json.Marshal(chart.Keys.WithImage(values, "r.io", cfg.Services[name].Image, cfg.PullSecretName)); err != nil {
				t.Errorf("values: %v", err)
			}
		}
	})
}

// requireKeys asserts that each line of a configuration's error begins with one of its keys.
func requireKeys(t *testing.T, err error) {
	t.Helper()
	text := strings.TrimPrefix(err.Error(), "configuration: ")
	if _, list, several := strings.Cut(text, " problems:\n  "); several {
		text = list
	}
	for _, line := range strings.Split(text, "\n  ") {
		top, _, _ := strings.Cut(line, ":")
		top, _, _ = strings.Cut(top, ".")
		if !slices.Contains(topKeys, top) {
			t.Errorf("%q names no key, in\n%s", line, err)
		}
	}
}

var topKeys = append(Keys(), "azure-native")

// FuzzSecretConfig: the error about encrypted settings shows none of their values.
func FuzzSecretConfig(f *testing.F) {
	addStacks(f)
	const mark = "hunter2"
	f.Fuzz(func(t *testing.T, registry, services, chart string) {
		settings := map[string]string{"registry": registry, "services": services, "chart": chart}
		for key, text := range settings {
			marked, err := json.Marshal(markTexts(decodeSetting(key, text), mark))
			if err != nil || strings.Contains(text, mark) {
				return
			}
			settings[key] = string(marked)
		}
		stack := fuzzed(settings)
		stack.SecretKeys = slices.Collect(maps.Keys(stack.Config))
		if _, err := loadConfig(stack); err != nil && strings.Contains(err.Error(), mark) {
			t.Error(err)
		}
	})
}

// markTexts puts a mark in front of each text in plain data, except the keys of objects.
func markTexts(value any, mark string) any {
	switch value := value.(type) {
	case string:
		return mark + value
	case map[string]any:
		for key, item := range value {
			value[key] = markTexts(item, mark)
		}
	case []any:
		for i, item := range value {
			value[i] = markTexts(item, mark)
		}
	}
	return value
}

// FuzzNames: names are valid exactly when Kubernetes says so.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"customerapi", "a", "a-b", "-a", "A", "a.b", "kube-system", "ünïcode", strings.Repeat("a", 64), "x/y", "example.com/a_b", "/a", "a\n"} {
		f.Add(seed, "test")
	}
	f.Fuzz(func(t *testing.T, name, environment string) {
		for kind, problems := range map[string][]string{
			"label":          validation.IsDNS1123Label(name),
			"subdomain":      validation.IsDNS1123Subdomain(name),
			"labelName":      validation.IsQualifiedName(name),
			"annotationName": validation.IsQualifiedName(strings.ToLower(name)),
			"labelValue":     validation.IsValidLabelValue(name),
		} {
			if accepted := kinds[kind].allows(name); accepted != (len(problems) == 0) {
				t.Errorf("%q is accepted as %s: %t; Kubernetes says %q", name, kind, accepted, problems)
			}
		}
		var found problems
		cfg := &Config{Environment: environment, Services: map[string]Service{name: {Image: Image{Repository: name}}}}
		checkFields(&found, "", reflect.ValueOf(*cfg))
		cfg.validateService(&found, name)
		if len(found) == 0 && isLabel(environment) && len(validation.IsDNS1123Label(cfg.NamespaceName(name))) > 0 {
			t.Errorf("%q is accepted", cfg.NamespaceName(name))
		}
	})
}

// FuzzImage: an image that is accepted is a reference, in the form for people and in the form for charts.
func FuzzImage(f *testing.F) {
	hex := strings.Repeat("0a", 32)
	for _, seed := range [][3]string{
		{"customerapi", "1.0.0", ""},
		{"shop/customerapi", "", "sha256:" + hex},
		{"docker.io/library/nginx", "1", "sha256:" + hex},
		{"localhost:5000/x", "a", ""},
		{"customer.api", "_", "sha512:" + hex},
		{"x:1/y@sha256:", "", ""},
		{"docker.io", "1", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, repository, tag, digest string) {
		image := Image{Repository: repository, Tag: tag, Digest: digest}
		var found problems
		checkFields(&found, "image", reflect.ValueOf(image))
		(&Config{}).validateImage(&found, "image", image)
		if len(found) > 0 || !image.Deployable() {
			return
		}
		full := image.Reference("registry.azurecr.io")
		parsed, err := reference.ParseNormalizedNamed(full)
		require.NoError(t, err)
		if tagged, ok := parsed.(reference.Tagged); ok != (tag != "") || ok && tagged.Tag() != tag {
			t.Errorf("the tag of %s is not %q", full, tag)
		}
		if pinned, ok := parsed.(reference.Digested); ok != (digest != "") || ok && pinned.Digest().String() != digest {
			t.Errorf("the digest of %s is not %q", full, digest)
		}
		if chartRepository, chartTag := image.forChart(); chartRepository+":"+chartTag != image.Reference("") {
			t.Errorf("a chart makes %s:%s of %s", chartRepository, chartTag, full)
		}
	})
}

// FuzzChart: a chart that is accepted comes from one place, in one version.
func FuzzChart(f *testing.F) {
	f.Add("", "https://charts.example.com", "", "microservice", "1.2.3", "")
	f.Add("", "", "oci://example.azurecr.io/charts/microservice", "", "v1.2.3-rc.1+build", "user")
	f.Add("./infra/charts/microservice", "", "", "", "", "")
	f.Add("../x", "http://", "oci://", "-", "^1", "")
	f.Fuzz(func(t *testing.T, path, repository, oci, name, version, user string) {
		chart := Chart{Path: path, Repository: repository, OCI: oci, Name: name, Version: version, Username: user}
		cfg := &Config{Chart: chart, Services: map[string]Service{"api": {}}, root: root}
		var found problems
		checkFields(&found, "chart", reflect.ValueOf(chart))
		cfg.validateChart(&found, "chart", chart)
		if len(found) > 0 || !chart.named() {
			return
		}
		resolved, err := cfg.ChartOf("api")
		require.NoError(t, err)
		if resolved.Name == "" || !isExactVersion(resolved.Version) {
			t.Errorf("%+v is accepted", chart)
		}
		if local := strings.HasPrefix(resolved.Name, "./"); local != (path != "") || local != (resolved.Digest != "") {
			t.Errorf("%+v is taken for %+v", chart, resolved)
		}
	})
}

// FuzzPurge: a schedule and its filters are one line of a command, and no filter ends in another's.
func FuzzPurge(f *testing.F) {
	f.Add("30 2 * * *", "90d", "customerapi:^dev-", "1.0.0")
	f.Add("0 3 * * Sun", "7d12h", "a:'b", "x")
	f.Add("* * * * * *", "", "a b:c", "")
	f.Fuzz(func(t *testing.T, schedule, age, filter, tag string) {
		cfg := &Config{
			Registry: Registry{Purge: &Purge{Schedule: schedule, OlderThan: age}},
			Services: map[string]Service{"customerapi": {Image: Image{Repository: "customerapi", Tag: tag}}},
		}
		if filter != "" {
			cfg.Registry.Purge.Filters = []string{filter, "b:c"}
		}
		var found problems
		checkFields(&found, "", reflect.ValueOf(*cfg))
		cfg.validatePurge(&found)
		cfg.validateImage(&found, "image", cfg.Services["customerapi"].Image)
		if len(found) > 0 {
			return
		}
		steps, err := cfg.Registry.Purge.TaskFile(cfg.PurgeFilters())
		require.NoError(t, err)
		var task struct{ Steps []struct{ Cmd string } }
		require.NoError(t, yaml.Unmarshal(steps, &task))
		require.Len(t, task.Steps, 1)
		words := strings.Split(task.Steps[0].Cmd, " ")
		want := []string{"acr", "purge"}
		for _, filter := range cfg.PurgeFilters() {
			want = append(want, "--filter", "'"+filter+"'")
		}
		want = append(want, "--ago", age, "--keep", "10")
		if !slices.Equal(want, words) || strings.ContainsAny(schedule, "\"'") {
			t.Errorf("%q, at %q", task.Steps[0].Cmd, schedule)
		}
	})
}

// FuzzARMIDs: both parsers agree on what a registry's id is, and the id begins with its group's id.
func FuzzARMIDs(f *testing.F) {
	const id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/shop/providers/Microsoft.ContainerRegistry/registries/shopimages"
	for _, seed := range []string{id, strings.ToLower(id), id + "/", id + "/webhooks/x", "/subscriptions//resourceGroups", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		parsed, ok := ParseRegistryID(id)
		if ok != kinds["registryId"].allows(id) && guidPattern.MatchString(strings.Split(id+"//", "/")[2]) {
			t.Errorf("%q: %+v, %t", id, parsed, ok)
		}
		if ok && (!strings.HasPrefix(strings.ToLower(id), strings.ToLower(parsed.GroupID)+"/providers/") || !strings.HasSuffix(id, "/"+parsed.Name)) {
			t.Errorf("%q: %+v", id, parsed)
		}
	})
}

// FuzzValuesFile: a file of values means the same to the program as to Helm.
func FuzzValuesFile(f *testing.F) {
	for _, seed := range []string{
		"a: {b: no, c: 017, d: 2024-05-01, 5432: x}\n", "a: &b {c: ~}\nd:\n  <<: *b\n  e: [null, .inf]\n", "a:\n\tb: 1\n", "- a\n",
		"on: 1e400\n? [x]\n: !!binary aGk=\n", "a: 1\na: |\n  x\n---\nb: 9007199254740993\n", "",
	} {
		f.Add(seed)
	}
	path := filepath.Join(f.TempDir(), "values.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		want, wanted := helmReads(path)
		got, err := readValuesFile(path)
		if (err == nil) != (wanted == nil) {
			t.Fatalf("%q: %v, and Helm %v", text, err, wanted)
		}
		if err != nil {
			return
		}
		require.Equal(t, want, mergeValues(nil, got))
		plain, rest := SplitNulls(got)
		require.False(t, holdsNull(plain))
		require.Equal(t, want, mergeValues(rest, plain))
	})
}

// FuzzStackFile: the chart gets the values that Helm would read in the stack file, or an error names each difference.
func FuzzStackFile(f *testing.F) {
	for _, seed := range []string{
		"a: {b: no, c: 017, d: 2024-05-01, 5432: x}", "a: &b {c: ~}\nd:\n  <<: *b\n  e: [null, on]", "on: 1e400\n1.50: !!binary aGk=",
		"a: 'no'\nb: \"2024-05-01\"\nc: 1_000", "a: {secure: x}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, values string) {
		text := "config:\n  acr-microservices:services:\n    api:\n      values:\n        " + strings.ReplaceAll(values, "\n", "\n        ") + "\n"
		stack, err := projecttest.LoadStack([]byte(text))
		if err != nil {
			return // Pulumi says so itself
		}
		settings, _ := stack.Settings()
		cfg, found := decodeConfig(settings)
		file := parseStackFile([]byte(text), projecttest.Project)
		if len(found) > 0 || file == nil || len(stack.SecretKeys) > 0 {
			return
		}
		pulumi, helm := file.valuesOf("api")
		got := cfg.Services["api"].Values
		addLosses(&found, "values", got, pulumi, helm)
		if want, ok := helm.(map[string]any); ok && len(found) == 0 {
			require.Equal(t, mergeValues(nil, want), mergeValues(nil, got))
		}
	})
}

// FuzzMergeValues: the upper values win, the other values stay, and neither argument changes.
func FuzzMergeValues(f *testing.F) {
	f.Add(`{"a": 1, "b": {"c": 2, "d": [1, 2]}, "e": "text"}`, `{"b": {"d": [3], "f": true}, "e": {"g": 4}}`)
	f.Add(`{"image": {"tag": "1", "digest": "x"}}`, `{"image": null}`)
	f.Fuzz(func(t *testing.T, base, over string) {
		read := func(text string) (object map[string]any, ok bool) {
			return object, json.Unmarshal([]byte(text), &object) == nil && object != nil
		}
		below, ok := read(base)
		above, too := read(over)
		if !ok || !too {
			return
		}
		merged := mergeValues(below, above)
		requireMerged(t, merged, below, above)
		require.Equal(t, merged, mergeValues(merged, above), "a second merge changes nothing")
		again, _ := read(base)
		require.Equal(t, again, below)
		again, _ = read(over)
		require.Equal(t, again, above)

		keys := ChartKeys{}.WithDefaults(func(string) bool { return false })
		image := keys.WithImage(merged, "h", Image{Repository: "customerapi", Tag: "1.0.0"}, "acr-secret")["image"].(map[string]any)
		require.Equal(t, "h/customerapi", image["repository"])
		require.Equal(t, "1.0.0", image["tag"])
		require.NotContains(t, image, "digest")
	})
}

func requireMerged(t *testing.T, merged, base, over map[string]any) {
	t.Helper()
	for key, value := range merged {
		above, covered := over[key]
		object, isObject := above.(map[string]any)
		switch {
		case !covered:
			require.Equal(t, base[key], value)
		case !isObject:
			require.Equal(t, above, value)
		default:
			below, _ := base[key].(map[string]any)
			requireMerged(t, value.(map[string]any), below, object)
		}
	}
	for key := range base {
		require.Contains(t, merged, key)
	}
	for key := range over {
		require.Contains(t, merged, key)
	}
}
