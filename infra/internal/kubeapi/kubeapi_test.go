package kubeapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

func TestCall(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status     int
		body       string
		want, fail string
	}{
		"answered":  {http.StatusOK, `{"kind":"Namespace"}`, "Namespace", ""},
		"no JSON":   {http.StatusOK, `<html>`, "", "invalid character"},
		"refused":   {http.StatusForbidden, `{"code":1,"message":"User \"ci\" cannot get"}`, "", `the API server answers 403 Forbidden: User "ci" cannot get`},
		"a proxy's": {http.StatusBadGateway, `<html>`, "", "the API server answers 502 Bad Gateway"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.Equal(t, "PUT /behind/a/proxy/api/v1/namespaces?a=b {\"in\":1}\n", r.Method+" "+r.URL.String()+" "+string(body))
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			}))
			defer server.Close()
			client, err := New(&rest.Config{Host: server.URL + "/behind/a/proxy/"})
			require.NoError(t, err)
			var out struct{ Kind string }
			err = client.Call(t.Context(), http.MethodPut, "/api/v1/namespaces?a=b", map[string]int{"in": 1}, &out)
			assert.Equal(t, test.want, out.Kind)
			assert.Equal(t, test.status != http.StatusOK, Answered(err, http.StatusNotFound, test.status))
			if test.fail == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.fail)
			}
		})
	}
}
