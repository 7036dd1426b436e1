package registrydouble_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/registrydouble"
)

func TestProxy(t *testing.T) {
	double := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "asked for "+r.Host)
	}))
	defer double.Close()
	addr := double.Listener.Addr().String()
	client := func(addr string) *http.Client {
		proxy := httptest.NewServer(registrydouble.Proxy(addr))
		t.Cleanup(proxy.Close)
		address, err := url.Parse(proxy.URL)
		require.NoError(t, err)
		return &http.Client{Transport: &http.Transport{
			Proxy:           http.ProxyURL(address),
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the certificate does not matter
		}}
	}
	through := client(addr)
	for _, host := range []string{contoso, "auth.docker.io", "registry-1.docker.io"} {
		answer, err := through.Get("https://" + host + "/v2/")
		require.NoError(t, err)
		content, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		assert.Equal(t, "asked for "+host, string(content))
	}
	for _, host := range []string{"example.com", "127.0.0.1", "azurecr.io", "contoso.azurecr.io.example.com"} {
		_, err := through.Get("https://" + host + "/v2/") //nolint:bodyclose // there is none
		require.ErrorContains(t, err, host+" is not a registry of the sandbox")
	}
	answer, err := through.Get("http://" + contoso + "/v2/")
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)

	double.Close()
	_, err = client(addr).Get("https://" + contoso + "/v2/") //nolint:bodyclose // there is none
	assert.ErrorContains(t, err, "the registry double does not answer")
}
