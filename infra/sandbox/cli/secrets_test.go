//go:build linux

package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// database is where a cluster keeps its secrets.
var database = filepath.Join("cluster", "etcd")

// checkSecrets searches all files and output of the sandbox, and the texts that the test collected, for every credential: the
// stack's, those given by the test, and the sandbox's own. It also checks who can read them.
func (b *box) checkSecrets(stack string, given map[string]string, collected map[string][]byte) {
	t := b.t
	t.Helper()
	credentials := credentialsOf(t, b.pulumi("stack", "export", "--show-secrets", "--stack", stack))
	require.NotEmpty(t, credentials)
	maps.Copy(credentials, given)
	own := b.ownCredentials()
	search, searchOwn := newLeakSearch(credentials), newLeakSearch(own)

	objects, err := b.kubectl().run(t.Context(), "get", "events,pods,configmaps,deployments,serviceaccounts", "--all-namespaces", "--output", "json")
	require.NoError(t, err)
	texts := map[string][]byte{"output of commands": b.out.Bytes(), "objects in the cluster": objects}
	maps.Copy(texts, collected)
	for place, text := range texts {
		assert.Empty(t, search.in(text), "in the %s", place)
		assert.Empty(t, searchOwn.in(text), "in the %s", place)
	}

	b.isPrivate(".") // so no other user can reach the files below, whatever their modes
	found, searched := map[string]bool{}, 0
	shared := slices.Collect(maps.Values(own)) // through the kubeconfig given to the stack
	b.files(func(path string, content []byte) {
		searched += len(content)
		for _, credential := range search.in(content) {
			found[credential] = true
			b.isPrivate(path)
			isHome := strings.HasPrefix(path, database) || b.isOwn(path) && slices.Contains(shared, credentials[credential])
			assert.True(t, isHome, "%s is in plain text in %s", credential, path)
		}
		if b.isOwn(path) {
			b.isPrivate(path)
		} else {
			assert.Empty(t, searchOwn.in(content), "in %s", path)
		}
	})
	t.Logf("%d credentials of the stack and %d of the sandbox, looked for in %d MB of files and %d texts",
		len(credentials), len(own), searched>>20, len(texts))
	assert.NotEmpty(t, found, "the search does not even find the pull secrets in the database")
}

// isPrivate asserts that only its owner can read a file.
func (b *box) isPrivate(path string) {
	b.t.Helper()
	info, err := os.Stat(filepath.Join(b.dir(), path))
	if errors.Is(err, fs.ErrNotExist) {
		return // the cluster runs
	}
	require.NoError(b.t, err)
	assert.Zero(b.t, info.Mode().Perm()&0o077, "%s is %s", path, info.Mode())
}

// isOwn reports whether a file holds the sandbox's own credentials.
func (b *box) isOwn(path string) bool {
	name := filepath.Base(path)
	return name == "passphrase" || name == "kubeconfig" || strings.HasSuffix(name, ".kubeconfig") || strings.HasSuffix(name, ".key")
}

// ownCredentials returns the sandbox's internal credentials: keys, and the passphrase of the state.
func (b *box) ownCredentials() map[string]string {
	own := map[string]string{}
	b.files(func(path string, content []byte) {
		if !b.isOwn(path) {
			return
		}
		if lines := strings.Fields(string(content)); strings.HasPrefix(string(content), "-----BEGIN") {
			own[path] = slices.MaxFunc(lines, func(a, b string) int { return len(a) - len(b) }) // first full line of the key
			return
		}
		if before := len(own); strings.HasSuffix(path, "kubeconfig") {
			addTexts(own, path, string(content))
			require.Greater(b.t, len(own), before, path)
			return
		}
		own[path] = string(content)
	})
	require.NotEmpty(b.t, own)
	return own
}

// files calls do for each file of the sandbox.
func (b *box) files(do func(path string, content []byte)) {
	b.t.Helper()
	err := filepath.WalkDir(b.dir(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // the cluster runs
			}
			return err
		}
		rel, err := filepath.Rel(b.dir(), path)
		if err != nil {
			return err
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		if content, err := os.ReadFile(path); err == nil { // else it is deleted
			do(rel, content)
		}
		return nil
	})
	require.NoError(b.t, err)
}

// login reads a namespace's pull secret.
func (b *box) login(namespace string) (username, password string) {
	b.t.Helper()
	out, err := b.kubectl().run(b.t.Context(), "get", "secret", "acr-secret", "--namespace", namespace, "--output", `jsonpath={.data.\.dockerconfigjson}`)
	require.NoError(b.t, err)
	content, err := base64.StdEncoding.DecodeString(string(out))
	require.NoError(b.t, err)
	var config struct {
		Auths map[string]struct{ Username, Password string }
	}
	require.NoError(b.t, json.Unmarshal(content, &config))
	require.Len(b.t, config.Auths, 1)
	for _, login := range config.Auths {
		username, password = login.Username, login.Password
	}
	return username, password
}

// environment returns the variables of "env", by which programs find the sandbox.
func (b *box) environment() map[string]string {
	b.t.Helper()
	env := map[string]string{}
	for _, line := range strings.Split(b.must("env"), "\n") {
		if assignment, ok := strings.CutPrefix(line, "export "); ok {
			key, value, _ := strings.Cut(assignment, "=")
			env[key] = strings.Trim(value, "'")
		}
	}
	return env
}

// indiscreet matches lines of Pulumi's log with unmasked properties: the engine's own, and those of providers, which the engine
// turns into debug events and writes to its log.
var indiscreet = regexp.MustCompile(`^\{.*"(msg|message)":"(eventSink::Debug\(<\{%reset%\}>)?(\{\\"time\\":\S+,\\"msg\\":\\")?` +
	`((Unm|M)arshaling property for RPC\[|Planner decided to |Will populate dest: )`)

// TestSecrets gives a stack each credential that it can have, and runs it with the engine's log at the highest verbosity.
func TestSecrets(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "secrets")
	// An image is imported from another stack's registry, with a password.
	b.configure(settings{"services": settings{"customerapi": settings{}}})
	b.must("up")
	username, password := b.login(customer)
	kubeconfig, err := os.ReadFile(b.info().Kubeconfig)
	require.NoError(t, err)
	var outputs struct{ LoginServer string }
	require.NoError(t, json.Unmarshal(b.pulumi("stack", "output", "--json"), &outputs))

	given := map[string]string{
		"services.customerapi.values.secrets.TOKEN":       privateValue,
		"services.customerapi.image.import.password":      password,
		"services.customerapi.chart.password":             "chart-password/8f1c+2d&",
		"services.orderapi.image.build.token":             "build-token-77aa01bc",
		"registry.webhooks.scanner.serviceUri":            "https://scanner.example.com/acr?code=webhook-code-4410fe",
		"registry.webhooks.scanner.headers.Authorization": "Bearer webhook-header-9c2b<>",
	}
	chart := chartRepository(t)
	chart["username"] = "reader"
	c := b.plain("leaks", settings{
		"environment": "leaks",
		"registry": settings{
			"sku": "Standard", "pull": settings{"also": []string{"token"}},
			"webhooks": settings{"scanner": settings{"actions": []string{"push"}}},
		},
		"services": settings{
			"customerapi": settings{
				"image": settings{"tag": "first", "import": settings{"source": outputs.LoginServer + "/customerapi:1.0.0", "username": username}},
				"chart": chart,
			},
			"orderapi": settings{"image": settings{"tag": "first", "build": settings{
				"context": "https://github.com/example/shop.git#v1.0.0:orderapi", "platform": "linux/" + runtime.GOARCH,
			}}},
		},
	})
	set := []string{"config", "set-all", "--path", "--secret", "acr-microservices:cluster.kubeconfig=" + string(kubeconfig)}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		set = append(set, "--secret", "acr-microservices:"+key+"="+given[key])
	}
	c.must(set...)
	collected := map[string][]byte{}
	loudly := func(name string, level string, args ...string) {
		t.Helper()
		collected[name+" at level "+level] = []byte(c.must(append(args, "--logtostderr", "--logflow", "-v="+level, "--event-log", name+".events")...))
		collected["events of "+name] = c.read(name + ".events")
	}
	loudly("preview", "11", "preview", "--diff", "--save-plan", "plan.json")
	collected["plan"] = c.read("plan.json")
	loudly("up", "11", "up", "--yes", "--diff")
	// The rotation replaces all passwords in the logs so far.
	for name, value := range credentialsOf(t, b.pulumi("stack", "export", "--show-secrets", "--stack", "leaks")) {
		given["before the rotation: "+name] = value
	}
	c.must("config", "set", "--path", "acr-microservices:rotation.generation", "1")
	loudly("rotation", "6", "up", "--yes", "--diff", "--refresh")
	collected["stack file"] = c.read("Pulumi.leaks.yaml")
	collected["state"] = []byte(c.must("stack", "export"))
	// From level 7 on, the log and its events show data sent to and from program and providers. No other place does.
	shown := 0
	search := newLeakSearch(given)
	for _, name := range []string{"preview at level 11", "events of preview", "up at level 11", "events of up"} {
		var rest []byte
		for line := range bytes.Lines(collected[name]) {
			if !indiscreet.Match(line) {
				rest = append(rest, line...)
			} else if len(search.in(line)) > 0 {
				shown++
			}
		}
		collected[name] = rest
	}
	assert.NotZero(t, shown, "Pulumi's log has become discreet: change infra/docs/security.md, and this test")
	b.checkSecrets("leaks", given, collected)
	b.must("down", "--force")
}
