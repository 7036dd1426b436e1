// Package registrydouble is a double of Azure Container Registry's data plane and of Docker Hub's anonymous pulls.
//
// One [Server] serves every registry <name>.azurecr.io and docker.io; the Host header selects the registry. Each registry has its
// own content, kept on disk. Images, manifests and errors travel over the real distribution protocol, and callers authenticate with
// the real token flow, so that any client works unchanged:
//
//   - https://distribution.github.io/distribution/spec/auth/token/
//   - https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
//
// It neither lists nor deletes: the catalog, a list of tags and DELETE are errors.
//
// Differences from Azure: a missing registry returns 404, although its name would not resolve in Azure; a blob is found in every
// repository of its registry; there is no throttling, geo-replication or artifact cache; tokens are signed with a symmetric key;
// there are no refresh tokens, so that a client sends the password each time.
package registrydouble

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"example.com/acr-microservices/infra/sandbox/pki"
)

const (
	// DockerHub is the registry of images whose name has no host.
	DockerHub = "docker.io"

	dockerHubAuth    = "auth.docker.io"
	dockerHubService = "registry.docker.io"

	azureDomain = ".azurecr.io"
	acrIssuer   = "Azure Container Registry"

	// maxManifest is a limit of Azure Container Registry and most others.
	maxManifest = 4 << 20
)

// dockerHubNames are the names under which clients reach Docker Hub.
var dockerHubNames = []string{DockerHub, "index.docker.io", "registry-1.docker.io"}

var azureName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*\.azurecr\.io$`)

// Authority answers registry queries to Azure. Its methods are called concurrently.
type Authority interface {
	// RegistryExists reports whether a registry has the given login server, such as contoso.azurecr.io.
	RegistryExists(loginServer string) bool
	// Reachable returns why the registry's network rejects the client, whatever its identity; nil if not. The text of the error is
	// sent to the client.
	Reachable(loginServer string) error
	// Authenticate checks a password and returns its principal. The text of an error is sent to the client.
	Authenticate(loginServer, username, password string) (principal string, err error)
	// Allowed reports whether the principal currently has permission for action ("pull", "push" or "delete") on a repository. The
	// principal is empty for an anonymous caller.
	Allowed(loginServer, principal, repository, action string) bool
}

// Options configure a [Server].
type Options struct {
	// Dir holds the content of the registries and the key that signs tokens. It is created with mode 0700. Only one server can use
	// it at a time.
	Dir string
	// Authority knows the registries and the permissions on them.
	Authority Authority
	// OnPull, if set, is called before a manifest is sent to a GET, and can delay it. The host is the login server or
	// [DockerHub], the reference is the requested tag or digest, and the principal is empty for an anonymous pull. It is called
	// concurrently.
	OnPull func(ctx context.Context, host, repository, reference, principal string)
	// Now is the clock for the issue and expiry of tokens; time.Now if nil.
	Now func() time.Time
}

// Server is the double. It is an http.Handler for TLS connections.
type Server struct {
	dir       string
	authority Authority
	onPull    func(ctx context.Context, host, repository, reference, principal string)
	tokens    *issuer

	mu     sync.Mutex
	stores map[string]*store // by login server
}

// New returns a server of the directory's content. An error names the file it is about.
func New(o Options) (*Server, error) {
	if o.Authority == nil {
		return nil, errors.New("registry double: no authority")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OnPull == nil {
		o.OnPull = func(context.Context, string, string, string, string) {}
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("registry double: %w", err)
	}
	tokens, err := newIssuer(filepath.Join(o.Dir, "token.key"), o.Now)
	if err != nil {
		return nil, fmt.Errorf("registry double: %w", err)
	}
	return &Server{
		dir:       o.Dir,
		authority: o.Authority,
		onPull:    o.OnPull,
		tokens:    tokens,
		stores:    map[string]*store{},
	}, nil
}

// TLSConfig returns the configuration of a TLS server for all of these registries.
func TLSConfig(ca *pki.CA) (*tls.Config, error) {
	names := append([]string{"*" + azureDomain, dockerHubAuth, "127.0.0.1"}, dockerHubNames...)
	certPEM, keyPEM, err := ca.Server(names...)
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("registry certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}

// Seed puts an image into Docker Hub, which rejects every push over HTTP. Only [DockerHub] can be seeded: Azure registries contain
// only images pushed with permission.
func (s *Server) Seed(ctx context.Context, host, repository, tag string, image v1.Image) error {
	if host != DockerHub {
		return fmt.Errorf("seed %s/%s:%s: only %s can be seeded", host, repository, tag, DockerHub)
	}
	if !validRepository(repository) {
		return fmt.Errorf("seed %s/%s:%s: not the name of a repository", host, repository, tag)
	}
	content, err := s.store(host)
	if err != nil {
		return fmt.Errorf("seed %s/%s:%s: %w", host, repository, tag, err)
	}
	if err := content.putImage(ctx, repository, tag, image); err != nil {
		return fmt.Errorf("seed %s/%s:%s: %w", host, repository, tag, err)
	}
	return nil
}

// Remove deletes the content of a registry. Call it after a registry is deleted, or before the first use of a new registry of the
// same name. Missing content is not an error.
func (s *Server) Remove(host string) error {
	if host != DockerHub && !azureName.MatchString(host) {
		return fmt.Errorf("remove %q: not the name of a registry", host)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.stores, host)
	if err := os.RemoveAll(filepath.Join(s.dir, host)); err != nil {
		return fmt.Errorf("remove %s: %w", host, err)
	}
	return nil
}

// store returns the content of a registry, whose name has been checked.
func (s *Server) store(host string) (*store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if open, ok := s.stores[host]; ok {
		return open, nil
	}
	opened, err := openStore(filepath.Join(s.dir, host))
	if err != nil {
		return nil, fmt.Errorf("content of %s: %w", host, err)
	}
	s.stores[host] = opened
	return opened, nil
}

// ServeHTTP serves the registry that the Host header names.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.serve(w, r); err != nil {
		writeError(w, err)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) error {
	host := strings.ToLower(r.Host)
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	switch {
	case host == dockerHubAuth:
		return s.dockerHubToken(w, r)
	case slices.Contains(dockerHubNames, host):
		return s.serveRegistry(w, r, DockerHub)
	case !azureName.MatchString(host):
		return apiError{http.StatusMisdirectedRequest, codeUnsupported, fmt.Sprintf("host %q is not served here", host), nil}
	case !s.authority.RegistryExists(host):
		return apiError{http.StatusNotFound, codeNameUnknown, fmt.Sprintf("lookup %s: no such host: the registry does not exist", host), nil}
	}
	if err := s.authority.Reachable(host); err != nil {
		return apiError{http.StatusForbidden, codeDenied, err.Error(), nil}
	}
	if r.URL.Path == "/oauth2/token" {
		return s.acrToken(w, r, host)
	}
	return s.serveRegistry(w, r, host)
}

// The kinds of resources below /v2/.
const (
	kindRoot = iota
	kindManifest
	kindBlob
)

// target is the resource in a request's path.
type target struct {
	kind       int
	repository string
	reference  string // of a manifest: a tag or a digest
}

var repositoryPath = regexp.MustCompile(`^/v2/(.+)/(?:manifests/([^/]+)|blobs/(?:uploads/?|uploads/[^/]+|[^/]+))$`)

func parsePath(path string) (target, error) {
	if path == "/v2" || path == "/v2/" {
		return target{kind: kindRoot}, nil
	}
	match := repositoryPath.FindStringSubmatch(path)
	if match == nil {
		return target{}, apiError{http.StatusNotFound, codeUnsupported, fmt.Sprintf("no endpoint at %q", path), nil}
	}
	t := target{repository: match[1]}
	if !validRepository(t.repository) {
		return target{}, apiError{http.StatusBadRequest, codeNameInvalid, "invalid repository name", map[string]string{"name": t.repository}}
	}
	t.kind, t.reference = kindManifest, match[2]
	if t.reference == "" {
		t.kind = kindBlob
	}
	return t, nil
}

// needs returns the access for a request; its type is empty if any authenticated caller is allowed.
func (t target) needs(method string) (access, error) {
	read := method == http.MethodGet || method == http.MethodHead
	repository := func(actions ...string) (access, error) {
		return access{Type: typeRepository, Name: t.repository, Actions: actions}, nil
	}
	switch {
	case t.kind == kindRoot && read:
		return access{}, nil
	case t.kind == kindRoot:
	case read:
		return repository(actionPull)
	case method == http.MethodPut, t.kind == kindBlob && (method == http.MethodPost || method == http.MethodPatch):
		return repository(actionPull, actionPush)
	}
	return access{}, apiError{http.StatusMethodNotAllowed, codeUnsupported, fmt.Sprintf("method %s is not supported here", method), nil}
}

func (s *Server) serveRegistry(w http.ResponseWriter, r *http.Request, host string) error {
	t, err := parsePath(r.URL.Path)
	if err != nil {
		return err
	}
	needed, err := t.needs(r.Method)
	if err != nil {
		return err
	}
	principal, err := s.authorize(w, r, host, needed)
	if err != nil {
		return err
	}
	content, err := s.store(host)
	if err != nil {
		return err
	}
	switch t.kind {
	case kindManifest:
		return s.serveManifest(w, r, host, content, t, principal)
	case kindBlob:
		r.Header.Del("Range") // optional in the protocol, and go-containerregistry knows only one of its forms
		// go-containerregistry blocks all other uploads while it reads one. Two over one HTTP/2 connection would deadlock: the
		// active one waits for its content, which waits for space that the other's content occupies.
		upload, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(upload))
		content.blobAPI.ServeHTTP(&blobWriter{ResponseWriter: w}, r)
	default:
		writeJSON(w, http.StatusOK, struct{}{})
	}
	return nil
}

func (s *Server) serveManifest(w http.ResponseWriter, r *http.Request, host string, content *store, t target, principal string) error {
	switch r.Method {
	case http.MethodPut:
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxManifest))
		if err != nil {
			return manifestInvalid(err.Error())
		}
		mediaType := types.MediaType(r.Header.Get("Content-Type"))
		digest, err := content.putManifest(r.Context(), t.repository, t.reference, mediaType, body)
		if err != nil {
			return err
		}
		w.Header().Set("Docker-Content-Digest", digest)
		w.Header().Set("Location", "/v2/"+t.repository+"/manifests/"+digest)
		w.WriteHeader(http.StatusCreated)
	default:
		m, digest, err := content.manifest(t.repository, t.reference)
		if err != nil {
			if e := (apiError{}); host == DockerHub && errors.As(err, &e) && e.code == codeManifestUnknown {
				e.message = "manifest unknown" // Docker Hub's message is shorter than Azure's
				return e
			}
			return err
		}
		if r.Method == http.MethodGet {
			s.onPull(r.Context(), host, t.repository, t.reference, principal)
		}
		w.Header().Set("Content-Type", string(m.MediaType))
		w.Header().Set("Content-Length", fmt.Sprint(len(m.Content)))
		w.Header().Set("Docker-Content-Digest", digest)
		_, _ = w.Write(m.Content) // the client is gone if this fails; nothing is written for HEAD
	}
	return nil
}

// blobWriter sets the content type of go-containerregistry's responses, which net/http would otherwise guess.
type blobWriter struct{ http.ResponseWriter }

func (w *blobWriter) WriteHeader(status int) {
	w.Header().Set("Content-Type", "application/octet-stream")
	if status >= http.StatusBadRequest {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.ResponseWriter.WriteHeader(status)
}
