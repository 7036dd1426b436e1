package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

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

	keys := ChartKeys{}.WithDefaults(func(string) bool { return false })
	text, err := yaml.Marshal(keys.WithImage(values, "example.azurecr.io", Image{Repository: "customerapi", Tag: "1.0.0"}, "acr-secret"))
	require.NoError(t, err)
	projecttest.Golden(t, "values/own-registry.golden", string(text))

	values["imagePullSecrets"] = []any{map[string]any{"name": "of-the-user"}}
	text, err = yaml.Marshal(keys.WithImage(values, "", Image{Repository: "docker.io/wolfgangofner/customerapi", Tag: "1.0.0"}, ""))
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

// helmReads returns what Helm makes of a file of values.
func helmReads(path string) (map[string]any, error) {
	values, err := chartutil.ReadValuesFile(path)
	return values, err
}

// A null deletes a default wherever the value comes from, and the last file wins:
// https://github.com/pulumi/pulumi-kubernetes/issues/2034, 3811, https://github.com/helm/helm/issues/8665
func TestNullsReachHelm(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, t.TempDir(), map[string]string{
		"one.yaml": "nodeSelector: {master: null, plane: x}\nargs: null\nb: {c: 1}\n", "two.yaml": "args: []\nb: null\n",
	})
	cfg := &Config{root: dir, Services: map[string]Service{"api": {
		ValuesFiles: []string{"one.yaml", "two.yaml"}, Values: map[string]any{"nodeSelector": map[string]any{"plane": nil}, "d": nil},
	}}}
	values, err := cfg.ValuesOf("api")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"nodeSelector": map[string]any{"master": nil, "plane": nil}, "args": []any{}, "b": nil, "d": nil}, values)

	defaults := chartutil.Values{"nodeSelector": map[string]any{"master": "", "plane": "", "os": "linux"}, "args": []any{"--default"}, "b": map[string]any{"c": 0}, "d": 1}
	merged, err := chartutil.CoalesceValues(&chart.Chart{Metadata: &chart.Metadata{Name: "api"}, Values: defaults}, values)
	require.NoError(t, err)
	require.Equal(t, chartutil.Values{"nodeSelector": map[string]any{"os": "linux"}, "args": []any{}}, merged)
}

// Each text has caused trouble in real projects. The right result is Helm's own.
func TestValuesFilesAsHelm(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"helm/helm#8294, #12179, #5497: booleans of YAML 1.1": "a: {b: no, c: Off, d: YES, e: y, f: N, g: 'no'}\n",
		"pyyaml#107: leading zeros":                           "a: 017\nb: 0o17\nc: 00123\nd: 00189\ne: 0x1F\nf: 0b11\n",
		"ingress-nginx#10969: ports as keys":                  "tcp: {5432: 'shop/postgres:5432', 80: {a: b}}\n",
		"other keys":                                          "true: 1\non: 2\n1.50: 3\n1e3: 4\n2024-05-01: 5\n010: 6\n",
		"aks-store-demo: a key twice":                         "a: {b: true}\nc: 2\na: {d: false}\n",
		"podinfo: keys without a value":                       "host:\nservice:\n  hostPort:\nargs: ~\nlist: [null, {a: null}]\n",
		"pulumi-kubernetes#2731: empty list and map":          "args: []\nmap: {}\ntext: ''\n",
		"helm#12195: big numbers":                             "a: 10485760\nb: 9007199254740993\nc: 18446744073709551615\nd: 1e400\ne: 123456789012345678901234567890\n",
		"dates":                                               "a: 2024-05-01\nb: 2024-05-01T10:00:00Z\nc: 2001-12-14 21:59:43.10 -5\nd: 12:30:45\ne: 190:20:30\n",
		"fractions":                                           "a: 1.10\nb: .5\nc: 1_000\nd: 1.\ne: +1\nf: -0.0\ng: 1e3\n",
		"anchors and merge keys":                              "base: &b {a: 1, c: no}\nother:\n  <<: *b\n  c: off\nlist: [*b, *b]\n",
		"explicit tags":                                       "a: !!str 123\nb: !!int '5'\nc: !!binary aGVsbG8=\nd: !!float 1\ne: !custom x\n",
		"several documents":                                   "a: 1\n---\na: 2\nb: 3\n",
		"text over several lines":                             "a: |\n  x\n   y\nb: >-\n  p\n  q\nc: \"x\\ty\"\n",
		"Windows' line ends and a byte order mark":            "\ufeffa: no\r\nb:\r\n  c: off\r\n",
		"nothing":                                             "",
		"comments alone":                                      "# image:\n#   tag: x\n",
		"only null":                                           "~\n",
		"a template that is none here":                        "a: '{{ .Values.b }}'\n",
		"equal sign and tilde, helm/helm#9192":                "a: =\nb: ~x\nc: <<\n",
		"numbers with underscores and signs":                  "a: 0x_1\nb: -017\nc: 0b1_0\nd: 1__0\n",
		"helm/helm#10657, tezos-k8s#452: y and Y":             "a: y\nb: Y\nc: [n, N, 'Y']\n",
		"helm/helm#32505: keys that are booleans":             "grid: {x: 1, y: 2, n: 3}\nlist: [{on: 1}]\n",
		"helm/helm#6921: a commit that looks like a number":   "a: 123e4\nb: '123e4'\nc: 00e1\nd: 1e1000\n",
		"helm/helm#11130, couchdb-helm#127: int64":            "a: 5184000\nb: 356136738\nc: -9223372036854775808\n",
		"iotedge#2456: the largest number that a float holds": "a: 9007199254740992\nb: 9007199254740993\n",
		"fluxcd/helm-operator#204: a probe taken away":        "livenessProbe: ~\n",
		"kustomize#5803: a limit taken away":                  "resources: {limits: {cpu: null, memory: 100Mi}}\n",
		"helm/helm#8665: a null in each place":                "securityContext: {runAsUser: null, fsGroup: ~, runAsNonRoot: }\n",
		"infinity in text":                                    "a: inf\nb: nan\nc: '.inf'\n",
		"a tab (helm/helm#1707)":                              "a:\n\tb: 1\n",
		"infinity":                                            "a: .inf\n",
		"not a number":                                        "a: .NaN\n",
		"a list at the top":                                   "- a\n",
		"text at the top":                                     "a\n",
		"an unknown anchor":                                   "a: *b\n",
		"a list as key":                                       "? [a, b]\n: c\n",
		"null as key":                                         "~: c\n",
		"an open bracket":                                     "a: [1, 2\n",
		"a colon in text":                                     "a: b: c\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireAsHelm(t, text)
		})
	}
}

// Helm takes either value of a key in two forms, so no reading is right.
func TestTwoFormsOfAKey(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"tcp: {80: a, \"80\": b}\n":          "tcp.80",
		"a:\n- on: 1\n  \"true\": 2\n":       "a.0.true",
		"true: 1\ny: 2\n":                    "", // equal keys: the last one counts
		"16777216.0: a\n16777217.0: b\n":     "1.6777216e+07",
		"1: a\n1.0: b\n":                     "1",
		"0x10: a\n16: b\n":                   "",
		"80: a\n\"080\": b\n8080: c\nx: y\n": "",
	} {
		_, err := parseValues([]byte(text))
		if want == "" {
			require.NoError(t, err, text)
			continue
		}
		require.EqualError(t, err, `has the key `+want+` in two forms, such as 80 and "80", and Helm takes either; remove one`)
	}
}

func TestMoreDocuments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"a: 1\n---\nb: 2\n": true, "---\n---\na: 1\n": true,
		"": false, "a: 1\n": false, "# c\n---\na: 1\n": false, "a: 1\n---\n": false, "a: 1\n---\n# c\n": false, "a: 1\n...\n": false,
	} {
		require.Equal(t, want, hasMoreDocuments([]byte(text)), text)
	}
}

// requireAsHelm asserts that a values file is read as Helm reads it.
func requireAsHelm(t *testing.T, text string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "values.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	want, wanted := helmReads(path)
	got, err := readValuesFile(path)
	if wanted != nil {
		require.Error(t, err, "Helm says: %v", wanted)
		require.NotContains(t, err.Error(), "error converting YAML to JSON", "the user does not need to know about JSON")
		return
	}
	require.NoError(t, err)
	require.Equal(t, want, mergeValues(nil, got))
}

func TestValuesFileReasons(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, t.TempDir(), map[string]string{"tab.yaml": "a:\n\tb: 1\n", "list.yaml": "- a\n", "inf.yaml": "b: 1\na: .inf\nc: 2\n", "utf8.yaml": "a: 1\nb:\n  - \xfc\n"})
	for file, want := range map[string]string{
		"tab.yaml":  "is not YAML that Helm can read: line 2: found character that cannot start any token",
		"list.yaml": "has no keys at its top level, where Helm expects a map of values",
		"inf.yaml":  "is not YAML that Helm can read: line 2: json: unsupported value: +Inf",
		"utf8.yaml": "is not YAML that Helm can read: line 3: invalid leading UTF-8 octet",
		"none.yaml": "cannot be read: no such file or directory",
		"":          "cannot be read: is a directory",
	} {
		_, err := readValuesFile(filepath.Join(dir, file))
		require.EqualError(t, err, want, file)
	}
}

func TestSplitNulls(t *testing.T) {
	t.Parallel()
	values := map[string]any{
		"a": nil, "b": map[string]any{"c": map[string]any{"d": nil, "e": 1}, "f": []any{}}, "g": []any{map[string]any{"h": nil}, "x"}, "i": []any{nil}, "j": "text",
	}
	plain, rest := SplitNulls(values)
	require.Equal(t, map[string]any{"b": map[string]any{"c": map[string]any{"e": 1}, "f": []any{}}, "j": "text"}, plain)
	require.Equal(t, map[string]any{"a": nil, "b": map[string]any{"c": map[string]any{"d": nil}}, "g": values["g"], "i": values["i"]}, rest)
	require.Equal(t, values, mergeValues(rest, plain))
	plain, rest = SplitNulls(plain)
	require.Empty(t, rest)
	require.NotEmpty(t, plain)
}

func TestChartKeys(t *testing.T) {
	t.Parallel()
	const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	pinned := Image{Repository: "shop/api", Tag: "1.0.0", Digest: digest}
	for name, test := range map[string]struct {
		keys   ChartKeys
		image  Image
		digest bool // the chart has image.digest
		user   string
		want   string
	}{
		"helm create": {
			image: Image{Repository: "api", Tag: "1.0.0"}, user: `{image: {pullPolicy: Always, digest: old}}`,
			want: `{image: {repository: r.io/api, tag: 1.0.0, pullPolicy: Always}, imagePullSecrets: [{name: acr}]}`,
		},
		"helm create with a digest": {
			image: pinned,
			want:  `{image: {repository: r.io/shop/api, tag: "1.0.0@` + digest + `"}, imagePullSecrets: [{name: acr}]}`,
		},
		"loki PR #8260: the digest where the chart takes it": {
			image: pinned, digest: true,
			want: `{image: {repository: r.io/shop/api, tag: 1.0.0, digest: "` + digest + `"}, imagePullSecrets: [{name: acr}]}`,
		},
		"codecentric #555: a tag that becomes a label": {
			keys: ChartKeys{Digest: "none"}, image: pinned,
			want: `{image: {repository: r.io/shop/api, tag: 1.0.0}, imagePullSecrets: [{name: acr}]}`,
		},
		"podinfo: image.pullSecrets": {
			keys: ChartKeys{PullSecrets: "image.pullSecrets"}, image: Image{Repository: "api", Tag: "1.0.0"},
			want: `{image: {repository: r.io/api, tag: 1.0.0, pullSecrets: [{name: acr}]}}`,
		},
		"eShopOnContainers: the secret's name as text": {
			keys: ChartKeys{PullSecretName: "inf.registry.secretName"}, image: Image{Repository: "api", Tag: "1.0.0"},
			want: `{image: {repository: r.io/api, tag: 1.0.0}, inf: {registry: {secretName: acr}}}`,
		},
		"bitnami: global.imageRegistry and names": {
			keys:  ChartKeys{Registry: "global.imageRegistry", PullSecrets: "global.imagePullSecrets[]"},
			image: Image{Repository: "shop/api", Tag: "1.0.0"}, user: `{global: {imagePullSecrets: [other, acr], a: b}}`,
			want: `{global: {imageRegistry: r.io, imagePullSecrets: [acr, other], a: b}, image: {repository: shop/api, tag: 1.0.0}}`,
		},
		"aks-store-demo: an umbrella": {
			keys:  ChartKeys{Repository: "orderService.image.repository", Tag: "orderService.image.tag"},
			image: Image{Repository: "api", Tag: "1.0.0"}, user: `{orderService: {image: {digest: x}}, image: {digest: y}}`,
			want: `{orderService: {image: {repository: r.io/api, tag: 1.0.0}}, image: {digest: y}, imagePullSecrets: [{name: acr}]}`,
		},
		"one text for the image": {
			keys: ChartKeys{Image: "deployment.image, worker.image"}, image: pinned, user: `{image: {repository: mine}}`,
			want: `{deployment: {image: "r.io/shop/api:1.0.0@` + digest + `"}, worker: {image: "r.io/shop/api:1.0.0@` + digest +
				`"}, image: {repository: mine}, imagePullSecrets: [{name: acr}]}`,
		},
		"pega PR #495: the user's second pull secret": {
			image: Image{Repository: "api", Tag: "1.0.0"}, user: `{imagePullSecrets: [{name: ghcr}, {name: acr}]}`,
			want: `{image: {repository: r.io/api, tag: 1.0.0}, imagePullSecrets: [{name: acr}, {name: ghcr}]}`,
		},
		"pull secrets without a name, and with null": {
			image: Image{Repository: "api", Tag: "1.0.0"}, user: `{imagePullSecrets: [{name: ghcr, x: ~}, {name: }, ~]}`,
			want: `{image: {repository: r.io/api, tag: 1.0.0}, imagePullSecrets: [{name: acr}, {name: ghcr}]}`,
		},
		"one image for two workloads": {
			keys:  ChartKeys{Repository: "image.repository, worker.image.repository", Tag: "image.tag, worker.image.tag"},
			image: pinned, digest: true, user: `{worker: {image: {digest: old}}}`,
			want: `{image: {repository: r.io/shop/api, tag: 1.0.0, digest: "` + digest + `"}, worker: {image: {repository: r.io/shop/api, tag: 1.0.0, digest: "` + digest + `"}},
				imagePullSecrets: [{name: acr}]}`,
		},
		"a foreign image beside a registry key": {
			keys: ChartKeys{Registry: "image.registry"}, image: Image{Repository: "ghcr.io/shop/api", Tag: "1.0.0"},
			want: `{image: {registry: ghcr.io, repository: shop/api, tag: 1.0.0}, imagePullSecrets: [{name: acr}]}`,
		},
		"a digest without a tag": {
			keys: ChartKeys{Digest: "none"}, image: Image{Repository: "api", Digest: digest},
			want: `{image: {repository: r.io/api@sha256, tag: ` + digest[7:] + `}, imagePullSecrets: [{name: acr}]}`,
		},
		"no digest for a chart that takes one": {
			image: Image{Repository: "api", Tag: "1.0.0"}, digest: true, user: `{image: {digest: old}}`,
			want: `{image: {repository: r.io/api, tag: 1.0.0, digest: ""}, imagePullSecrets: [{name: acr}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			user, err := parseValues([]byte(test.user))
			require.NoError(t, err)
			before, err := json.Marshal(user)
			require.NoError(t, err)
			want, err := parseValues([]byte(test.want))
			require.NoError(t, err)
			keys := test.keys.WithDefaults(func(path string) bool { return test.digest && strings.HasSuffix(path, "image.digest") })
			require.Equal(t, want, keys.WithImage(user, "r.io", test.image, "acr"))
			after, err := json.Marshal(user)
			require.NoError(t, err)
			require.Equal(t, string(before), string(after), "the user's values are not changed")
		})
	}
}

// lossesOf returns the problems with the values of the service api in a stack file, which the stack uses if inForce is true.
func lossesOf(t *testing.T, values string, inForce bool) problems {
	t.Helper()
	text := "config:\n  acr-microservices:services: {api: {values: " + values + "}}\n"
	stack := projecttest.ParseStack(t, []byte(text))
	settings, _ := stack.Settings()
	cfg, found := decodeConfig(settings)
	require.Empty(t, found)
	var file *stackFile
	if inForce {
		file = parseStackFile([]byte(text), projecttest.Project)
		require.NotNil(t, file)
	}
	pulumi, helm := file.valuesOf("api")
	addLosses(&found, "values", cfg.Services["api"].Values, pulumi, helm)
	return found
}

// The program refuses, by name, each value that Helm would read differently from Pulumi, and nothing else.
func TestStackFileLosses(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{
		`{a: {b: no}}`:                         `values.a.b: "no" is what Pulumi reads, but Helm would read false; write that, or put what you mean in quotes`,
		`{a: [x, {b: Off}]}`:                   `values.a.1.b: "Off" is what Pulumi reads, but Helm would read false; write that, or put what you mean in quotes`,
		`{a: 2024-05-01}`:                      `values.a: "2024-05-01 00:00:00 +0000 UTC" is what YAML made of a date; put what you mean in quotes`,
		`{on: x}`:                              `values.on: is another key to Helm; put the key in quotes`,
		`{2024-05-01: x}`:                      `values.2024-05-01 00:00:00 +0000 UTC: is another key to Helm; put the key in quotes`,
		`{a: "no", b: 'off'}`:                  "",
		`{a: 017, b: 0x1f}`:                    "",
		`{tcp: {5432: x}}`:                     "",
		`{a: null, b: [], c: {}, d: ~}`:        "",
		`{a: "2024-05-01 00:00:00 +0000 UTC"}`: "",
		`{a: 1.10, b: 1e3, c: 10485760}`:       "",
		// https://github.com/pulumi/pulumi/issues/6787, 11518, 8776, https://github.com/pulumi/pulumi-yaml/issues/453
		`{a: 12321123131, b: 1.2321123131e+10, c: "012345678912", d: "028111111111"}`: "",
		// https://github.com/helm/helm/issues/10657
		`{a: y}`: `values.a: "y" is what Pulumi reads, but Helm would read true; write that, or put what you mean in quotes`,
		// https://github.com/helm/helm/pull/32505
		`{grid: {y: 2}}`:    `values.grid.y: is another key to Helm; put the key in quotes`,
		`{a: {secure: no}}`: "",
		// Text and number that look the same, and text that Pulumi does not write back as it was.
		`{a: ! 12}`:  `values.a: 12 is what Pulumi reads, but Helm would read "12"; write that, or put what you mean in quotes`,
		`{a: "\nx"}`: `values.a: "x" is what Pulumi reads, but Helm would read "\nx"; write that, or put what you mean in quotes`,
	} {
		found := lossesOf(t, values, true)
		if want == "" {
			require.Empty(t, found, values)
			continue
		}
		require.Len(t, found, 1, values)
		require.Equal(t, want, found[0].line(false))
	}
	require.Empty(t, lossesOf(t, `{a: no}`, false), "without the file, Pulumi's text does not show the difference")
	require.Len(t, lossesOf(t, `{a: 2024-05-01, b: [2024-05-01T10:00:00+02:00]}`, false), 2)
}

// What YAML has changed is refused, wherever text or a name belongs.
func TestStackFileChanges(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]string{
		`tags: {00123: x}`:                              `tags.83: is "83", which YAML has made of 00123; write that, or put what you mean in quotes`,
		`tags: {1.10: x}`:                               `tags.1.1: is "1.1", which YAML has made of 1.10; write that, or put what you mean in quotes`,
		`tags: {2024-05-01: x}`:                         `tags.2024-05-01 00:00:00 +0000 UTC: is "2024-05-01 00:00:00 +0000 UTC", which YAML has made of 2024-05-01; write that, or put what you mean in quotes`,
		`namespace: {labels: {0123: a}}`:                `namespace.labels.83: is "83", which YAML has made of 0123; write that, or put what you mean in quotes`,
		`services: {1e3: {}}`:                           `services.1000: is "1000", which YAML has made of 1e3; write that, or put what you mean in quotes`,
		`environment: 00123`:                            `environment: is "83", which YAML has made of 00123; write that, or put what you mean in quotes`,
		`pullSecretName: 1.10`:                          `pullSecretName: is "1.1", which YAML has made of 1.10; write that, or put what you mean in quotes`,
		`namespace: {quota: {pods: 020}}`:               `namespace.quota.pods: is "16", which YAML has made of 020; write that, or put what you mean in quotes`,
		`release: {timeoutSeconds: 0300}`:               `release.timeoutSeconds: is "192", which YAML has made of 0300; write that, or put what you mean in quotes`,
		`registry: {webhooks: &w {0x10: {}}}`:           `registry.webhooks.16: is "16", which YAML has made of 0x10; write that, or put what you mean in quotes`,
		`environment:`:                                  "",
		`environment: 2024`:                             "",
		`tags: {"00123": x, 123: y}`:                    "",
		`services: {api: {values: {0123: {0x1: 017}}}}`: "",
		`services: {api: {image: {tag: "0123"}}}`:       "",
		`release: {timeoutSeconds: 300, atomic: false}`: "",
		`namespace: {quota: {cpu: 0.5, pods: 0}}`:       "",
		// A list of merged objects adds nothing to the path.
		`services: {api: {<<: [{release: {timeoutSeconds: 0300}}, {image: {}}]}}`: `services.api.release.timeoutSeconds: is "192", which YAML has made of 0300; write that, or put what you mean in quotes`,
		`services: {a: &a {values: {x: 017}}, api: {<<: [*a]}}`:                   "",
	} {
		file := parseStackFile([]byte("config:\n  other:tags: {00123: x}\n  acr-microservices:"+settings+"\n"), projecttest.Project)
		require.NotNil(t, file, settings)
		found := file.changed()
		if want == "" {
			require.Empty(t, found, settings)
			continue
		}
		require.Len(t, found, 1, settings)
		require.Equal(t, want, found[0].line(false))
	}
}

// A date is found in the time zone of whoever runs the stack, too, whose name is a number in many.
func TestDates(t *testing.T) {
	t.Parallel()
	for name, offset := range map[string]int{"": 2, "UTC": 0, "CEST": 2, "-03": -3, "+04": 4, "+0530": 5, "+1245": 12} {
		date := time.Date(2024, 5, 1, 10, 0, 0, 0, time.FixedZone(name, offset*60*60)).String()
		require.True(t, isYAMLDate(date), date)
	}
	for _, text := range []string{"", "2024-05-01", "2024-05-01 10:00:00", "2024-05-01 10:00:00 +0200", "2024-05-01 10:00:00 -0300 -3"} {
		require.False(t, isYAMLDate(text), text)
	}
}

func TestReadStackFile(t *testing.T) {
	t.Parallel()
	text := "config: {'acr-microservices:services': {api: {values: {a: no}}}}\n"
	for place, files := range map[string]map[string]string{
		"beside":   {"Pulumi.yaml": "name: x\n", "Pulumi.dev.yaml": text},
		"a folder": {"Pulumi.yaml": "name: x\nstackConfigDir: stacks\n", "stacks/Pulumi.dev.yaml": text},
		"bare":     {"Pulumi.dev.yaml": "config: {services: {api: {values: {a: no}}}}\n"},
	} {
		pulumi, helm := readStackFile(Around{Root: writeFiles(t, t.TempDir(), files), Stack: "acme/shop/dev", Project: projecttest.Project}).valuesOf("api")
		require.Equal(t, map[string]any{"a": "no"}, pulumi, place)
		require.Equal(t, map[string]any{"a": false}, helm, place)
	}
	require.Nil(t, readStackFile(Around{Root: t.TempDir(), Stack: "dev"}))
	require.Nil(t, parseStackFile([]byte("a:\n\tb"), "shop"))
	_, helm := parseStackFile([]byte("config:\n  other:services: {api: {values: 1}}\n  services: {y: {values: 2}}\n"), "shop").valuesOf("y")
	require.EqualValues(t, 2, helm)
	require.ErrorContains(t, parseStackFile([]byte("config:\n  a: {~: b}\n"), "shop").fault, "line 2: unsupported map key of type")
	require.ErrorIs(t, fileReason(os.ErrNotExist), os.ErrNotExist)
}

// What a chart's schema refuses is the value of a key, or one that the stack does not set.
func TestRefusedBy(t *testing.T) {
	t.Parallel()
	const head = "values don't meet the specifications of the schema(s) in the following chart(s):\n"
	none := func(string) bool { return false }
	create := ChartKeys{}.WithDefaults(none)
	orders := ChartKeys{Repository: "orders.image.repository", Tag: "orders.image.tag", PullSecrets: "orders.pulls[]"}.WithDefaults(none)
	for message, test := range map[string]struct {
		keys ChartKeys
		want string
	}{
		"opentelemetry-operator:\n- at '': additional properties 'a', 'image' not allowed\n":   {create, "repository"},
		"opentelemetry-ebpf:\n- at '/image': additional properties 'repository' not allowed\n": {create, "repository"},
		"opentelemetry-ebpf:\n- at '/imagePullSecrets/0': got object, want string\n":           {create, "pullSecrets"},
		"traefik:\n- at '/image/digest': '' does not match pattern '^sha256:'\n":               {ChartKeys{Digest: "image.digest"}.WithDefaults(none), "digest"},
		"shop:\n- at '/orders': additional properties 'pulls' not allowed\n":                   {orders, "pullSecrets"},
		"orders:\n- at '/image/tag': '1' does not match pattern '2'\n":                         {orders, "tag"},
		"other:\n- at '/image/tag': '1' does not match pattern '2'\n":                          {orders, ""},
		"api:\n- at '': additional properties 'tag' not allowed\n":                             {create, ""},
		"api:\n- at '/image': additional properties 'name' not allowed\n":                      {create, ""},
		"api:\n- at '/image/pullPolicy': value must be one of 'Always', 'Never'\n":             {create, ""},
	} {
		require.Equal(t, test.want, test.keys.RefusedBy(head+message, "acr-secret"), message)
	}
	require.Empty(t, create.RefusedBy(head+"api:\n- at '': additional properties 'imagePullSecrets' not allowed\n", ""), "without a pull secret, they are the user's")
}
