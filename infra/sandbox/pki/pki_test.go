package pki_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/pki"
)

func newCA(t *testing.T) (*pki.CA, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ca")
	ca, err := pki.EnsureCA(dir, "test CA")
	require.NoError(t, err)
	return ca, dir
}

func parse(t *testing.T, certPEM []byte) *x509.Certificate {
	t.Helper()
	block, rest := pem.Decode(certPEM)
	require.NotNil(t, block)
	require.Empty(t, rest)
	cert, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return cert
}

func TestCAIsKeptPrivatelyAndReused(t *testing.T) {
	ca, dir := newCA(t)

	for path, mode := range map[string]os.FileMode{dir: 0o700, ca.KeyFile(): 0o600, ca.CertFile(): 0o644} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), path)
	}

	again, err := pki.EnsureCA(dir, "another name")
	require.NoError(t, err)
	assert.Equal(t, ca.CertPEM(), again.CertPEM())
	assert.Equal(t, "test CA", parse(t, again.CertPEM()).Subject.CommonName)

	// A client that trusts the old authority accepts a certificate of the reloaded one.
	certPEM, _, err := again.Server("localhost")
	require.NoError(t, err)
	_, err = parse(t, certPEM).Verify(x509.VerifyOptions{DNSName: "localhost", Roots: ca.Pool()})
	require.NoError(t, err)

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "no temporary files stay behind")
}

func TestUnusableCAIsReplaced(t *testing.T) {
	other, _ := newCA(t)
	otherKey, err := os.ReadFile(other.KeyFile())
	require.NoError(t, err)

	tests := map[string]func(t *testing.T, ca *pki.CA){
		"key lost":            func(t *testing.T, ca *pki.CA) { require.NoError(t, os.Remove(ca.KeyFile())) },
		"certificate lost":    func(t *testing.T, ca *pki.CA) { require.NoError(t, os.Remove(ca.CertFile())) },
		"certificate garbled": func(t *testing.T, ca *pki.CA) { require.NoError(t, os.WriteFile(ca.CertFile(), []byte("x"), 0o600)) },
		"key of another":      func(t *testing.T, ca *pki.CA) { require.NoError(t, os.WriteFile(ca.KeyFile(), otherKey, 0o600)) },
		"not an authority":    func(t *testing.T, ca *pki.CA) { replaceBy(t, ca, false, 10*365*24*time.Hour) },
		"about to expire":     func(t *testing.T, ca *pki.CA) { replaceBy(t, ca, true, 30*24*time.Hour) },
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			ca, dir := newCA(t)
			damage(t, ca)
			damaged, _ := os.ReadFile(ca.CertFile()) // empty if the certificate is missing

			replaced, err := pki.EnsureCA(dir, "test CA")
			require.NoError(t, err)
			assert.NotEqual(t, string(damaged), string(replaced.CertPEM()))
			assert.True(t, parse(t, replaced.CertPEM()).IsCA)
			info, err := os.Stat(replaced.KeyFile())
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

			kept, err := pki.EnsureCA(dir, "test CA")
			require.NoError(t, err)
			assert.Equal(t, replaced.CertPEM(), kept.CertPEM())
		})
	}
}

// replaceBy replaces an authority's certificate by a self-signed one.
func replaceBy(t *testing.T, ca *pki.CA, isCA bool, lifetime time.Duration) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(lifetime), IsCA: isCA, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for path, block := range map[string]*pem.Block{
		ca.CertFile(): {Type: "CERTIFICATE", Bytes: der},
		ca.KeyFile():  {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	}
}

// TestLastingAuthorityIsKept is the counterpart of the last two cases above: a certificate by replaceBy is kept if it is a lasting
// authority's.
func TestLastingAuthorityIsKept(t *testing.T) {
	ca, dir := newCA(t)
	replaceBy(t, ca, true, 2*365*24*time.Hour)
	want, err := os.ReadFile(ca.CertFile())
	require.NoError(t, err)

	kept, err := pki.EnsureCA(dir, "test CA")
	require.NoError(t, err)
	assert.Equal(t, want, kept.CertPEM())
}

func TestUnwritableDirectoryIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))

	_, err := pki.EnsureCA(file, "test CA")

	assert.ErrorContains(t, err, "certificate authority in "+file)
}

func TestServerNames(t *testing.T) {
	ca, _ := newCA(t)
	certPEM, _, err := ca.Server("*.azurecr.io", "docker.io", "127.0.0.1", "::1")
	require.NoError(t, err)
	cert := parse(t, certPEM)

	for name, valid := range map[string]bool{
		"contoso.azurecr.io": true, "docker.io": true, "127.0.0.1": true, "[::1]": true,
		"azurecr.io": false, "data.contoso.azurecr.io": false, "evil.docker.io": false, "127.0.0.2": false,
	} {
		_, err := cert.Verify(x509.VerifyOptions{DNSName: name, Roots: ca.Pool()})
		assert.Equal(t, valid, err == nil, "%s: %v", name, err)
	}
	_, err = cert.Verify(x509.VerifyOptions{Roots: ca.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	require.Error(t, err, "a server's certificate must not authenticate a client")
	stranger, _ := newCA(t)
	_, err = cert.Verify(x509.VerifyOptions{DNSName: "docker.io", Roots: stranger.Pool()})
	require.Error(t, err)

	_, _, err = ca.Server()
	assert.ErrorContains(t, err, "no names")
}

// TestMutualTLS works like the cluster: the user is the common name, the groups are the organizations.
func TestMutualTLS(t *testing.T) {
	ca, _ := newCA(t)
	serverCert, serverKey, err := ca.Server("127.0.0.1")
	require.NoError(t, err)
	server, err := tls.X509KeyPair(serverCert, serverKey)
	require.NoError(t, err)

	ts := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		subject := r.TLS.PeerCertificates[0].Subject
		_, _ = io.WriteString(w, subject.CommonName+" "+strings.Join(subject.Organization, ","))
	}))
	ts.TLS = &tls.Config{
		Certificates: []tls.Certificate{server}, ClientCAs: ca.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
	}
	ts.Config.ErrorLog = log.New(io.Discard, "", 0) // rejected handshakes are expected in this test
	ts.StartTLS()
	t.Cleanup(ts.Close)
	get := func(certificates ...tls.Certificate) (string, error) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), Certificates: certificates}}
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Get("https://" + ts.Listener.Addr().(*net.TCPAddr).String())
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return string(body), err
	}

	clientCert, clientKey, err := ca.Client("system:node:sandbox", "extra", "system:nodes")
	require.NoError(t, err)
	client, err := tls.X509KeyPair(clientCert, clientKey)
	require.NoError(t, err)
	body, err := get(client)
	require.NoError(t, err)
	assert.Equal(t, "system:node:sandbox extra,system:nodes", body)

	_, err = get()
	require.Error(t, err, "a client without certificate is refused")
	_, err = get(server)
	assert.Error(t, err, "a server's certificate is no client's certificate")
}
