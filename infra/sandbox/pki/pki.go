// Package pki is the sandbox's own certificate authority.
//
// The sandbox keeps the real host names (<name>.azurecr.io, docker.io) and real TLS, so it needs its own authority, which only the
// sandbox's processes trust. The machine's trust store is never changed.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	certificateFile = "ca.crt"
	keyFile         = "ca.key"

	authorityLifetime = 10 * 365 * 24 * time.Hour
	// leafLifetime is below 398 days: TLS clients can reject longer lifetimes.
	leafLifetime = 365 * 24 * time.Hour
	// backdating tolerates a clock that is set back a little, as after a suspended virtual machine.
	backdating = time.Hour
)

// CA is a certificate authority whose certificate and key are kept in a directory.
type CA struct {
	dir         string
	certificate *x509.Certificate
	key         crypto.Signer
}

// EnsureCA returns the authority in dir, and creates it (and dir, mode 0700) if missing. An authority that would expire before a
// certificate issued today, or that is invalid, is replaced. The key is an ECDSA P-256 key in PKCS #8, ca.key, mode 0600; the
// certificate is ca.crt; both are PEM. CommonName names a new authority.
//
// Two processes must not call EnsureCA for one directory at the same time.
func EnsureCA(dir, commonName string) (*CA, error) {
	ca, err := load(dir)
	if err == nil {
		return ca, nil
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errUnusable) {
		return nil, fmt.Errorf("certificate authority in %s: %w", dir, err)
	}
	if ca, err = create(dir, commonName); err != nil {
		return nil, fmt.Errorf("certificate authority in %s: %w", dir, err)
	}
	return ca, nil
}

// errUnusable marks an existing authority that must be replaced.
var errUnusable = errors.New("not a usable authority")

func load(dir string) (*CA, error) {
	certPEM, err := os.ReadFile(filepath.Join(dir, certificateFile))
	if err != nil {
		return nil, err
	}
	keyPEM, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM) // also checks that the two match
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnusable, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA || time.Until(pair.Leaf.NotAfter) < leafLifetime {
		return nil, errUnusable
	}
	return &CA{dir: dir, certificate: pair.Leaf, key: key}, nil
}

func create(dir, commonName string) (*CA, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template, err := newTemplate(pkix.Name{CommonName: commonName}, authorityLifetime)
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.MaxPathLenZero = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign

	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	// Key first: a crash in between leaves a pair that does not match, which the next start replaces.
	if err := writeFile(filepath.Join(dir, keyFile), keyPEM, 0o600); err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(dir, certificateFile), encodeCertificate(der), 0o644); err != nil {
		return nil, err
	}
	return &CA{dir: dir, certificate: certificate, key: key}, nil
}

// CertFile returns the path of the authority's certificate, a public PEM file.
func (ca *CA) CertFile() string { return filepath.Join(ca.dir, certificateFile) }

// CertPEM returns the authority's certificate in PEM.
func (ca *CA) CertPEM() []byte { return encodeCertificate(ca.certificate.Raw) }

// KeyFile returns the path of the authority's private key, for programs that sign certificates, such as kube-controller-manager.
func (ca *CA) KeyFile() string { return filepath.Join(ca.dir, keyFile) }

// Pool returns a pool that trusts only this authority.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	return pool
}

// Server issues a certificate for a TLS server, valid for a year, and returns it and its key in PEM. Each name is a DNS name, which
// can begin with the wildcard "*.", or an IP address; the first one is also the common name. At least one name is needed.
func (ca *CA) Server(names ...string) (certPEM, keyPEM []byte, err error) {
	if len(names) == 0 {
		return nil, nil, errors.New("server certificate: no names")
	}
	template, err := newTemplate(pkix.Name{CommonName: names[0]}, leafLifetime)
	if err != nil {
		return nil, nil, fmt.Errorf("server certificate for %s: %w", names[0], err)
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return ca.issue(template)
}

// Client issues a certificate for a TLS client, valid for a year, and returns it and its key in PEM. Kubernetes reads the
// common name as the user and the organizations as the groups of that user.
func (ca *CA) Client(commonName string, organizations ...string) (certPEM, keyPEM []byte, err error) {
	template, err := newTemplate(pkix.Name{CommonName: commonName, Organization: organizations}, leafLifetime)
	if err != nil {
		return nil, nil, fmt.Errorf("client certificate for %s: %w", commonName, err)
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return ca.issue(template)
}

func (ca *CA) issue(template *x509.Certificate) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate for %s: %w", template.Subject.CommonName, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, key.Public(), ca.key)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate for %s: %w", template.Subject.CommonName, err)
	}
	if keyPEM, err = encodeKey(key); err != nil {
		return nil, nil, fmt.Errorf("certificate for %s: %w", template.Subject.CommonName, err)
	}
	return encodeCertificate(der), keyPEM, nil
}

func newTemplate(subject pkix.Name, lifetime time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    now.Add(-backdating),
		NotAfter:     now.Add(lifetime),
	}, nil
}

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func encodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// writeFile replaces a file as a whole, with the given mode even if the old file has another.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // does nothing once renamed
	_, err = temporary.Write(data)
	if err := errors.Join(err, temporary.Chmod(mode), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
