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

func TestExistingNamespace(t *testing.T) {
	t.Parallel()
	ours := config.ServiceLabels("api", "test", "acr-microservices")
	existing := map[string]map[string]string{"theirs": {"app.kubernetes.io/managed-by": "argocd"}, "bare": nil, "left-behind": ours}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		labels, ok := existing[path.Base(r.URL.Path)]
		switch {
		case path.Base(r.URL.Path) == "secret":
			w.WriteHeader(http.StatusForbidden)
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"metadata": map[string]any{"labels": labels}})
	}))
	defer server.Close()
	for name, refused := range map[string]bool{"theirs": true, "bare": true, "left-behind": false, "new": false, "secret": false} {
		err := checkNew(t.Context(), clusterAt(server.URL), resource.NewPropertyMapFromMap(map[string]any{
			"metadata": map[string]any{"name": name, "labels": map[string]any{
				"app.kubernetes.io/name": ours["app.kubernetes.io/name"], "app.kubernetes.io/instance": ours["app.kubernetes.io/instance"],
				"app.kubernetes.io/part-of": ours["app.kubernetes.io/part-of"], "app.kubernetes.io/managed-by": "pulumi", "team": "shop",
			}},
		}))
		if refused {
			require.ErrorContains(t, err, `namespaces "`+name+`" already exists`)
		} else {
			require.NoError(t, err, name)
		}
	}
}
