package registrydouble

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Proxy is an HTTPS proxy that connects to the double at addr (host:port) for the registries' names. It is for programs that cannot
// use [Transport]. It forwards bytes and sees no content: TLS is between the client and the double. It rejects any other host.
func Proxy(addr string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if r.Method != http.MethodConnect || err != nil {
			http.Error(w, "this proxy is for HTTPS", http.StatusMethodNotAllowed)
			return
		}
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer client.Close()
		if !Serves(host) {
			// A client shows only the text after the status code.
			fmt.Fprintf(client, "HTTP/1.1 403 %s is not a registry of the sandbox\r\n\r\n", host)
			return
		}
		double, err := net.DialTimeout("tcp", addr, 10*time.Second)
		if err != nil {
			fmt.Fprint(client, "HTTP/1.1 502 the registry double does not answer\r\n\r\n")
			return
		}
		defer double.Close()
		fmt.Fprint(client, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() {
			_, _ = io.Copy(client, double) // after any end or error, the client is closed
			client.Close()
		}()
		_, _ = io.Copy(double, client)
	})
}
