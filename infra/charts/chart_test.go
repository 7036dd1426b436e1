// Package charts_test tests the charts in this folder with Helm's own engine, without a cluster.
package charts_test

import (
	"encoding/json"
	"log"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"example.com/acr-microservices/infra/internal/projecttest"
)

const (
	chartDir  = "microservice"
	release   = "customerapi"
	namespace = "customerapi-test"

	digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
)

// values are the inputs of a render, as decoded from YAML.
type values = map[string]any

// cases lists the names of testdata's values files, without their extension.
func cases(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.values.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for i, file := range files {
		files[i] = strings.TrimSuffix(filepath.Base(file), ".values.yaml")
	}
	return files
}

func readValues(t *testing.T, name string) values {
	t.Helper()
	v, err := chartutil.ReadValuesFile(filepath.Join("testdata", name+".values.yaml"))
	require.NoError(t, err)
	return v
}

// withImage returns the YAML document with a valid image added, for tests that are about something else.
func withImage(t *testing.T, doc string) values {
	t.Helper()
	v, err := chartutil.ReadValues([]byte(doc))
	require.NoError(t, err)
	return chartutil.CoalesceTables(v, values{
		"image": values{"repository": "example.azurecr.io/customerapi", "tag": "1.0.0"},
	})
}

// render returns what `helm install` would send, by the template's file name. Templates that give nothing are left out.
func render(v values) (map[string]string, error) {
	chart, err := loader.Load(chartDir)
	if err != nil {
		return nil, err
	}
	options := chartutil.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}
	input, err := chartutil.ToRenderValues(chart, v, options, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, input)
	if err != nil {
		return nil, err
	}
	rendered := map[string]string{}
	for name, content := range files {
		if content = strings.TrimSpace(content); content != "" {
			rendered[path.Base(name)] = content + "\n"
		}
	}
	return rendered, nil
}

func mustRender(t *testing.T, v values) map[string]string {
	t.Helper()
	files, err := render(v)
	require.NoError(t, err)
	return files
}

// join puts rendered files into one YAML document stream; what is not YAML becomes a comment.
func join(files map[string]string) string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content := files[name]
		if path.Ext(name) != ".yaml" {
			content = strings.TrimSuffix("# "+strings.ReplaceAll(content, "\n", "\n# "), "# ")
		}
		out.WriteString("---\n# " + name + "\n" + content)
	}
	return out.String()
}

// objects decodes rendered files as the API server does, but refuses a field that Kubernetes does not know.
func objects(t *testing.T, files map[string]string) map[string]runtime.Object {
	t.Helper()
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	decoded := map[string]runtime.Object{}
	for name, content := range files {
		if path.Ext(name) != ".yaml" {
			continue
		}
		object, _, err := decoder.Decode([]byte(content), nil, nil)
		require.NoError(t, err, "%s:\n%s", name, content)
		decoded[name] = object
	}
	return decoded
}

func deployment(t *testing.T, files map[string]string) *appsv1.Deployment {
	t.Helper()
	object, ok := objects(t, files)["deployment.yaml"].(*appsv1.Deployment)
	require.True(t, ok)
	return object
}

func TestLint(t *testing.T) {
	log.SetOutput(t.Output()) // where Helm's linter logs each `fail` of a template
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	inputs := map[string]values{"no values": {}}
	for _, name := range cases(t) {
		inputs[name] = readValues(t, name)
	}
	for name, input := range inputs {
		t.Run(name, func(t *testing.T) {
			for _, message := range lint.All(chartDir, input, namespace, true).Messages {
				// The one piece of information is that the chart has no icon; --strict lets that pass as well.
				assert.Less(t, message.Severity, support.WarningSev, message.Error())
			}
		})
	}
}

func TestGolden(t *testing.T) {
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			files := mustRender(t, readValues(t, name))
			objects(t, files)
			got := join(files)
			assert.Equal(t, got, join(mustRender(t, readValues(t, name))), "a second render differs")

			projecttest.Golden(t, name+".golden.yaml", got)
		})
	}
}

func TestImage(t *testing.T) {
	for name, want := range map[string]string{
		"default":              "example.azurecr.io/customerapi:1.0.0",
		"digest":               "example.azurecr.io/customerapi:1.0.0@" + digest,
		"digest-alone":         "example.azurecr.io/customerapi@" + digest,
		"digest-in-tag":        "example.azurecr.io/customerapi:1.0.0@" + digest,
		"digest-in-repository": "example.azurecr.io/customerapi@" + digest,
		"public":               "docker.io/wolfgangofner/customerapi:1.0.0",
		"bare":                 "customerapi:1.0.0",
	} {
		pod := deployment(t, mustRender(t, readValues(t, name))).Spec.Template.Spec
		assert.Equal(t, want, pod.Containers[0].Image, name)
	}
}

// A pod restarts when something that it reads at its start changes, and only then.
func TestRollsWithItsConfiguration(t *testing.T) {
	pod := func(doc string) any {
		return deployment(t, mustRender(t, withImage(t, doc))).Spec.Template
	}
	before := pod("{env: {A: a}, secrets: {B: b, C: c}}")
	assert.Equal(t, before, pod("{env: {A: a}, secrets: {C: c, B: b}, service: {port: 81}, replicaCount: 4}"))
	assert.NotEqual(t, before, pod("{env: {A: x}, secrets: {B: b, C: c}}"))
	assert.NotEqual(t, before, pod("{env: {A: a}, secrets: {B: x, C: c}}"))
	assert.NotEqual(t, before, pod("{env: {A: a}, secrets: {B: b}}"))
}

// Kubelet has a pod's volumes before it pulls the image, but not always its pull secrets.
func TestWaitsForPullSecrets(t *testing.T) {
	pod := deployment(t, mustRender(t, withImage(t, "{imagePullSecrets: [{name: one}, {name: two}]}"))).Spec.Template.Spec
	require.Len(t, pod.ImagePullSecrets, 2)
	volumes := slices.DeleteFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Projected == nil })
	require.Len(t, volumes, 1)
	mounted := func(m corev1.VolumeMount) bool { return m.Name == volumes[0].Name }
	assert.True(t, slices.ContainsFunc(pod.Containers[0].VolumeMounts, mounted), "kubelet leaves out a volume that nothing mounts")
	require.Len(t, volumes[0].Projected.Sources, 2)
	paths := map[string]bool{}
	for i, source := range volumes[0].Projected.Sources {
		require.NotNil(t, source.Secret)
		assert.Equal(t, pod.ImagePullSecrets[i].Name, source.Secret.Name)
		assert.True(t, *source.Secret.Optional, "a public image can be pulled even without the secret")
		require.Len(t, source.Secret.Items, 1)
		assert.NotEqual(t, corev1.DockerConfigJsonKey, source.Secret.Items[0].Key, "the container need not see the password")
		paths[source.Secret.Items[0].Path] = true
	}
	assert.Len(t, paths, 2, "Kubernetes refuses two files at one path")
}

// The autoscaler sets the number of pods; otherwise every upgrade would reset it.
func TestReplicasWithAutoscaler(t *testing.T) {
	fixed := deployment(t, mustRender(t, withImage(t, "{replicaCount: 2}")))
	require.NotNil(t, fixed.Spec.Replicas)
	assert.EqualValues(t, 2, *fixed.Spec.Replicas)

	scaled := deployment(t, mustRender(t, withImage(t, "{replicaCount: 2, autoscaling: {enabled: true}}")))
	assert.Nil(t, scaled.Spec.Replicas)
}

func TestRestrictedPodSecurity(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	require.NoError(t, err)
	level := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	evaluate := func(t *testing.T, v values) policy.AggregateCheckResult {
		t.Helper()
		pod := deployment(t, mustRender(t, v)).Spec.Template
		return policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
	}
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			result := evaluate(t, readValues(t, name))
			assert.True(t, result.Allowed, result.ForbiddenDetail())
		})
	}
	t.Run("a root container is found", func(t *testing.T) {
		result := evaluate(t, withImage(t, "{podSecurityContext: {runAsUser: 0}}"))
		assert.False(t, result.Allowed)
	})
}

func TestRefusedValues(t *testing.T) {
	for name, test := range map[string]struct{ values, want string }{
		"unknown key":                {"{replicas: 2}", "additional properties 'replicas' not allowed"},
		"unknown key of image":       {"{image: {name: customerapi}}", "at '/image': additional properties 'name' not allowed"},
		"unknown key of a probe":     {"{livenessProbe: {period: 5}}", "at '/livenessProbe': additional properties 'period' not allowed"},
		"replicas as text":           {`{replicaCount: "2"}`, "at '/replicaCount': got string, want integer"},
		"fewer than no replicas":     {"{replicaCount: -1}", "at '/replicaCount': minimum: got -1, want 0"},
		"tag in the repository":      {"{image: {repository: 'example.azurecr.io/api:1.0.0'}}", "at '/image/repository': 'example.azurecr.io/api:1.0.0' does not match pattern"},
		"scheme in the repository":   {"{image: {repository: 'https://example.azurecr.io/api'}}", "at '/image/repository': 'https://example.azurecr.io/api' does not match pattern"},
		"upper-case repository":      {"{image: {repository: example.azurecr.io/CustomerApi}}", "at '/image/repository': 'example.azurecr.io/CustomerApi' does not match pattern"},
		"tag as number":              {"{image: {tag: 1.0}}", "at '/image/tag': got number, want string"},
		"tag with a slash":           {"{image: {tag: feature/x}}", "at '/image/tag': 'feature/x' does not match pattern"},
		"short digest":               {"{image: {digest: 'sha256:9f86d0'}}", "at '/image/digest': 'sha256:9f86d0' does not match pattern"},
		"pull policy":                {"{image: {pullPolicy: always}}", "at '/image/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'"},
		"pull secret as text":        {"{imagePullSecrets: [acr-secret]}", "at '/imagePullSecrets/0': got string, want object"},
		"pull secret without name":   {"{imagePullSecrets: [{}]}", "at '/imagePullSecrets/0': missing property 'name'"},
		"container port":             {"{containerPort: 70000}", "at '/containerPort': maximum: got 70,000, want 65,535"},
		"number in env":              {"{env: {PORT: 8080}}", "at '/env/PORT': got number, want string"},
		"name in env":                {"{env: {'A=B': c}}", "'A=B' does not match pattern"},
		"boolean in secrets":         {"{secrets: {DEBUG: true}}", "at '/secrets/DEBUG': got boolean, want string"},
		"source of env":              {"{envFrom: [{secret: {name: x}}]}", "at '/envFrom/0': additional properties 'secret' not allowed"},
		"service type":               {"{service: {type: ExternalName}}", "at '/service/type': value must be one of 'ClusterIP', 'NodePort', 'LoadBalancer'"},
		"ingress without host":       {"{ingress: {enabled: true}}", "at '/ingress/hosts': minItems: got 0, want 1"},
		"host with scheme":           {"{ingress: {hosts: [{host: 'https://x.io', paths: [{path: /}]}]}}", "at '/ingress/hosts/0/host': 'https://x.io' does not match pattern"},
		"relative path":              {"{ingress: {hosts: [{host: x.io, paths: [{path: api}]}]}}", "at '/ingress/hosts/0/paths/0/path': 'api' does not match pattern"},
		"quantity":                   {"{resources: {limits: {memory: 256MB}}}", "at '/resources/limits/memory': '256MB' does not match pattern"},
		"strategy":                   {"{strategy: {type: Rolling}}", "at '/strategy/type': value must be one of 'RollingUpdate', 'Recreate'"},
		"share without percent":      {"{strategy: {rollingUpdate: {maxSurge: '25'}}}", "at '/strategy/rollingUpdate/maxSurge': '25' does not match pattern"},
		"annotation as boolean":      {"{podAnnotations: {a: true}}", "at '/podAnnotations/a': got boolean, want string"},
		"label of the chart":         {"{podLabels: {app.kubernetes.io/name: x}}", "invalid propertyName 'app.kubernetes.io/name'"},
		"user by name":               {"{podSecurityContext: {runAsUser: app}}", "at '/podSecurityContext/runAsUser': got string, want integer"},
		"no repository":              {"{image: {repository: ''}}", "image.repository is empty"},
		"neither tag nor digest":     {"{image: {tag: ''}}", "image.tag and image.digest are both empty"},
		"two digests":                {"{image: {tag: '1.0.0@" + digest + "', digest: '" + digest + "'}}", "name a digest already"},
		"half a digest":              {"{image: {repository: 'example.azurecr.io/api@sha256'}}", "image.tag must be the 64 hex digits"},
		"a name twice":               {"{env: {TOKEN: a}, secrets: {TOKEN: b}}", "env and secrets both set TOKEN"},
		"autoscaling upside down":    {"{autoscaling: {enabled: true, minReplicas: 3, maxReplicas: 2}}", "autoscaling.maxReplicas: 2 is below minReplicas, 3"},
		"autoscaling without target": {"{autoscaling: {enabled: true, targetCPUUtilizationPercentage: 0}}", "autoscaling needs"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(withImage(t, test.values))
			assert.ErrorContains(t, err, test.want)
		})
	}
}

// schema is the part of JSON Schema that says which keys an object has.
type schema struct {
	Ref                  string             `json:"$ref"`
	Description          string             `json:"description"`
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties json.RawMessage    `json:"additionalProperties"`
	AllOf                []*schema          `json:"allOf"`
	Definitions          map[string]*schema `json:"definitions"`
}

// TestSchemaAndValuesAgree: no value without schema, no value of the schema without a default.
func TestSchemaAndValuesAgree(t *testing.T) {
	chart, err := loader.Load(chartDir)
	require.NoError(t, err)
	var root schema
	require.NoError(t, json.Unmarshal(chart.Schema, &root))
	delete(root.Properties, "global") // Helm's own, of a parent chart

	var compare func(at string, s *schema, v values)
	compare = func(at string, s *schema, v values) {
		for _, key := range slices.Sorted(maps.Keys(v)) {
			assert.Contains(t, s.Properties, key, "%s is in values.yaml, not in the schema", at)
		}
		for _, key := range slices.Sorted(maps.Keys(s.Properties)) {
			where, property := at+"."+key, s.Properties[key]
			assert.NotEmpty(t, property.Description, "%s has no description", where)
			value, ok := v[key]
			if !assert.True(t, ok, "%s is in the schema, not in values.yaml", where) {
				continue
			}
			// Below a definition are Kubernetes' own fields, for which the defaults name just some. The same holds for
			// an object that is empty by default or leaves unknown keys to Kubernetes.
			closed := string(property.AdditionalProperties) == "false"
			if object, ok := value.(values); ok && closed && property.Ref == "" && len(object) > 0 {
				compare(where, property, object)
			}
		}
	}
	compare("", &root, chart.Values)
}
