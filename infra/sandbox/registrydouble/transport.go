package registrydouble

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Transport returns a transport that connects to the double at addr (host:port) for the registries' names, and trusts only the
// given authorities. Like a containerd host configuration, it changes only a registry's address. It rejects any other host, so that
// no request leaves the machine by mistake.
func Transport(addr string, authorities *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, wanted string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(wanted)
			if err != nil {
				return nil, err
			}
			if !Serves(host) {
				return nil, fmt.Errorf("%s is not a registry of the sandbox", host)
			}
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, addr)
		},
		TLSClientConfig:   &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true,
	}
}

// Serves reports whether the double serves a host.
func Serves(host string) bool {
	host = strings.ToLower(host)
	return host == dockerHubAuth || slices.Contains(dockerHubNames, host) || azureName.MatchString(host)
}
