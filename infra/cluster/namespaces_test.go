package cluster

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
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
	}{
		"theirs":             {namespace: "theirs", refused: `namespaces "theirs" already exists`},
		"bare":               {namespace: "bare", refused: `namespaces "bare" already exists`},
		"left behind":        {namespace: "left-behind"},
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
			err := checkNamespace(t.Context(), clusterAt(server.URL), test.adopt, resource.PropertyMap{"metadata": resource.NewProperty(resource.PropertyMap{
				"name": resource.NewProperty(test.namespace), "labels": object(labels), "annotations": object(test.annotations),
			})})
			if test.refused == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.refused)
			}
		})
	}
}
