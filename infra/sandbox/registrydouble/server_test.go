package registrydouble_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"example.com/acr-microservices/infra/sandbox/pki"
	"example.com/acr-microservices/infra/sandbox/registrydouble"
)

const (
	contoso  = "contoso.azurecr.io"
	fabrikam = "fabrikam.azurecr.io"

	authenticationRequired = "authentication required, visit https://aka.ms/acr/authorization for more information."
)

// azureSays is an error with Azure's text.
type azureSays string

func (s azureSays) Error() string { return string(s) }

// cloud is a small Azure: principals, their passwords and permissions.
type cloud struct {
	mu         sync.Mutex
	registries []string
	passwords  map[string]string   // by user name, which is also the principal
	permission map[string][]string // by registry and principal: actions
	firewall   map[string]string   // by registry: rejection reason
}

func newCloud() *cloud {
	return &cloud{
		registries: []string{contoso, fabrikam},
		passwords:  map[string]string{"owner": "owner-password", "puller": "puller-password", "nobody": "nobody-password"},
		permission: map[string][]string{
			contoso + " owner":  {"pull", "push", "delete"},
			contoso + " puller": {"pull"},
			fabrikam + " owner": {"pull", "push", "delete"},
		},
	}
}

func (c *cloud) RegistryExists(loginServer string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.registries, loginServer)
}

func (c *cloud) Reachable(loginServer string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if why := c.firewall[loginServer]; why != "" {
		return azureSays(why)
	}
	return nil
}

func (c *cloud) Authenticate(_, username, password string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch want, known := c.passwords[username]; {
	case !known:
		return "", azureSays("Application not registered with AAD.")
	case want != password:
		return "", azureSays("Invalid clientid or client secret.")
	}
	return username, nil
}

func (c *cloud) Allowed(loginServer, principal, _, action string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.permission[loginServer+" "+principal], action)
}

func (c *cloud) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// fixture is a running double.
type fixture struct {
	*cloud
	t         *testing.T
	dir       string
	server    *registrydouble.Server
	transport http.RoundTripper

	mu    sync.Mutex
	clock time.Time
	pulls []string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{cloud: newCloud(), t: t, dir: filepath.Join(t.TempDir(), "registries"), clock: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	f.start()
	return f
}

// start runs a server over the fixture's directory; it is called again to restart it.
func (f *fixture) start() {
	f.t.Helper()
	server, err := registrydouble.New(registrydouble.Options{
		Dir:       f.dir,
		Authority: f.cloud,
		OnPull: func(_ context.Context, host, repository, reference, principal string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.pulls = append(f.pulls, strings.Join([]string{host, repository, reference, principal}, " "))
		},
		Now: func() time.Time {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.clock
		},
	})
	require.NoError(f.t, err)
	f.server = server

	ca, err := pki.EnsureCA(filepath.Join(f.t.TempDir(), "ca"), "test CA")
	require.NoError(f.t, err)
	ts := httptest.NewUnstartedServer(server)
	ts.TLS, err = registrydouble.TLSConfig(ca)
	require.NoError(f.t, err)
	ts.Config.ErrorLog = log.New(io.Discard, "", 0)
	ts.StartTLS()
	f.t.Cleanup(ts.Close)
	f.transport = registrydouble.Transport(ts.Listener.Addr().String(), ca.Pool())
}

func (f *fixture) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = f.clock.Add(d)
}

// as returns the options for the principal with its password; anonymous if the name is empty.
func (f *fixture) as(principal string) []remote.Option {
	auth := authn.Anonymous
	if principal != "" {
		auth = &authn.Basic{Username: principal, Password: principal + "-password"}
	}
	return f.with(auth)
}

func (f *fixture) with(auth authn.Authenticator) []remote.Option {
	return []remote.Option{remote.WithTransport(f.transport), remote.WithAuth(auth), remote.WithContext(f.t.Context())}
}

func reference(t *testing.T, text string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(text)
	require.NoError(t, err)
	return ref
}

func newImage(t *testing.T) v1.Image {
	t.Helper()
	image, err := random.Image(1024, 2)
	require.NoError(t, err)
	return image
}

func digestOf(t *testing.T, image v1.Image) v1.Hash {
	t.Helper()
	digest, err := image.Digest()
	require.NoError(t, err)
	return digest
}

// push pushes a new image as the owner.
func (f *fixture) push(ref string) v1.Image {
	f.t.Helper()
	image := newImage(f.t)
	require.NoError(f.t, remote.Write(reference(f.t, ref), image, f.as("owner")...))
	return image
}

// refused asserts that the error is the registry's response with the given status, code and message.
func refused(t *testing.T, err error, status int, code, message string) {
	t.Helper()
	var answer *transport.Error
	require.ErrorAs(t, err, &answer)
	assert.Equal(t, status, answer.StatusCode)
	require.Len(t, answer.Errors, 1, "%v", err)
	assert.Equal(t, code, string(answer.Errors[0].Code))
	assert.Equal(t, message, answer.Errors[0].Message)
}

// pull pulls all of an image, as a node does.
func pull(ref name.Reference, options []remote.Option) (v1.Hash, error) {
	image, err := remote.Image(ref, options...)
	if err != nil {
		return v1.Hash{}, err
	}
	layers, err := image.Layers()
	if err != nil {
		return v1.Hash{}, err
	}
	for _, layer := range layers {
		content, err := layer.Compressed()
		if err != nil {
			return v1.Hash{}, err
		}
		_, err = io.Copy(io.Discard, content)
		if err := errors.Join(err, content.Close()); err != nil {
			return v1.Hash{}, err
		}
	}
	if _, err := image.RawConfigFile(); err != nil {
		return v1.Hash{}, err
	}
	return image.Digest()
}

func TestPushThenPull(t *testing.T) {
	f := newFixture(t)
	image := f.push(contoso + "/team/api:1.0.0")
	descriptor, err := remote.Head(reference(t, contoso+"/team/api:1.0.0"), f.as("puller")...)
	require.NoError(t, err)
	assert.Equal(t, digestOf(t, image), descriptor.Digest)
	require.Empty(t, f.pulls, "neither a push nor a HEAD request is a pull")

	got, err := pull(reference(t, contoso+"/team/api:1.0.0"), f.as("puller"))
	require.NoError(t, err)
	assert.Equal(t, digestOf(t, image), got)
	byDigest := contoso + "/team/api@" + got.String()
	_, err = pull(reference(t, byDigest), f.as("puller"))
	require.NoError(t, err)

	assert.Equal(t, []string{
		contoso + " team/api 1.0.0 puller",
		contoso + " team/api " + got.String() + " puller",
	}, f.pulls)
}

func TestPullRefused(t *testing.T) {
	f := newFixture(t)
	f.push(contoso + "/api:1.0.0")

	tests := map[string]struct {
		ref, username, password string
		status                  int
		code, message           string
	}{
		"wrong password":              {"/api:1.0.0", "puller", "guessed", 401, "UNAUTHORIZED", "Invalid clientid or client secret."},
		"unknown user":                {"/api:1.0.0", "stranger", "x", 401, "UNAUTHORIZED", "Application not registered with AAD."},
		"no AcrPull":                  {"/api:1.0.0", "nobody", "nobody-password", 401, "UNAUTHORIZED", authenticationRequired},
		"no AcrPull, unknown tag":     {"/api:9.9.9", "nobody", "nobody-password", 401, "UNAUTHORIZED", authenticationRequired},
		"no AcrPull, unknown image":   {"/nothing:1.0.0", "nobody", "nobody-password", 401, "UNAUTHORIZED", authenticationRequired},
		"with AcrPull, unknown tag":   {"/api:9.9.9", "puller", "puller-password", 404, "MANIFEST_UNKNOWN", `manifest tagged by "9.9.9" is not found`},
		"with AcrPull, unknown image": {"/nothing:1.0.0", "puller", "puller-password", 404, "NAME_UNKNOWN", "repository name not known to registry"},
		"anonymous":                   {"/api:1.0.0", "", "", 401, "UNAUTHORIZED", authenticationRequired},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			auth := authn.Anonymous
			if test.username != "" {
				auth = &authn.Basic{Username: test.username, Password: test.password}
			}
			_, err := pull(reference(t, contoso+test.ref), f.with(auth))
			refused(t, err, test.status, test.code, test.message)
			if test.password != "" {
				assert.NotContains(t, err.Error(), test.password)
			}
		})
	}
	assert.Empty(t, f.pulls)
}

func TestNetworkRulesRejectRequests(t *testing.T) {
	const why = "client with IP '203.0.113.10' is not allowed access. Refer https://aka.ms/acr/firewall to grant access."
	f := newFixture(t)
	f.push(contoso + "/api:1.0.0")
	f.push(fabrikam + "/api:1.0.0")
	token := f.token(contoso, "puller", "repository:api:pull")
	f.change(func() { f.firewall = map[string]string{contoso: why} })
	for _, principal := range []string{"", "nobody", "puller", "owner"} {
		_, err := pull(reference(t, contoso+"/api:1.0.0"), f.as(principal))
		refused(t, err, http.StatusForbidden, "DENIED", why)
	}
	for _, path := range []string{"/v2/", "/v2/api/manifests/1.0.0", "/oauth2/token?service=" + contoso} {
		got := f.get("https://"+contoso+path, "Bearer "+token)
		assert.Equal(t, http.StatusForbidden, got.status, path)
		assert.Empty(t, got.header.Get("Www-Authenticate"), "the response has no login challenge")
	}
	_, err := pull(reference(t, fabrikam+"/api:1.0.0"), f.as("owner"))
	require.NoError(t, err, "the network rules apply to one registry only")
	f.change(func() { f.firewall = nil })
	_, err = pull(reference(t, contoso+"/api:1.0.0"), f.as("puller"))
	require.NoError(t, err)
}

// TestPermissionPropagationDelay is a race in deployments: the same pull is rejected, then allowed.
func TestPermissionPropagationDelay(t *testing.T) {
	f := newFixture(t)
	f.push(contoso + "/api:1.0.0")
	ref := reference(t, contoso+"/api:1.0.0")
	_, err := pull(ref, f.as("nobody"))
	refused(t, err, 401, "UNAUTHORIZED", authenticationRequired)

	f.change(func() { f.permission[contoso+" nobody"] = []string{"pull"} })

	_, err = pull(ref, f.as("nobody"))
	assert.NoError(t, err)
}

func TestPushRefused(t *testing.T) {
	f := newFixture(t)
	f.push(contoso + "/api:1.0.0")
	for _, principal := range []string{"puller", "nobody", ""} {
		err := remote.Write(reference(t, contoso+"/api:2.0.0"), newImage(t), f.as(principal)...)
		refused(t, err, 401, "UNAUTHORIZED", authenticationRequired)
	}
	_, err := pull(reference(t, contoso+"/api:2.0.0"), f.as("puller"))
	refused(t, err, 404, "MANIFEST_UNKNOWN", `manifest tagged by "2.0.0" is not found`)
}

func TestRegistriesAreIsolated(t *testing.T) {
	f := newFixture(t)
	first, second := f.push(contoso+"/api:1.0.0"), f.push(fabrikam+"/api:1.0.0")
	f.push(fabrikam + "/api:2.0.0")
	f.change(func() { f.permission[fabrikam+" puller"] = []string{"pull"} })

	for host, want := range map[string]v1.Image{contoso: first, fabrikam: second} {
		got, err := pull(reference(t, host+"/api:1.0.0"), f.as("puller"))
		require.NoError(t, err)
		assert.Equal(t, digestOf(t, want), got)
	}
	_, err := pull(reference(t, contoso+"/api:2.0.0"), f.as("puller"))
	refused(t, err, 404, "MANIFEST_UNKNOWN", `manifest tagged by "2.0.0" is not found`)

	layers, err := second.Layers()
	require.NoError(t, err)
	digest, err := layers[0].Digest()
	require.NoError(t, err)
	resp := f.get("https://"+contoso+"/v2/api/blobs/"+digest.String(), "Bearer "+f.token(contoso, "puller", "repository:api:pull"))
	assert.Equal(t, 404, resp.status, "a blob of another registry does not exist")
}

func TestContentSurvivesARestart(t *testing.T) {
	f := newFixture(t)
	image := f.push(contoso + "/api:1.0.0")
	token := f.token(contoso, "puller", "repository:api:pull")

	f.start()

	got, err := pull(reference(t, contoso+"/api:1.0.0"), f.as("puller"))
	require.NoError(t, err)
	assert.Equal(t, digestOf(t, image), got)
	assert.Equal(t, 200, f.get("https://"+contoso+"/v2/api/manifests/1.0.0", "Bearer "+token).status, "a token from before the restart is valid")
}

func TestRemove(t *testing.T) {
	f := newFixture(t)
	f.push(contoso + "/api:1.0.0")
	kept := f.push(fabrikam + "/api:1.0.0")

	require.NoError(t, f.server.Remove(contoso))
	require.NoError(t, f.server.Remove(contoso), "a second removal succeeds")

	_, err := pull(reference(t, contoso+"/api:1.0.0"), f.as("puller"))
	refused(t, err, 404, "NAME_UNKNOWN", "repository name not known to registry")
	assert.NoDirExists(t, filepath.Join(f.dir, contoso, "blobs", "sha256"))
	got, err := pull(reference(t, fabrikam+"/api:1.0.0"), f.as("owner"))
	require.NoError(t, err)
	assert.Equal(t, digestOf(t, kept), got)

	f.push(contoso + "/api:1.0.0") // a new registry of the same name is usable
	for _, host := range []string{"", ".", "..", "../x", "token.key", "evil.azurecr.io/.."} {
		require.Error(t, f.server.Remove(host), host)
	}
	assert.FileExists(t, filepath.Join(f.dir, "token.key"))
}

func TestMissingRegistry(t *testing.T) {
	f := newFixture(t)
	_, err := pull(reference(t, "missing.azurecr.io/api:1.0.0"), f.as("owner"))
	refused(t, err, 404, "NAME_UNKNOWN", "lookup missing.azurecr.io: no such host: the registry does not exist")

	f.push(contoso + "/api:1.0.0")
	f.change(func() { f.registries = []string{fabrikam} })
	_, err = pull(reference(t, contoso+"/api:1.0.0"), f.as("puller"))
	refused(t, err, 404, "NAME_UNKNOWN", "lookup contoso.azurecr.io: no such host: the registry does not exist")
	assert.NoDirExists(t, filepath.Join(f.dir, "missing.azurecr.io"))
}

func TestTransportRejectsOtherHosts(t *testing.T) {
	f := newFixture(t)
	for _, host := range []string{"example.com", "azurecr.io", "mcr.microsoft.com", "a.b.azurecr.io", "127.0.0.1"} {
		resp, err := (&http.Client{Transport: f.transport}).Get("https://" + host + "/v2/")
		if err == nil {
			resp.Body.Close()
		}
		assert.ErrorContains(t, err, host+" is not a registry of the sandbox")
	}
}

func TestDockerHub(t *testing.T) {
	f := newFixture(t)
	image := newImage(t)
	require.NoError(t, f.server.Seed(t.Context(), registrydouble.DockerHub, "wolfgangofner/customerapi", "1.0.0", image))

	for _, ref := range []string{"wolfgangofner/customerapi:1.0.0", "docker.io/wolfgangofner/customerapi:1.0.0", "registry-1.docker.io/wolfgangofner/customerapi:1.0.0"} {
		got, err := pull(reference(t, ref), f.as(""))
		require.NoError(t, err, ref)
		assert.Equal(t, digestOf(t, image), got)
	}
	assert.Equal(t, slices.Repeat([]string{"docker.io wolfgangofner/customerapi 1.0.0 "}, 3), f.pulls)

	_, err := pull(reference(t, "wolfgangofner/customerapi:9.9.9"), f.as(""))
	refused(t, err, 404, "MANIFEST_UNKNOWN", "manifest unknown")
	_, err = pull(reference(t, "wolfgangofner/private:1.0.0"), f.as(""))
	refused(t, err, 401, "UNAUTHORIZED", "authentication required")
	err = remote.Write(reference(t, "wolfgangofner/customerapi:2.0.0"), newImage(t), f.as("")...)
	refused(t, err, 401, "UNAUTHORIZED", "authentication required")
	_, err = pull(reference(t, "wolfgangofner/customerapi:1.0.0"), f.as("owner"))
	refused(t, err, 401, "UNAUTHORIZED", "incorrect username or password")

	f.start()
	got, err := pull(reference(t, "wolfgangofner/customerapi:1.0.0"), f.as(""))
	require.NoError(t, err, "the image survives a restart")
	assert.Equal(t, digestOf(t, image), got)
}

func TestSeedAcceptsOnlyDockerHub(t *testing.T) {
	f := newFixture(t)
	require.ErrorContains(t, f.server.Seed(t.Context(), contoso, "api", "1.0.0", newImage(t)), "only docker.io can be seeded")
	require.ErrorContains(t, f.server.Seed(t.Context(), registrydouble.DockerHub, "../api", "1.0.0", newImage(t)), "not the name of a repository")
	assert.ErrorContains(t, f.server.Seed(t.Context(), registrydouble.DockerHub, "api", "a tag", newImage(t)), `invalid tag "a tag"`)
}

func TestImageIndex(t *testing.T) {
	f := newFixture(t)
	image := newImage(t)
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image})
	ref := reference(t, contoso+"/multi:1.0.0")
	require.NoError(t, remote.WriteIndex(ref, index, f.as("owner")...))

	pulled, err := remote.Index(ref, f.as("puller")...)
	require.NoError(t, err)
	want, err := index.Digest()
	require.NoError(t, err)
	got, err := pulled.Digest()
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestConcurrentPullsAndPushes(t *testing.T) {
	f := newFixture(t)
	image := f.push(contoso + "/api:1.0.0")
	const clients = 16

	group, ctx := errgroup.WithContext(t.Context())
	for i := range clients {
		group.Go(func() error {
			got, err := pull(reference(t, contoso+"/api:1.0.0"), append(f.as("puller"), remote.WithContext(ctx)))
			if err == nil && got != digestOf(t, image) {
				err = errors.New("unexpected image: " + got.String())
			}
			return err
		})
		group.Go(func() error {
			tag := contoso + "/api:push-" + string(rune('a'+i))
			return remote.Write(reference(t, tag), newImage(t), append(f.as("owner"), remote.WithContext(ctx))...)
		})
	}
	require.NoError(t, group.Wait())

	assert.Len(t, f.pulls, clients)
	f.start()
	for i := range clients {
		_, err := remote.Head(reference(t, contoso+"/api:push-"+string(rune('a'+i))), f.as("puller")...)
		require.NoError(t, err, "all pushes are stored")
	}
}

// An upload with slow content does not block another upload, on any connection.
func TestUploadsAreConcurrent(t *testing.T) {
	f := newFixture(t)
	token := "Bearer " + f.token(contoso, "owner", "repository:api:pull,push")
	begin := func() string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+contoso+"/v2/api/blobs/uploads/", http.NoBody)
		require.NoError(t, err)
		return f.do(req, token).header.Get("Location")
	}
	upload := func(location string, content io.Reader) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPatch, "https://"+contoso+location, content)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", token)
		resp, err := f.transport.RoundTrip(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			return errors.New(resp.Status)
		}
		return nil
	}
	slow, quick := begin(), begin()
	content, write := io.Pipe()
	done := make(chan error)
	go func() { done <- upload(slow, content) }()
	_, err := io.WriteString(write, "the start of a slow upload")
	require.NoError(t, err)
	require.NoError(t, upload(quick, strings.NewReader(strings.Repeat("x", 8<<20))))
	require.NoError(t, write.Close())
	require.NoError(t, <-done)
}

func TestSecretsStayPrivate(t *testing.T) {
	f := newFixture(t)
	f.push(contoso + "/api:1.0.0")
	for path, mode := range map[string]os.FileMode{"": 0o700, "token.key": 0o600} {
		info, err := os.Stat(filepath.Join(f.dir, path))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), path)
	}
	require.NoError(t, filepath.WalkDir(f.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		assert.NotContains(t, string(content), "owner-password", path)
		return err
	}))
}

func TestNewErrors(t *testing.T) {
	_, err := registrydouble.New(registrydouble.Options{Dir: t.TempDir()})
	require.EqualError(t, err, "registry double: no authority")

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = registrydouble.New(registrydouble.Options{Dir: file, Authority: newCloud()})
	assert.ErrorContains(t, err, file)
}

func TestDamagedContentIsReported(t *testing.T) {
	f := newFixture(t)
	f.push(contoso + "/api:1.0.0")
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, contoso, "index.json"), []byte("{"), 0o600))
	f.start()

	resp := f.get("https://"+contoso+"/v2/api/manifests/1.0.0", "Bearer "+f.token(contoso, "puller", "repository:api:pull"))

	assert.Equal(t, 500, resp.status)
	assert.Contains(t, resp.body, "index.json: unexpected end of JSON input")
}

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (f *fixture) get(url, authorization string) answer {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, url, nil)
	require.NoError(f.t, err)
	return f.do(req, authorization)
}

func (f *fixture) post(url string, form url.Values) answer {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, url, strings.NewReader(form.Encode()))
	require.NoError(f.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return f.do(req, "")
}

func (f *fixture) do(req *http.Request, authorization string) answer {
	f.t.Helper()
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := f.transport.RoundTrip(req)
	require.NoError(f.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(f.t, err)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// token gets an access token with a password.
func (f *fixture) token(host, principal, scope string) string {
	f.t.Helper()
	resp := f.get("https://"+host+"/oauth2/token?"+url.Values{"service": {host}, "scope": {scope}}.Encode(), basic(principal))
	require.Equal(f.t, 200, resp.status, resp.body)
	return field(f.t, resp.body, "access_token")
}

func basic(principal string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(principal+":"+principal+"-password"))
}

func field(t *testing.T, body, key string) string {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &fields))
	value, _ := fields[key].(string)
	require.NotEmpty(t, value, body)
	return value
}
