//go:build linux

package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/pki"
	"example.com/acr-microservices/infra/sandbox/registrydouble"
)

// pause is a prober's delay between two pulls.
const pause = 15 * time.Millisecond

// prober pulls continuously, as kubelet does when a pod starts: it runs the registry's token flow with a credential, and
// requests the manifest of the service's image.
type prober struct {
	t         *testing.T
	api       string // of the cluster, via kubectl proxy
	transport http.RoundTripper
	image     name.Reference
	node      authn.AuthConfig // the node's own login
	cancel    context.CancelFunc
	running   sync.WaitGroup

	mu          sync.Mutex
	pulled      *sync.Cond // each pull
	pulls       int
	failures    []string
	credentials map[string]bool // that were used
}

// probe starts pulls of an image with the pull secret of each namespace.
func (b *box) probe(image string, namespaces ...string) *prober {
	b.t.Helper()
	return b.startProber(image, (*prober).pullBySecret, namespaces)
}

// probePods starts pulls of an image as each pod that can start in the namespaces at that moment: with its existing pull
// secrets, and then with the node's own login.
func (b *box) probePods(image string, namespaces ...string) *prober {
	b.t.Helper()
	return b.startProber(image, (*prober).pullAsPods, namespaces)
}

func (b *box) startProber(image string, pull func(*prober, context.Context, string) (string, error), namespaces []string) *prober {
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
	client, err := daemon.Connect(ctx, b.dir())
	require.NoError(b.t, err)
	defer client.Close()
	node, err := client.NodeLogin(ctx)
	require.NoError(b.t, err)
	p := &prober{
		node: authn.AuthConfig{Username: node.Username, Password: node.Password},
		t:    b.t, api: "http://" + strings.TrimSpace(strings.TrimPrefix(line, "Starting to serve on ")), image: reference,
		transport: registrydouble.Transport(info.Registry, ca.Pool()), cancel: cancel, credentials: map[string]bool{},
	}
	p.pulled = sync.NewCond(&p.mu)
	for _, namespace := range namespaces {
		p.running.Go(func() {
			for ctx.Err() == nil {
				time.Sleep(pause) // otherwise it takes a CPU from the tested code
				credential, err := pull(p, ctx, namespace)
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
	p.pulled.Broadcast()
	p.credentials[credential] = true
	if err != nil {
		p.failures = append(p.failures, err.Error())
	}
}

// pullBySecret pulls once with a namespace's pull secret, and returns the credential that it used.
func (p *prober) pullBySecret(ctx context.Context, namespace string) (string, error) {
	login, err := p.secret(ctx, namespace, "acr-secret")
	if err != nil {
		return "", err
	}
	return login.Password, p.pull(ctx, login)
}

// pullAsPods pulls once for each kind of pod that can start in a namespace, and returns the last accepted credential. A failure
// counts only if such pods can still start: else their secrets may be gone with them.
func (p *prober) pullAsPods(ctx context.Context, namespace string) (used string, err error) {
	kinds, err := p.podKinds(ctx, namespace)
	if err != nil {
		return "", err
	}
	for _, secrets := range kinds {
		var refusals []error
		accepted := false
		for _, name := range append(strings.Fields(secrets), "") {
			login := p.node
			if name != "" {
				if login, err = p.secret(ctx, namespace, name); err != nil {
					refusals = append(refusals, err) // kubelet warns of a missing secret, and continues
					continue
				}
			}
			if err = p.pull(ctx, login); err == nil {
				used, accepted = login.Password, true
				break
			}
			refusals = append(refusals, err)
		}
		if accepted {
			continue
		}
		now, err := p.podKinds(ctx, namespace)
		if err != nil || slices.Contains(now, secrets) {
			return "", fmt.Errorf("a pod with the pull secrets %q: %w", secrets, errors.Join(append(refusals, err)...))
		}
	}
	return used, nil
}

// podKinds returns the kinds of pods that can start in a namespace: their pull secrets' names, space-separated.
func (p *prober) podKinds(ctx context.Context, namespace string) ([]string, error) {
	var sets struct {
		Items []struct {
			Spec struct {
				Replicas int
				Template struct {
					Spec struct{ ImagePullSecrets []struct{ Name string } }
				}
			}
		}
	}
	if err := p.get(ctx, "/apis/apps/v1/namespaces/"+namespace+"/replicasets", &sets); err != nil {
		return nil, err
	}
	var kinds []string
	for _, set := range sets.Items {
		if set.Spec.Replicas == 0 {
			continue
		}
		var names []string
		for _, secret := range set.Spec.Template.Spec.ImagePullSecrets {
			names = append(names, secret.Name)
		}
		kinds = append(kinds, strings.Join(names, " "))
	}
	if len(kinds) == 0 {
		return nil, fmt.Errorf("no pod may start in %s", namespace)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds), nil
}

// secret reads the image registry's login from a pull secret.
func (p *prober) secret(ctx context.Context, namespace, name string) (authn.AuthConfig, error) {
	var secret struct{ Data map[string][]byte }
	if err := p.get(ctx, "/api/v1/namespaces/"+namespace+"/secrets/"+name, &secret); err != nil {
		return authn.AuthConfig{}, err
	}
	var config struct {
		Auths map[string]authn.AuthConfig
	}
	err := json.Unmarshal(secret.Data[".dockerconfigjson"], &config)
	return config.Auths[p.image.Context().RegistryStr()], err
}

func (p *prober) pull(ctx context.Context, login authn.AuthConfig) error {
	_, err := remote.Get(p.image, remote.WithContext(ctx), remote.WithTransport(p.transport), remote.WithAuth(authn.FromConfig(login)))
	return err
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

// counts returns the number of pulls and of different credentials so far, and the failures.
func (p *prober) counts() (pulls, credentials int, failures []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pulls, len(p.credentials), append([]string(nil), p.failures...)
}

// more waits for that many further pulls.
func (p *prober) more(pulls int) {
	before, _, _ := p.counts()
	p.until(before + pulls)
}

// until waits for that many pulls in total.
func (p *prober) until(pulls int) {
	ended := context.AfterFunc(p.t.Context(), p.pulled.Broadcast)
	defer ended()
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.pulls < pulls && p.t.Context().Err() == nil {
		p.pulled.Wait()
	}
}
