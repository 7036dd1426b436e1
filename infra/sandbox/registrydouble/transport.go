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

// Transport returns a transport that takes the names of the registries for the double at addr (host:port) and trusts the
// given authorities alone. Like a containerd host configuration, it changes where a registry is reached and nothing else.
// Any other host is refused, so that nothing ever leaves the machine by mistake.
func Transport(addr string, authorities *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, wanted string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(wanted)
			if err != nil {
				return nil, err
			}
			if !Serves(host) {
				return nil, fmt.Errorf("%s is no registry of the sandbox", host)
			}
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, addr)
		},
		TLSClientConfig:   &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true,
	}
}

// Serves tells whether a host is one that the double stands for.
func Serves(host string) bool {
	host = strings.ToLower(host)
	return host == dockerHubAuth || slices.Contains(dockerHubNames, host) || azureName.MatchString(host)
}
