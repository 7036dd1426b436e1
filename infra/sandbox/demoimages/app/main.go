// Command app is the microservice that the sandbox deploys. It needs the standard library only.
//
// Environment: SERVICE_NAME is the name in its response; POD_IP and PORT are the address it listens on, all addresses and 8080 by
// default; HOSTNAME is set by the container runtime.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// version is linked in: -ldflags "-X main.version=1.0.0".
var version = "development"

// drain is the time limit of running requests after SIGTERM. Kubernetes kills a container after 30 s by default.
const drain = 10 * time.Second

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	service := cmp.Or(os.Getenv("SERVICE_NAME"), "demo")
	hostname := os.Getenv("HOSTNAME")
	if hostname == "" {
		hostname, _ = os.Hostname() // an empty name is acceptable
	}

	listener, err := net.Listen("tcp", net.JoinHostPort(os.Getenv("POD_IP"), cmp.Or(os.Getenv("PORT"), "8080")))
	if err != nil {
		return err
	}
	log.Printf("%s %s listens on %s", service, version, listener.Addr())

	server := &http.Server{Handler: handler(service, hostname), ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		timeout, cancel := context.WithTimeout(context.Background(), drain)
		defer cancel()
		stopped <- server.Shutdown(timeout)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

func handler(service, hostname string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"service": service, "version": version, "hostname": hostname})
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n")
	})
	return mux
}
