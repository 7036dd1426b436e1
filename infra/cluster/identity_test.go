package cluster

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"
)

func TestSystemUID(t *testing.T) {
	t.Parallel()
	answers := map[string]struct {
		status     int
		body, want string
	}{
		"read":      {http.StatusOK, `{"metadata":{"uid":"11111111-aaaa"}}`, "11111111-aaaa"},
		"forbidden": {http.StatusForbidden, `{"kind":"Status","message":"namespaces \"kube-system\" is forbidden"}`, ""},
		"no UID":    {http.StatusOK, `{"metadata":{}}`, ""},
		"no JSON":   {http.StatusOK, `<html>`, ""},
	}
	for name, test := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/api/v1/namespaces/kube-system" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			}))
			defer server.Close()
			got, err := systemUID(t.Context(), clusterAt(server.URL))
			require.Equal(t, test.want, got)
			require.Equal(t, test.want == "", err != nil)
			if test.status != http.StatusOK {
				require.ErrorContains(t, err, `namespaces "kube-system" is forbidden`)
			}
		})
	}
}

// Another cluster than the recorded one is refused, unless cluster.identifier names it.
func TestOtherCluster(t *testing.T) {
	t.Parallel()
	of := func(identity string) resource.PropertyMap {
		return resource.PropertyMap{identityKey: resource.NewProperty(identity)}
	}
	require.NoError(t, checkSame(resource.PropertyMap{}, of("a"), false), "the first one is recorded")
	require.NoError(t, checkSame(of("a"), of("A"), false))
	require.NoError(t, checkSame(of("a"), of("b"), true))
	require.EqualError(t, checkSame(of("a"), of("b"), false), `cluster: another cluster than before is selected: b, but `+
		`the stack is in a; select that cluster again, or, to move the stack and delete everything in the old cluster, set cluster.identifier to "b"`)
}
