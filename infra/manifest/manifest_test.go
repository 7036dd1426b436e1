package manifest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/charttest"
)

const (
	host   = "acrshop.azurecr.io"
	secret = "acr-secret"
	digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

// faultsOf renders a chart of testdata for a stack, and checks the result.
func faultsOf(t *testing.T, chart config.Chart, values string, image config.Image) []string {
	t.Helper()
	user := map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(values), &user))
	cfg, err := config.Parse(map[string]string{"services": `{"api": {}}`}, nil, config.Around{
		Stack: "dev", Root: "testdata", Settings: map[string]string{"azure-native:location": "westeurope"},
	})
	require.NoError(t, err)
	cfg.Services["api"] = config.Service{Chart: chart}
	resolved, err := cfg.ChartOf("api")
	require.NoError(t, err)
	objects, err := charttest.Render(charttest.Options{
		Path: "testdata", Chart: filepath.Base(chart.Path), ReleaseName: "api", Namespace: "api-dev",
		Values: resolved.Keys.WithImage(user, host, image, secret),
	})
	require.NoError(t, err)
	want := Wanted{Image: image.Reference(host), Namespace: "api-dev"}
	if !image.Foreign() {
		want.PullSecret, want.Tagged = secret, image.Digest != "" && resolved.Keys.Digest == config.DigestInTag
	}
	return Check(objects, want)
}

// The charts are small imitations of public ones, and pass the check unchanged.
func TestChartsAsTheyAre(t *testing.T) {
	t.Parallel()
	tagged := config.Image{Repository: "shop/api", Tag: "1.0.0"}
	pinned := config.Image{Repository: "shop/api", Tag: "1.0.0", Digest: digest}
	for name, test := range map[string]struct {
		keys     config.ChartKeys
		values   string
		noDigest bool // the chart uses the tag as a label
	}{
		"create-2018": {keys: config.ChartKeys{PullSecrets: "imagePullSecrets"}},
		"create-2020": {},
		"create-2022": {},
		"create-2024": {},
		"podinfo":     {keys: config.ChartKeys{PullSecrets: "image.pullSecrets"}},
		"umbrella":    {keys: config.ChartKeys{Repository: "api.image.repository", Tag: "api.image.tag", PullSecrets: "api.imagePullSecrets"}}, //nolint:gosec // G101: where a chart has its pull secrets
		"hooks":       {},
		"stateful":    {},
		"cron":        {keys: config.ChartKeys{Image: "job.image"}},
		"global":      {keys: config.ChartKeys{Registry: "global.imageRegistry", PullSecrets: "global.imagePullSecrets[]"}},
		"account":     {keys: config.ChartKeys{PullSecretName: "registry.secretName"}},
		"label":       {noDigest: true},
		"list":        {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chart := config.Chart{Path: name, Keys: test.keys}
			require.Empty(t, faultsOf(t, chart, test.values, tagged))
			if faults := faultsOf(t, chart, test.values, pinned); test.noDigest {
				require.Len(t, faults, 1)
				require.Contains(t, faults[0], "keys.digest: Deployment \"api\" has the digest in its label app.kubernetes.io/version")
				chart.Keys.Digest = config.NoDigest
				require.Empty(t, faultsOf(t, chart, test.values, tagged))
			} else {
				require.Empty(t, faults)
			}
			require.Empty(t, faultsOf(t, chart, test.values, config.Image{Repository: "ghcr.io/shop/api", Tag: "1.0.0"}))
		})
	}
	entries, err := os.ReadDir("testdata")
	require.NoError(t, err)
	require.Len(t, entries, 13, "each chart is tested")
}

// Each error names the key that corrects it.
func TestFaults(t *testing.T) {
	t.Parallel()
	tagged := config.Image{Repository: "shop/api", Tag: "1.0.0"}
	for name, test := range map[string]struct {
		chart  config.Chart
		values string
		want   []string
	}{
		"podinfo without keys": {
			chart: config.Chart{Path: "podinfo"},
			want:  []string{`keys.pullSecrets: Deployment "api" pulls from the stack's registry without the pull secret "acr-secret": name the value from which this chart takes its pull secrets`},
		},
		"an umbrella without keys": {
			chart: config.Chart{Path: "umbrella"},
			want:  []string{`keys.repository: no container runs acrshop.azurecr.io/shop/api:1.0.0, but docker.io/shop/api:0.9.0, docker.io/wolfgangofner/orderapi:1.0.0: name the values from which this chart takes its image`},
		},
		"another tag": {
			chart: config.Chart{Path: "create-2024", Keys: config.ChartKeys{Tag: "image.version"}}, values: "image: {tag: 0.9.0}",
			want: []string{`keys.tag: Deployment "api" runs acrshop.azurecr.io/shop/api:0.9.0 instead of acrshop.azurecr.io/shop/api:1.0.0: name the value from which this chart takes it`},
		},
		"no pods": {
			chart: config.Chart{Path: "list"}, values: "enabled: false",
			want: []string{"check: the chart creates no pods; set it to false if something else creates them"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, faultsOf(t, test.chart, test.values, tagged))
		})
	}
}

// A tag with a digest is not a valid label, in any object: https://github.com/argoproj/argo-helm/issues/417,
// https://github.com/VictoriaMetrics/helm-charts/issues/1801, https://github.com/paritytech/helm-charts/pull/352
func TestDigestInLabels(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"ServiceAccount", "CustomResourceDefinition", "Service"} {
		faults := Check([]map[string]any{{"kind": kind, "metadata": map[string]any{
			"name": "x", "labels": map[string]any{"app": "x", "version": "1.0.0@" + digest},
		}}}, Wanted{Image: host + "/api:1.0.0@" + digest, Tagged: true})
		require.Contains(t, faults, "keys.digest: "+kind+` "x" has the digest in its label version, where Kubernetes does not allow it: `+
			"name the value that takes the digest, or none to run the tag without it")
	}
}

// A digest is neither a label's value nor a name, wherever the chart puts it.
func TestDigestElsewhere(t *testing.T) {
	t.Parallel()
	for text, where := range map[string]string{
		"kind: Job\nmetadata: {name: 'migrate-TAG'}\n":                                                                         "name",
		"kind: Job\nmetadata: {name: x, labels: {v: 'TAG'}}\n":                                                                 "label v",
		"kind: Job\nmetadata: {name: x, labels: {v: '1.0.0@sha2'}}\n":                                                          "label v",
		"kind: Job\nmetadata: {name: x, labels: {v: '1.0.0_DIGEST'}}\n":                                                        "label v",
		"kind: Deployment\nmetadata: {name: x}\nspec: {selector: {matchLabels: {v: 'TAG'}}}\n":                                 "label v",
		"kind: Service\nmetadata: {name: x}\nspec: {selector: {v: 'TAG'}}\n":                                                   "label v",
		"kind: CronJob\nmetadata: {name: x}\nspec: {jobTemplate: {metadata: {labels: {v: 'TAG'}}}}\n":                          "label v",
		"kind: StatefulSet\nmetadata: {name: x}\nspec: {volumeClaimTemplates: [{metadata: {labels: {v: 'TAG'}}}]}\n":           "label v",
		"kind: ConfigMap\nmetadata: {name: x, annotations: {v: 'TAG'}, labels: {v: 1.0.0}}\ndata: {labels: 'TAG', v: 'TAG'}\n": "",
	} {
		var object map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(strings.NewReplacer("TAG", "1.0.0@"+digest, "DIGEST", digest).Replace(text)), &object))
		faults := strings.Join(Check([]map[string]any{object}, Wanted{Image: host + "/api:1.0.0@" + digest}), "\n")
		if where == "" {
			require.NotContains(t, faults, "keys.digest", text)
			continue
		}
		require.Contains(t, faults, "has the digest in its "+where+", where Kubernetes does not allow it", text)
	}
}

// Images from other registries are not the stack's concern.
func TestCheck(t *testing.T) {
	t.Parallel()
	pod := func(kind, fields string) string {
		return "apiVersion: v1\nkind: " + kind + "\nmetadata: {name: x}\nspec: {template: {spec: " + fields + "}}\n"
	}
	const own = `{image: "acrshop.azurecr.io/api:1.0.0"}`
	for name, test := range map[string]struct {
		objects []string
		digest  string
		noHooks bool
		want    []string
	}{
		"a sidecar from elsewhere": {objects: []string{pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [`+own+`, {image: "envoyproxy/envoy:v1"}]}`)}},
		"a database beside it":     {objects: []string{pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [`+own+`]}`), pod("StatefulSet", `{containers: [{image: "postgres:16"}]}`)}},
		"a sidecar from the stack's registry": {objects: []string{
			pod("Deployment", `{imagePullSecrets: [{name: ghcr}, {name: acr-secret}], containers: [`+own+`, {image: "acrshop.azurecr.io/proxy:7"}]}`),
		}},
		"an operator's object": {objects: []string{pod("Rollout", `{imagePullSecrets: [{name: acr-secret}], containers: [`+own+`]}`)}},
		"hmcts/chart-function: a job of KEDA": {objects: []string{
			"kind: ScaledJob\nmetadata: {name: x}\nspec: {jobTargetRef: {template: {spec: {imagePullSecrets: [{name: acr-secret}], containers: [" + own + "]}}}}\n",
		}},
		"and without the secret": {
			objects: []string{
				pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [`+own+`]}`),
				"kind: ScaledJob\nmetadata: {name: job}\nspec: {jobTargetRef: {template: {spec: {containers: [" + own + "]}}}}\n",
			},
			want: []string{`keys.pullSecrets: ScaledJob "job" pulls from the stack's registry without the pull secret "acr-secret": name the value from which this chart takes its pull secrets`},
		},
		"an init container without the secret": {
			objects: []string{
				pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [`+own+`]}`),
				pod("Job", `{initContainers: [{image: "acrshop.azurecr.io/migrate:1"}], containers: [{image: busybox}]}`),
			},
			want: []string{`keys.pullSecrets: Job "x" pulls from the stack's registry without the pull secret "acr-secret": name the value from which this chart takes its pull secrets`},
		},
		"distr#1868, nextcloud/helm#777: a cron job without the secret": {
			objects: []string{
				pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [`+own+`]}`),
				"kind: CronJob\nmetadata: {name: nightly}\nspec: {jobTemplate: {spec: {template: {spec: {containers: [" + own + "]}}}}}\n",
			},
			want: []string{`keys.pullSecrets: CronJob "nightly" pulls from the stack's registry without the pull secret "acr-secret": name the value from which this chart takes its pull secrets`},
		},
		"rancher#54477, k8up#1222: a hook with an account of its own": {
			objects: []string{
				pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [`+own+`]}`),
				"kind: ServiceAccount\nmetadata: {name: hook}\nimagePullSecrets: [{name: acr-secret}]\n",
				pod("Job", `{serviceAccountName: hook, containers: [`+own+`]}`),
			},
		},
		"rancher#54477: and that account without the secret": {
			objects: []string{
				pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [`+own+`]}`),
				"kind: ServiceAccount\nmetadata: {name: hook}\nimagePullSecrets: []\n",
				pod("Job", `{serviceAccountName: hook, containers: [`+own+`]}`),
			},
			want: []string{`keys.pullSecrets: Job "x" pulls from the stack's registry without the pull secret "acr-secret": name the value from which this chart takes its pull secrets`},
		},
		"openebs#203: a registry with its own slash": {
			objects: []string{pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [{image: "acrshop.azurecr.ioapi:1.0.0"}]}`)},
			want:    []string{`keys.repository: no container runs acrshop.azurecr.io/api:1.0.0, but acrshop.azurecr.ioapi:1.0.0: name the values from which this chart takes its image`},
		},
		"oauth2-proxy, ory, Bitnami: a registry of the chart's own in front": {
			objects: []string{pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [{image: "docker.io/acrshop.azurecr.io/api:1.0.0"}]}`)},
			want: []string{`keys.registry: no container runs acrshop.azurecr.io/api:1.0.0, but docker.io/acrshop.azurecr.io/api:1.0.0: ` +
				`the chart puts a registry in front of the repository; name the value from which it takes that`},
		},
		"a digest that the chart leaves out": {
			objects: []string{pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [`+own+`]}`)}, digest: digest,
			want: []string{`keys.digest: Deployment "x" runs acrshop.azurecr.io/api:1.0.0 instead of acrshop.azurecr.io/api:1.0.0@` + digest + `: name the value from which this chart takes it`},
		},
		"a digest without the tag": {objects: []string{pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [{image: "acrshop.azurecr.io/api@`+digest+`"}]}`)}, digest: digest},
		"an invalid image": {
			objects: []string{pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [{image: "acrshop.azurecr.io/api:"}]}`)},
			want: []string{
				"keys.repository: no container runs acrshop.azurecr.io/api:1.0.0, but acrshop.azurecr.io/api:: name the values from which this chart takes its image",
				`keys.repository: Deployment "x" runs "acrshop.azurecr.io/api:", which is not an image: invalid reference format`,
			},
		},
		"an account of the pod's, which Kubernetes does not ask because the pod names a secret": {
			objects: []string{
				"kind: ServiceAccount\nmetadata: {name: own}\nimagePullSecrets: [{name: acr-secret}]\n",
				pod("Deployment", `{serviceAccountName: own, imagePullSecrets: [{name: ghcr}], containers: [`+own+`]}`),
			},
			want: []string{`keys.pullSecrets: Deployment "x" pulls from the stack's registry without the pull secret "acr-secret": name the value from which this chart takes its pull secrets`},
		},
		"an account by its older key": {objects: []string{
			"kind: ServiceAccount\nmetadata: {name: own}\nimagePullSecrets: [{name: acr-secret}]\n",
			pod("Deployment", `{serviceAccount: own, containers: [`+own+`]}`),
		}},
		"a digest that the chart adds": {
			objects: []string{pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [{image: "acrshop.azurecr.io/api:1.0.0@`+digest+`"}]}`)},
			want:    []string{`keys.digest: Deployment "x" runs acrshop.azurecr.io/api:1.0.0@` + digest + ` instead of acrshop.azurecr.io/api:1.0.0: name the value from which this chart takes it`},
		},
		"grafana: a digest for a chart that writes sha256 itself": {
			objects: []string{pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [`+own+`, {image: "acrshop.azurecr.io/api:1.0.0@sha256:`+digest+`"}]}`)},
			want:    []string{`keys.digest: Deployment "x" runs "acrshop.azurecr.io/api:1.0.0@sha256:` + digest + `", which is not an image: invalid reference format`},
		},
		"a hook that Helm does not run": {
			objects: []string{
				pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [`+own+`]}`),
				"kind: Job\nmetadata: {name: migrate, annotations: {helm.sh/hook: pre-install}}\nspec: {template: {spec: {containers: [" + own + "]}}}\n",
			},
			noHooks: true,
		},
		"a tag that is too long for a label": {
			objects: []string{
				pod("Deployment", `{imagePullSecrets: [{name: acr-secret}], containers: [`+own+`]}`),
				"kind: Service\nmetadata: {name: x}\nspec: {selector: {version: 1.0.0-" + strings.Repeat("x", 60) + "}}\n",
			},
			want: []string{`keys.tag: Service "x" has the tag in its label version, where Kubernetes allows at most 63 letters, digits, dots, dashes and underscores, ` +
				`a letter or digit first and last, but not "1.0.0-` + strings.Repeat("x", 60) + `": choose another tag`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var objects []map[string]any
			for _, text := range test.objects {
				var object map[string]any
				require.NoError(t, yaml.Unmarshal([]byte(text), &object))
				objects = append(objects, object)
			}
			image := host + "/api:1.0.0"
			if test.digest != "" {
				image += "@" + test.digest
			}
			require.Equal(t, test.want, Check(objects, Wanted{Image: image, PullSecret: secret, NoHooks: test.noHooks}))
		})
	}
	require.Len(t, Check(nil, Wanted{Image: "::"}), 1)
}

// pods is a Deployment in a namespace, with a pod's spec.
func pods(namespace string, spec map[string]any) []map[string]any {
	return []map[string]any{{
		"kind": "Deployment", "metadata": map[string]any{"name": "x", "namespace": namespace},
		"spec": map[string]any{"template": map[string]any{"spec": spec}},
	}}
}

func container(resources map[string]any) []any {
	return []any{map[string]any{"name": "main", "image": host + "/api:1.0.0", "resources": resources}}
}

// What a chart does not quote is a number to Kubernetes, which then refuses the object, and Helm's message does not name it.
func TestTexts(t *testing.T) {
	t.Parallel()
	containers := container(nil)
	main, _ := containers[0].(map[string]any)
	main["env"] = []any{map[string]any{"name": "PORT", "value": 5432.0}, map[string]any{"name": "HOST", "value": "x"}, map[string]any{"name": "FROM", "valueFrom": map[string]any{}}}
	main["args"] = []any{"--port", 80.0}
	objects := append(pods("", map[string]any{"containers": containers}),
		map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "c"}, "data": map[string]any{"debug": true, "level": "1"}},
		map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s"}, "stringData": map[string]any{"pin": 1048576.0}},
		// An operator's own kind can take numbers.
		map[string]any{"apiVersion": "vault.example.com/v1", "kind": "Secret", "metadata": map[string]any{"name": "v"}, "data": map[string]any{"pin": 1048576.0}})
	objects[0]["metadata"] = map[string]any{"name": "x", "labels": map[string]any{"app": "x", "version": 1.1}, "annotations": map[string]any{"debug": true}}
	remedy := ", where Kubernetes takes only text: quote it in the chart, or choose a value, such as a tag, that YAML does not read as a number, true or false"
	require.Equal(t, []string{
		`check: Deployment "x" has a number in its label version` + remedy,
		`check: Deployment "x" has true or false in its annotation debug` + remedy,
		`check: Deployment "x" has a number in its environment variable PORT` + remedy,
		`check: Deployment "x" has a number in its args 1` + remedy,
		`check: ConfigMap "c" has true or false in its data debug` + remedy,
		`check: Secret "s" has a number in its stringData pin` + remedy,
	}, Check(objects, Wanted{Image: host + "/api:1.0.0"}))
}

func TestPullSecretOfPods(t *testing.T) {
	t.Parallel()
	account := map[string]any{"kind": "ServiceAccount", "metadata": map[string]any{"name": "sa", "namespace": "other"}, "imagePullSecrets": []any{map[string]any{"name": secret}}}
	without := `Deployment "x" pulls from the stack's registry without the pull secret "acr-secret": `
	for name, test := range map[string]struct {
		namespace string
		secrets   []any
		want      string
	}{
		"named":                     {"", []any{map[string]any{"name": secret}}, ""},
		"in the release's":          {"api-dev", []any{map[string]any{"name": secret}}, ""},
		"in Helm's":                 {"default", []any{map[string]any{"name": secret}}, ""},
		"none":                      {"", nil, "keys.pullSecrets: " + without + "name the value from which this chart takes its pull secrets"},
		"an object in a name":       {"", []any{map[string]any{"name": "map[name:acr-secret]"}}, "keys.pullSecrets: " + without + "the chart takes them in the other form: add [] to the value's path, or remove it"},
		"a name in an object's use": {"", []any{secret}, "keys.pullSecrets: " + without + "the chart takes them in the other form: add [] to the value's path, or remove it"},
		"elsewhere": {
			"other",
			[]any{map[string]any{"name": secret}},
			`check: Deployment "x" is in the namespace "other", but the pull secret "acr-secret" exists in "api-dev" only: let the chart install into the release's namespace`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects := pods(test.namespace, map[string]any{"containers": container(nil), "imagePullSecrets": test.secrets, "serviceAccountName": "sa"})
			faults := Check(append(objects, account), Wanted{Image: host + "/api:1.0.0", PullSecret: secret, Namespace: "api-dev"})
			require.Equal(t, test.want, strings.Join(faults, "\n"))
		})
	}
}

// Kubernetes refuses a pod that says nothing about what its namespace's quota counts.
func TestQuota(t *testing.T) {
	t.Parallel()
	cpu := map[string]string{"cpu": "1"}
	limit := map[string]any{"limits": map[string]any{"cpu": "1"}}
	request := map[string]any{"requests": map[string]any{"cpu": "1"}}
	for name, test := range map[string]struct {
		counted   string
		limits    config.Limits
		resources map[string]any
		want      string
	}{
		"limit":                     {"limits.cpu", config.Limits{}, limit, ""},
		"no limit":                  {"limits.cpu", config.Limits{}, request, "without a limit of cpu, which namespace.quota.limits.cpu requires: set it in the chart's values, or namespace.limits.default.cpu"},
		"default limit":             {"limits.cpu", config.Limits{Default: cpu}, nil, ""},
		"request":                   {"requests.cpu", config.Limits{}, request, ""},
		"request out of the limit":  {"cpu", config.Limits{}, limit, ""},
		"default request":           {"cpu", config.Limits{DefaultRequest: cpu}, nil, ""},
		"request out of a default":  {"requests.cpu", config.Limits{Default: cpu}, nil, ""},
		"no request":                {"requests.cpu", config.Limits{}, nil, "without a request of cpu, which namespace.quota.requests.cpu requires: set it in the chart's values, or namespace.limits.defaultRequest.cpu"},
		"default request, no limit": {"limits.cpu", config.Limits{DefaultRequest: cpu}, nil, "without a limit of cpu, which namespace.quota.limits.cpu requires: set it in the chart's values, or namespace.limits.default.cpu"},
		"not for each container":    {"requests.ephemeral-storage", config.Limits{}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := Wanted{Image: host + "/api:1.0.0", Rules: config.Namespace{Quota: map[string]string{test.counted: "4"}, Limits: test.limits}}
			var wanted []string
			if test.want != "" {
				wanted = []string{`check: Deployment "x" has a container "main" ` + test.want}
			}
			require.Equal(t, wanted, Check(pods("", map[string]any{"containers": container(test.resources)}), want))
			require.Empty(t, Check(pods("", map[string]any{"containers": container(nil), "resources": map[string]any{}}), want), "a pod's own resources")
		})
	}
}
