package cluster

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/config"
)

func TestCheckNamespace(t *testing.T) {
	t.Parallel()
	type texts = map[string]string
	ours := config.ServiceLabels("api", "test", "acr-microservices")
	existing := map[string]map[string]any{
		"theirs":      {"labels": texts{"app.kubernetes.io/managed-by": "argocd", "team": "blue"}, "annotations": texts{"owner": "ann", "cost": "1"}},
		"bare":        {},
		"left-behind": {"labels": ours},
		"going":       {"labels": ours, "deletionTimestamp": "2026-11-23T12:00:00Z"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		metadata, ok := existing[path.Base(r.URL.Path)]
		switch {
		case path.Base(r.URL.Path) == "secret":
			w.WriteHeader(http.StatusForbidden)
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"metadata": metadata})
	}))
	t.Cleanup(server.Close)
	const gone = `namespace "going" is being deleted: run again when it is gone`
	for name, test := range map[string]struct {
		namespace   string
		adopt       bool
		labels      texts // besides the stack's own
		annotations texts
		refused     string
		warned      string
	}{
		"theirs":             {namespace: "theirs", refused: `namespaces "theirs" already exists`},
		"bare":               {namespace: "bare", refused: `namespaces "bare" already exists`},
		"left behind":        {namespace: "left-behind", warned: `namespaces "left-behind" already exists with the labels that the stack gives it`},
		"being deleted":      {namespace: "going", refused: gone},
		"new":                {namespace: "new"},
		"no permission":      {namespace: "secret"},
		"adopt":              {namespace: "theirs", adopt: true},
		"adopt new":          {namespace: "new", adopt: true, refused: `namespace.adopt: namespace "new" does not exist: create it, or remove namespace.adopt`},
		"adopt deleted":      {namespace: "going", adopt: true, refused: gone},
		"adopt unknown":      {namespace: "secret", adopt: true, labels: texts{"team": "red"}},
		"adopt, same values": {namespace: "theirs", adopt: true, labels: texts{"team": "blue", "tier": "back"}, annotations: texts{"cost": "1"}},
		"adopt, other values": {
			namespace: "theirs", adopt: true, labels: texts{"team": "red", "tier": "back"}, annotations: texts{"owner": "bob", "cost": "2"},
			refused: `namespace.adopt: namespace "theirs" has other values than the stack file, which someone else has set: ` +
				`label team "blue", annotation cost "1", annotation owner "ann"; ` +
				`leave them out of the stack file, or, to overwrite them, set pulumi.com/patchForce in namespace.annotations to "true"`,
		},
		"adopt by force": {namespace: "theirs", adopt: true, labels: texts{"team": "red"}, annotations: texts{patchForce: "true"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			labels := test.labels
			if !test.adopt {
				labels = ours
			}
			object := func(of texts) resource.PropertyValue {
				properties := resource.PropertyMap{}
				for key, value := range of {
					properties[resource.PropertyKey(key)] = resource.NewProperty(value)
				}
				return resource.NewProperty(properties)
			}
			warning, err := checkNamespace(t.Context(), clusterAt(server.URL), test.adopt, resource.PropertyMap{"metadata": resource.NewProperty(resource.PropertyMap{
				"name": resource.NewProperty(test.namespace), "labels": object(labels), "annotations": object(test.annotations),
			})})
			require.Contains(t, warning, test.warned)
			require.Equal(t, test.warned == "", warning == "")
			if test.refused == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.refused)
			}
		})
	}
}

func TestForcedByEnvironment(t *testing.T) {
	for value, want := range map[string]bool{"": false, "false": false, "0": false, "no": false, "true": true, "1": true} {
		t.Setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", value)
		require.Equal(t, want, forcedByEnvironment(), value)
	}
}

func TestCheckObject(t *testing.T) {
	t.Parallel()
	ours := config.ServiceLabels("api", "test", "acr-microservices")
	existing := map[string]map[string]string{
		"/api/v1/namespaces/theirs/secrets/acr-secret":                        {"app.kubernetes.io/managed-by": "Helm"},
		"/api/v1/namespaces/theirs/secrets/ours":                              ours,
		"/api/v1/namespaces/theirs/resourcequotas/pulumi":                     nil,
		"/api/v1/namespaces/theirs/limitranges/pulumi":                        nil,
		"/apis/networking.k8s.io/v1/namespaces/theirs/networkpolicies/pulumi": nil,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		labels, ok := existing[r.URL.Path]
		switch {
		case path.Base(r.URL.Path) == "hidden":
			w.WriteHeader(http.StatusForbidden)
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"metadata": map[string]any{"labels": labels}})
	}))
	t.Cleanup(server.Close)
	for _, test := range []struct{ kind, namespace, name, refused string }{
		{"core/v1:Secret", "theirs", "acr-secret", `secrets "acr-secret" already exists in the adopted namespace "theirs", and is not the stack's: ` +
			"delete it, or set pullSecretName to another name"},
		{"core/v1:Secret", "theirs", "ours", ""},
		{"core/v1:Secret", "theirs", "new", ""},
		{"core/v1:Secret", "theirs", "hidden", ""},
		{"core/v1:Secret", "new", "acr-secret", ""},
		{"core/v1:Secret", "", "acr-secret", ""}, // unknown as yet
		{"core/v1:ResourceQuota", "theirs", "pulumi", `resourcequotas "pulumi" already exists in the adopted namespace "theirs", and is not the stack's: delete it`},
		{"core/v1:LimitRange", "theirs", "pulumi", `limitranges "pulumi" already exists`},
		{"networking.k8s.io/v1:NetworkPolicy", "theirs", "pulumi", `networkpolicies "pulumi" already exists`},
	} {
		t.Run(test.kind+"/"+test.namespace+"/"+test.name, func(t *testing.T) {
			t.Parallel()
			metadata := resource.PropertyMap{"name": resource.NewProperty(test.name), "namespace": resource.NewProperty(test.namespace)}
			if test.namespace == "" {
				metadata["namespace"] = resource.MakeComputed(resource.NewProperty(""))
			}
			labels := resource.PropertyMap{}
			for key, value := range ours {
				labels[resource.PropertyKey(key)] = resource.NewProperty(value)
			}
			metadata["labels"] = resource.NewProperty(labels)
			resources, ok := inNamespace[tokens.Type("kubernetes:"+test.kind)]
			require.True(t, ok)
			err := checkObject(t.Context(), clusterAt(server.URL), resources, resource.PropertyMap{"metadata": resource.NewProperty(metadata)})
			if test.refused == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.refused)
			}
		})
	}
}
