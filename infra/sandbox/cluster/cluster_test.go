package cluster_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/cluster"
	"example.com/acr-microservices/infra/sandbox/demoimages"
	"example.com/acr-microservices/infra/sandbox/pki"
	"example.com/acr-microservices/infra/sandbox/progress"
	"example.com/acr-microservices/infra/sandbox/registrydouble"
	"example.com/acr-microservices/infra/sandbox/toolchain"
)

// TestMain is also the process that a cluster must not outlive.
func TestMain(m *testing.M) {
	if dir := os.Getenv("CLUSTER_TEST_VICTIM"); dir != "" {
		runVictim(dir)
	}
	os.Exit(m.Run())
}

// kubernetes returns the path of the multi-call binary.
func kubernetes(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("the test starts a cluster")
	}
	source, err := toolchain.NewSource("..", progress.New(io.Discard))
	require.NoError(t, err)
	path, err := source.Kubernetes(t.Context())
	require.NoError(t, err)
	return path
}

const (
	registryHost = "contoso.azurecr.io"
	password     = "correct horse"
)

// authority lets one user use one registry.
type authority struct{ granted atomic.Bool }

func (*authority) RegistryExists(loginServer string) bool { return loginServer == registryHost }

func (*authority) Authenticate(_, username, pass string) (string, error) {
	if pass != password {
		return "", errors.New("invalid username or password")
	}
	return username, nil
}

func (a *authority) Reachable(string) error { return nil }

func (a *authority) Allowed(_, principal, _, action string) bool {
	return principal == "pusher" || action == "pull" && a.granted.Load()
}

// registry starts a registry double that holds the demo images. It returns its address and the file of its CA.
func registry(t *testing.T, a *authority) (addr, caFile string) {
	t.Helper()
	ca, err := pki.EnsureCA(t.TempDir(), "test registry")
	require.NoError(t, err)
	config, err := registrydouble.TLSConfig(ca)
	require.NoError(t, err)
	server, err := registrydouble.New(registrydouble.Options{Dir: t.TempDir(), Authority: a})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &http.Server{Handler: server, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(tls.NewListener(listener, config)) }()
	t.Cleanup(func() { _ = s.Close() })

	addr = listener.Addr().String()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	images, err := demoimages.Images(t.Context(), filepath.Join(cache, "sandbox-test-images"))
	require.NoError(t, err)
	auth := authn.FromConfig(authn.AuthConfig{Username: "pusher", Password: password})
	require.NoError(t, demoimages.Push(t.Context(), images, registryHost, auth, registrydouble.Transport(addr, ca.Pool())))
	return addr, ca.CertFile()
}

func start(t *testing.T, o cluster.Options) *cluster.Cluster {
	t.Helper()
	began := time.Now()
	c, err := cluster.Start(t.Context(), o)
	require.NoError(t, err)
	t.Logf("ready after %s", time.Since(began).Round(10*time.Millisecond))
	t.Cleanup(func() { assert.NoError(t, c.Stop()) })
	return c
}

// kubectl runs kubectl and returns what it printed.
func kubectl(t *testing.T, c *cluster.Cluster, stdin string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, kubernetes(t), append([]string{"kubectl", "--kubeconfig", c.Kubeconfig()}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustKubectl(t *testing.T, c *cluster.Cluster, stdin string, args ...string) string {
	t.Helper()
	out, err := kubectl(t, c, stdin, args...)
	require.NoError(t, err, "kubectl %s: %s", strings.Join(args, " "), out)
	return out
}

// eventually polls until kubectl prints the expected text.
func eventually(t *testing.T, c *cluster.Cluster, want string, args ...string) {
	t.Helper()
	var out string
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		out, _ = kubectl(t, c, "", args...)
		if strings.Contains(out, want) {
			return
		}
	}
	t.Fatalf("kubectl %s did not print %q. Last output:\n%s\n%s", strings.Join(args, " "), want, out, mustKubectl(t, c, "", "get", "pods,events", "-A", "-o", "wide"))
}

func deployment(name, service string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      imagePullSecrets: [{name: acr-secret}]
      securityContext: {runAsNonRoot: true}
      containers:
      - name: app
        image: %[3]s/%[2]s:1.0.0
        ports: [{name: http, containerPort: 8080}]
        env: [{name: SERVICE_NAME, value: %[2]s}]
        resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
        readinessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 1}
        livenessProbe: {tcpSocket: {port: http}}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec:
  selector: {app: %[1]s}
  ports: [{port: 80, targetPort: http}]
`, name, service, registryHost)
}

// probed are pods that are unhealthy, never ready, and ready after a startup probe has enabled the others.
const probed = `apiVersion: v1
kind: Pod
metadata: {name: unhealthy}
spec:
  terminationGracePeriodSeconds: 1
  imagePullSecrets: [{name: acr-secret}]
  containers:
  - name: app
    image: %[1]s/customerapi:1.0.0
    livenessProbe: {httpGet: {path: /none, port: 8080}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: unready}
spec:
  terminationGracePeriodSeconds: 1
  imagePullSecrets: [{name: acr-secret}]
  containers:
  - name: app
    image: %[1]s/customerapi:1.0.0
    readinessProbe: {httpGet: {path: /none, port: 8080}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: slow}
spec:
  terminationGracePeriodSeconds: 1
  imagePullSecrets: [{name: acr-secret}]
  containers:
  - name: app
    image: %[1]s/customerapi:1.0.0
    startupProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
    readinessProbe: {httpGet: {path: /health, port: 8080}, periodSeconds: 1}
`

// TestCluster covers a cluster's whole life: each step needs the results of the step before.
func TestCluster(t *testing.T) {
	whole := t // its end stops the cluster, not the end of a step
	a := &authority{}
	addr, caFile := registry(t, a)
	o := cluster.Options{Dir: filepath.Join(t.TempDir(), "cluster"), Binary: kubernetes(t), RegistryAddr: addr, RegistryCA: caFile}
	c := start(t, o)
	require.NoError(t, c.Err())

	require.True(t, t.Run("private files", func(t *testing.T) { assertPrivate(t, o.Dir) }))

	mustKubectl(t, c, deployment("customer", "customerapi"), "apply", "-f", "-")
	require.True(t, t.Run("no pull secret: the events contain the registry's error", func(t *testing.T) {
		eventually(t, c, "authentication required", "get", "events", "--field-selector", "reason=Failed", "-o", "jsonpath={.items[*].message}")
		eventually(t, c, "ErrImagePull", "get", "events", "--field-selector", "reason=Failed", "-o", "jsonpath={.items[*].message}")
		eventually(t, c, "ImagePullBackOff", "get", "pods", "-l", "app=customer")
		eventually(t, c, "Back-off pulling image", "get", "events", "--field-selector", "reason=BackOff", "-o", "jsonpath={.items[*].message}")
	}))

	mustKubectl(t, c, "", "create", "secret", "docker-registry", "acr-secret", "--docker-server", registryHost,
		"--docker-username", "puller", "--docker-password", password)
	mustKubectl(t, c, deployment("order", "orderapi"), "apply", "-f", "-")
	require.True(t, t.Run("pull secret without pull permission", func(t *testing.T) {
		eventually(t, c, "ImagePullBackOff", "get", "pods", "-l", "app=order")
	}))

	a.granted.Store(true)
	mustKubectl(t, c, "", "rollout", "restart", "deployment", "customer", "order") // a new pod has no back-off to wait for
	require.True(t, t.Run("pull permission: pods become ready", func(t *testing.T) {
		for _, d := range []string{"customer", "order"} {
			mustKubectl(t, c, "", "rollout", "status", "deployment", d, "--timeout=60s")
		}
		eventually(t, c, "10.244.0.", "get", "endpointslices", "-l", "kubernetes.io/service-name=order")
		assert.Contains(t, mustKubectl(t, c, "", "logs", "deployment/order"), "orderapi 1.0.0 listens on 127.")
	}))

	require.True(t, t.Run("port forward", func(t *testing.T) {
		assert.NotEmpty(t, forwarded(t, c, "deployment/order", "/"))
	}))

	require.True(t, t.Run("exec", func(t *testing.T) {
		out, err := kubectl(t, c, "", "exec", "deployment/order", "--", "/app")
		require.Error(t, err)
		assert.Contains(t, out, "address already in use", "a second process in the same pod has the same address")
	}))

	require.True(t, t.Run("probes", func(t *testing.T) {
		mustKubectl(t, c, fmt.Sprintf(probed, registryHost), "apply", "-f", "-")
		eventually(t, c, "failed liveness probe, will be restarted", "get", "events", "--field-selector", "involvedObject.name=unhealthy", "-o", "jsonpath={.items[*].message}")
		eventually(t, c, "statuscode: 404", "get", "events", "--field-selector", "involvedObject.name=unready,reason=Unhealthy", "-o", "jsonpath={.items[*].message}")
		restarts := []string{"get", "pod", "unhealthy", "-o", "jsonpath=restarts: {.status.containerStatuses[0].restartCount}"}
		eventually(t, c, "restarts: 1", restarts...)
		assert.Equal(t, "false", mustKubectl(t, c, "", "get", "pod", "unready", "-o", "jsonpath={.status.containerStatuses[0].ready}"))
		eventually(t, c, "true", "get", "pod", "slow", "-o", "jsonpath={.status.containerStatuses[0].ready}")
		mustKubectl(t, c, "", "delete", "pod", "unhealthy", "unready", "slow")
	}))

	require.True(t, t.Run("restart keeps addresses and data", func(t *testing.T) {
		before, err := os.ReadFile(c.Kubeconfig())
		require.NoError(t, err)
		require.NoError(t, c.Stop())
		<-c.Done()
		assert.NoError(t, c.Err(), "a stopped cluster has no error")

		c = start(whole, o)
		after, err := os.ReadFile(c.Kubeconfig())
		require.NoError(t, err)
		assert.Equal(t, serverOf(before), serverOf(after))
		for _, d := range []string{"customer", "order"} {
			mustKubectl(t, c, "", "rollout", "status", "deployment", d, "--timeout=60s")
		}
		eventually(t, c, "1 True", "get", "pods", "-l", "app=order", "-o",
			"jsonpath={.items[*].status.containerStatuses[*].restartCount} {.items[0].status.conditions[?(@.type=='Ready')].status}")
		forwarded(t, c, "deployment/order", "/health")
	}))

	require.True(t, t.Run("outage", func(t *testing.T) {
		require.ErrorContains(t, c.Halt("kube-proxy"), `the cluster has no process "kube-proxy"`)
		require.NoError(t, c.Halt("kube-apiserver"))
		out, err := kubectl(t, c, "", "get", "nodes")
		require.Error(t, err)
		assert.Contains(t, out, "refused")
		require.NoError(t, c.Err(), "a process in an outage is not an error")
		require.NoError(t, c.Resume(t.Context(), "kube-apiserver"))
		require.NoError(t, c.Halt("node"))
		mustKubectl(t, c, "", "delete", "node", cluster.NodeName)
		require.NoError(t, c.Resume(t.Context(), "node"))
		require.NoError(t, c.Resume(t.Context(), "node"), "a second Resume has no effect")
		for _, d := range []string{"customer", "order"} {
			mustKubectl(t, c, "", "rollout", "status", "deployment", d, "--timeout=60s")
		}
	}))

	require.True(t, t.Run("a deleted pod's process ends", func(t *testing.T) {
		// A rollout is complete by the last status of the pods that ended with the node, until others replace them.
		require.Eventually(t, func() bool { return len(containers(t, o.Dir)) == 2 }, time.Minute, 100*time.Millisecond)
		mustKubectl(t, c, "", "delete", "deployment", "customer", "order", "--wait")
		eventually(t, c, "No resources found", "get", "pods")
		assert.Empty(t, containers(t, o.Dir))
	}))

	require.True(t, t.Run("a killed process is reported", func(t *testing.T) {
		pids := daemons(t, o.Dir)
		require.Contains(t, pids, "kube-scheduler")
		require.NoError(t, syscall.Kill(pids["kube-scheduler"], syscall.SIGKILL))
		<-c.Done()
		assert.ErrorContains(t, c.Err(), "kube-scheduler: signal: killed")
		assert.ErrorContains(t, c.Err(), "kube-scheduler.log")
		require.NoError(t, c.Stop())
		assert.Empty(t, daemons(t, o.Dir))
	}))
}

// runVictim starts a cluster and waits to be killed.
func runVictim(dir string) {
	_, err := cluster.Start(context.Background(), cluster.Options{
		Dir: dir, Binary: os.Getenv("SANDBOX_KUBERNETES"), RegistryAddr: "127.0.0.1:1", RegistryCA: os.Getenv("CLUSTER_TEST_CA"),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("started")
	select {}
}

func TestProcessesEndWithParent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cluster")
	ca, err := pki.EnsureCA(t.TempDir(), "test registry")
	require.NoError(t, err)
	victim := exec.Command(os.Args[0])
	victim.Env = append(os.Environ(), "CLUSTER_TEST_VICTIM="+dir, "SANDBOX_KUBERNETES="+kubernetes(t), "CLUSTER_TEST_CA="+ca.CertFile())
	victim.Stderr = os.Stderr
	out, err := victim.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, victim.Start())
	said := make([]byte, len("started"))
	_, err = io.ReadFull(out, said)
	require.NoError(t, err)
	require.Len(t, daemons(t, dir), 5)

	require.NoError(t, victim.Process.Kill())
	_ = victim.Wait()
	assert.Eventually(t, func() bool { return len(processes(t, dir)) == 0 }, 20*time.Second, 20*time.Millisecond)
}

func TestStartReportsFailedProcess(t *testing.T) {
	dir := t.TempDir()
	_, err := cluster.Start(t.Context(), cluster.Options{Dir: dir, Binary: "/bin/false", RegistryAddr: "127.0.0.1:1", RegistryCA: "none"})
	require.ErrorContains(t, err, "cluster: etcd: exit status 1")
	assert.Empty(t, processes(t, dir))
}

func TestCancelledStartEndsProcesses(t *testing.T) {
	dir, binary := t.TempDir(), kubernetes(t)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error)
	go func() {
		_, err := cluster.Start(ctx, cluster.Options{Dir: dir, Binary: binary, RegistryAddr: "127.0.0.1:1", RegistryCA: "none"})
		stopped <- err
	}()
	assert.Eventually(t, func() bool { return daemons(t, dir)["kube-apiserver"] != 0 }, time.Minute, 10*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-stopped, context.Canceled)
	assert.Empty(t, processes(t, dir))
}

// forwarded gets a path of a pod through kubectl port-forward.
func forwarded(t *testing.T, c *cluster.Cluster, target, path string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), kubernetes(t), "kubectl", "--kubeconfig", c.Kubeconfig(), "port-forward", target, ":8080")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	// Forwarding from 127.0.0.1:40001 -> 8080
	var addr string
	_, err = fmt.Fscanf(out, "Forwarding from %s", &addr)
	require.NoError(t, err)
	resp, err := http.Get("http://" + addr + path)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	return string(body)
}

func serverOf(kubeconfig []byte) string {
	for line := range strings.Lines(string(kubeconfig)) {
		if strings.Contains(line, "server:") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func assertPrivate(t *testing.T, dir string) {
	t.Helper()
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	for _, pattern := range []string{"kubeconfig", "*.json", "pki/*.key", "pki/*.kubeconfig", "pki/*/*.key", "logs/*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, f := range files {
			info, err := os.Stat(f)
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), f)
		}
	}
}

// processes returns the command lines by pid of the processes that run in dir or below.
func processes(t *testing.T, dir string) map[int][]string {
	t.Helper()
	found := map[int][]string{}
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	require.NoError(t, err)
	for _, link := range links {
		cwd, err := os.Readlink(link)
		if err != nil || cwd != dir && !strings.HasPrefix(cwd, dir+"/") {
			continue // unrelated, or it has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		require.NoError(t, err)
		cmdline, err := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline"))
		if err == nil {
			found[pid] = strings.Split(string(cmdline), "\x00")
		}
	}
	return found
}

// daemons returns the pids of the cluster's processes by name.
func daemons(t *testing.T, dir string) map[string]int {
	t.Helper()
	found := map[string]int{}
	for pid, args := range processes(t, dir) {
		if args[0] == kubernetes(t) {
			found[args[1]] = pid
		}
	}
	return found
}

func containers(t *testing.T, dir string) map[int][]string {
	t.Helper()
	return processes(t, filepath.Join(dir, "node", "containers"))
}
