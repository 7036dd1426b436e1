package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"example.com/acr-microservices/infra/sandbox/pki"
)

// Names of the files below <dir>/pki. A name means <name>.crt and <name>.key.
const (
	apiserverCert     = "apiserver"
	apiserverKubelet  = "apiserver-kubelet-client"
	apiserverEtcd     = "apiserver-etcd-client"
	kubeletCert       = "kubelet"
	etcdCert          = "etcd"
	serviceAccountKey = "service-account"
)

func pkiFile(dir string, name ...string) string {
	return filepath.Join(append([]string{dir, "pki"}, name...)...)
}

func clusterCA(dir string) string { return pkiFile(dir, "ca", "ca.crt") }

// etcdCA is a separate CA, so that the API server is the cluster's only user that can access the data.
func etcdCA(dir string) string { return pkiFile(dir, "etcd-ca", "ca.crt") }

func kubeconfigFile(dir, user string) string { return pkiFile(dir, user+".kubeconfig") }

// writeCredentials writes all certificates and kubeconfigs and returns the administrator's client. CAs and the service account
// key are kept between starts, everything else is renewed, so that nothing expires in a cluster that is started now and then.
func writeCredentials(dir string, p ports) (*http.Client, error) {
	ca, err := pki.EnsureCA(pkiFile(dir, "ca"), "sandbox cluster")
	if err != nil {
		return nil, err
	}
	etcdCA, err := pki.EnsureCA(pkiFile(dir, "etcd-ca"), "sandbox etcd")
	if err != nil {
		return nil, err
	}
	if err := ensureServiceAccountKey(dir); err != nil {
		return nil, fmt.Errorf("service account key: %w", err)
	}

	pairs := map[string]func() (cert, key []byte, err error){
		apiserverCert: func() ([]byte, []byte, error) {
			return ca.Server("127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.96.0.1")
		},
		kubeletCert:      func() ([]byte, []byte, error) { return ca.Server("127.0.0.1") },
		apiserverKubelet: func() ([]byte, []byte, error) { return ca.Client("kube-apiserver-kubelet-client", "system:masters") },
		etcdCert:         func() ([]byte, []byte, error) { return etcdCA.Server("127.0.0.1") },
		apiserverEtcd:    func() ([]byte, []byte, error) { return etcdCA.Client("kube-apiserver-etcd-client") },
	}
	for name, issue := range pairs {
		cert, key, err := issue()
		if err != nil {
			return nil, err
		}
		if err := errors.Join(writePrivate(pkiFile(dir, name+".crt"), cert), writePrivate(pkiFile(dir, name+".key"), key)); err != nil {
			return nil, err
		}
	}

	for _, user := range []struct{ file, name, group string }{
		{kubeconfigFile(dir, "kube-controller-manager"), "system:kube-controller-manager", ""},
		{kubeconfigFile(dir, "kube-scheduler"), "system:kube-scheduler", ""},
		{kubeconfigFile(dir, "node"), "system:node:" + NodeName, "system:nodes"},
	} {
		if _, err := writeKubeconfig(user.file, ca, p.server(), user.name, user.group); err != nil {
			return nil, err
		}
	}
	admin, err := writeKubeconfig(filepath.Join(dir, "kubeconfig"), ca, p.server(), "sandbox-admin", "system:masters")
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs:      ca.Pool(),
		Certificates: []tls.Certificate{admin},
		MinVersion:   tls.VersionTLS12,
	}}}, nil
}

// writeKubeconfig issues a client certificate and writes a kubeconfig with it.
func writeKubeconfig(file string, ca *pki.CA, server, user, group string) (tls.Certificate, error) {
	var groups []string
	if group != "" {
		groups = append(groups, group)
	}
	cert, key, err := ca.Client(user, groups...)
	if err != nil {
		return tls.Certificate{}, err
	}
	encode := base64.StdEncoding.EncodeToString
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: sandbox
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: %q
  user:
    client-certificate-data: %s
    client-key-data: %s
contexts:
- name: sandbox
  context:
    cluster: sandbox
    user: %[3]q
current-context: sandbox
`, server, encode(ca.CertPEM()), user, encode(cert), encode(key))
	if err := writePrivate(file, []byte(text)); err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// ensureServiceAccountKey creates the key that signs service account tokens, if missing.
func ensureServiceAccountKey(dir string) error {
	private, public := pkiFile(dir, serviceAccountKey+".key"), pkiFile(dir, serviceAccountKey+".pub")
	if _, err := os.Stat(private); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	publicDER, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	// The private key is last: if it exists, both do.
	return errors.Join(
		writePrivate(public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER})),
		writePrivate(private, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateDER})))
}

// writePrivate replaces a file atomically, readable by its owner only.
func writePrivate(file string, data []byte) error {
	temporary := file + ".new"
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, file)
}
