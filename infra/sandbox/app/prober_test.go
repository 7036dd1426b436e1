//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/pki"
	"example.com/acr-microservices/infra/sandbox/registrydouble"
)

// prober pulls all the time as kubelet would when a pod starts: it reads the pull secret of a namespace, goes through the
// registry's token flow with it, and asks for the manifest of the service's image.
type prober struct {
	t         *testing.T
	api       string // of the cluster, open to this machine
	transport http.RoundTripper
	image     name.Reference
	cancel    context.CancelFunc
	running   sync.WaitGroup

	mu          sync.Mutex
	pulls       int
	failures    []string
	credentials map[string]bool // that were used
}

// probe starts to pull an image with the pull secret of each of the namespaces.
func (b *box) probe(image string, namespaces ...string) *prober {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	info := b.info()
	proxy := exec.CommandContext(ctx, b.kubectl().path, "--kubeconfig", info.Kubeconfig, "proxy", "--port", "0")
	out, err := proxy.StdoutPipe()
	require.NoError(b.t, err)
	require.NoError(b.t, proxy.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(b.t, err)
	ca, err := pki.EnsureCA(filepath.Join(b.dir(), "pki"), "acr-microservices sandbox")
	require.NoError(b.t, err)
	reference, err := name.ParseReference(image)
	require.NoError(b.t, err)
	p := &prober{
		t: b.t, api: "http://" + strings.TrimSpace(strings.TrimPrefix(line, "Starting to serve on ")), image: reference,
		transport: registrydouble.Transport(info.Registry, ca.Pool()), cancel: cancel, credentials: map[string]bool{},
	}
	for _, namespace := range namespaces {
		p.running.Go(func() {
			for ctx.Err() == nil {
				credential, err := p.pull(ctx, namespace)
				if ctx.Err() == nil {
					p.note(credential, err)
				}
			}
		})
	}
	b.t.Cleanup(func() {
		p.stop()
		_ = proxy.Wait()
	})
	return p
}

func (p *prober) note(credential string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pulls++
	p.credentials[credential] = true
	if err != nil {
		p.failures = append(p.failures, err.Error())
	}
}

// pull pulls once, and returns the credential that it has used.
func (p *prober) pull(ctx context.Context, namespace string) (string, error) {
	var secret struct{ Data map[string][]byte }
	if err := p.get(ctx, "/api/v1/namespaces/"+namespace+"/secrets/acr-secret", &secret); err != nil {
		return "", err
	}
	var config struct {
		Auths map[string]authn.AuthConfig
	}
	if err := json.Unmarshal(secret.Data[".dockerconfigjson"], &config); err != nil {
		return "", err
	}
	login := config.Auths[p.image.Context().RegistryStr()]
	_, err := remote.Get(p.image, remote.WithContext(ctx), remote.WithTransport(p.transport), remote.WithAuth(authn.FromConfig(login)))
	return login.Password, err
}

func (p *prober) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.api+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// stop ends the pulls.
func (p *prober) stop() {
	p.cancel()
	p.running.Wait()
}

// counts tells how many pulls there were until now, how many with different credentials, and which failed.
func (p *prober) counts() (pulls, credentials int, failures []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pulls, len(p.credentials), append([]string(nil), p.failures...)
}

// until waits until there have been that many pulls.
func (p *prober) until(pulls int) {
	for done := 0; done < pulls && p.t.Context().Err() == nil; {
		done, _, _ = p.counts()
	}
}
