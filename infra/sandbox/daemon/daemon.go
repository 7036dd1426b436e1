// Package daemon keeps a sandbox's services running after the command that started them, if it hands them over.
//
// A command holds the daemon through one open connection. When that connection closes, by Ctrl-C, a crash or SIGKILL, the daemon
// stops everything, unless the command has handed the sandbox over.
package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
)

// firstHold is the daemon's wait for the command that has started it.
const firstHold = 10 * time.Second

const socketName = "control.sock"

// Info describes the sandbox.
type Info struct {
	PID         int
	AzureNative string   // address of the azure-native provider's double, host:port
	AzureAD     string   // address of the azuread provider's double, host:port
	Azure       string   // address of the azure provider's double, host:port
	Registry    string   // address of the registries' double, host:port
	Kubeconfig  string   // path
	Kubernetes  string   // path of the running Kubernetes binary
	Node        string   // type of the cluster's node
	Inventory   []string // ids of all objects in the Azure double
	Pulls       []Pull   // images pulled from the registries, oldest first
	Faults      []azuredouble.FaultCount
}

// Pull is one image pulled from a registry.
type Pull struct {
	Image   string // with registry and tag or digest
	Account string // caller, empty for an anonymous pull
}

// Login is a credential for a registry.
type Login struct{ Username, Password string }

// Services are run by a daemon.
type Services interface {
	Info() Info
	// SetConditions sets conditions of Azure that no request changes.
	SetConditions(azuredouble.Conditions)
	// NodeLogin returns the registry login of the cluster's node.
	NodeLogin() Login
	// Discard removes orphans of an interrupted operation: cloud objects of the given resource types, except the known ids.
	Discard(types, known []string) error
	// Delete deletes an object from the cloud, like a manual deletion.
	Delete(id string) error
	// Outage stops a process of the cluster, such as "kube-apiserver", or starts it again.
	Outage(ctx context.Context, process string, over bool) error
	// Done is closed when a service has died; Stop then returns its error.
	Done() <-chan struct{}
	Stop() error
}

// StartFunc starts the services and reports each step.
type StartFunc func(ctx context.Context, step func(string)) (Services, error)

// Serve starts the services and serves a socket in dir until a stop request arrives, ctx ends, a service dies or the last command
// that holds it ends.
func Serve(ctx context.Context, dir string, start StartFunc) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &server{cancel: cancel, changed: make(chan struct{}), stopped: make(chan struct{})}

	listener, err := listen(dir)
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	defer os.Remove(filepath.Join(dir, socketName))
	web := &http.Server{Handler: s.routes(), ReadHeaderTimeout: time.Minute}
	go web.Serve(listener) //nolint:errcheck // ends with the process
	timer := time.AfterFunc(firstHold, s.release)
	defer timer.Stop()

	services, err := start(ctx, s.step)
	s.started(services, err)
	if err != nil {
		<-ctx.Done() // until the command that holds the daemon has the error
	} else {
		select {
		case <-ctx.Done():
		case <-services.Done():
		}
		err = services.Stop()
	}
	close(s.stopped)
	cancel()
	flush, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	return errors.Join(err, web.Shutdown(flush)) // sends the response to "stop"
}

// server is the handlers' shared state.
type server struct {
	cancel  context.CancelFunc
	stopped chan struct{} // closed when all services have ended

	mu       sync.Mutex
	holders  int  // commands that hold the daemon
	kept     bool // handed over: stays without a holder
	steps    []event
	changed  chan struct{} // closed and replaced with each step
	services Services      // nil until they run
}

// An event is a line of the response to "hold".
type event struct {
	Step  string `json:",omitempty"` // the current step
	Error string `json:",omitempty"` // the start failed with this error
	Ready bool   `json:",omitempty"` // the start succeeded
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /hold", s.hold)
	mux.HandleFunc("POST /keep", func(http.ResponseWriter, *http.Request) {
		s.mu.Lock()
		s.kept = true
		s.mu.Unlock()
	})
	mux.HandleFunc("POST /stop", func(http.ResponseWriter, *http.Request) {
		s.cancel()
		<-s.stopped
	})
	mux.HandleFunc("GET /info", s.whenReady(func(w http.ResponseWriter, _ *http.Request, services Services) {
		info := services.Info()
		info.PID = os.Getpid()
		_ = json.NewEncoder(w).Encode(info)
	}))
	mux.HandleFunc("POST /conditions", post(s, func(_ context.Context, services Services, c azuredouble.Conditions) error {
		services.SetConditions(c)
		return nil
	}))
	mux.HandleFunc("GET /node-login", s.whenReady(func(w http.ResponseWriter, _ *http.Request, services Services) {
		_ = json.NewEncoder(w).Encode(services.NodeLogin()) //nolint:gosec // G117: handing on the password is the point.
	}))
	mux.HandleFunc("POST /discard", post(s, func(_ context.Context, services Services, d discard) error {
		return services.Discard(d.Types, d.Known)
	}))
	mux.HandleFunc("POST /delete", post(s, func(_ context.Context, services Services, id string) error { return services.Delete(id) }))
	mux.HandleFunc("POST /outage", post(s, func(ctx context.Context, services Services, o outage) error {
		return services.Outage(ctx, o.Process, o.Over)
	}))
	return mux
}

type outage struct {
	Process string
	Over    bool
}

type discard struct{ Types, Known []string }

// post handles requests with a body.
func post[T any](s *server, handle func(context.Context, Services, T) error) http.HandlerFunc {
	return s.whenReady(func(w http.ResponseWriter, r *http.Request, services Services) {
		var in T
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		} else if err := handle(r.Context(), services, in); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

func (s *server) whenReady(handle func(http.ResponseWriter, *http.Request, Services)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		services := s.services
		s.mu.Unlock()
		if services == nil {
			http.Error(w, "the sandbox is still starting", http.StatusServiceUnavailable)
			return
		}
		handle(w, r, services)
	}
}

// hold reports the steps of the start, and then blocks until the caller ends.
func (s *server) hold(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.holders++
	s.kept = false
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.holders--
		s.mu.Unlock()
		s.release()
	}()
	out := json.NewEncoder(w)
	for sent, last := 0, false; ; {
		select {
		case <-s.stopped: // but the last steps are not sent yet
			last = true
		default:
		}
		s.mu.Lock()
		steps, changed := s.steps[sent:], s.changed
		s.mu.Unlock()
		for _, e := range steps {
			if out.Encode(e) != nil {
				return
			}
		}
		sent += len(steps)
		_ = http.NewResponseController(w).Flush() // a missing caller is handled below
		if last {
			return
		}
		select {
		case <-changed:
		case <-s.stopped:
		case <-r.Context().Done():
			return
		}
	}
}

// release stops the daemon if no command holds it or has handed it over.
func (s *server) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holders == 0 && !s.kept {
		s.cancel()
	}
}

func (s *server) step(text string) { s.publish(event{Step: text}) }

func (s *server) started(services Services, err error) {
	if err != nil {
		s.publish(event{Error: err.Error()})
		return
	}
	s.mu.Lock()
	s.services = services
	s.mu.Unlock()
	s.publish(event{Ready: true})
}

func (s *server) publish(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps = append(s.steps, e)
	close(s.changed)
	s.changed = make(chan struct{})
}

// listen opens the control socket. Its path goes through the open folder, because a socket's path is limited to 108 bytes.
func listen(dir string) (net.Listener, error) {
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	path := socketPath(folder)
	// An existing socket is an orphan: only one command at a time starts a daemon.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false) // the path is invalid then
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, err
	}
	return listener, nil
}

func socketPath(folder *os.File) string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), socketName)
}
