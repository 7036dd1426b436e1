//go:build linux

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/cluster"
)

// TestRealNode runs the article's failure, its fix and the password rotation on a real kubelet and containerd, and then checks
// the machine for leftovers.
func TestRealNode(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "real")
	if _, err := cluster.FindRuntime(); err != nil {
		if os.Getenv("CI") == "true" {
			require.NoError(t, err, "CI may not skip this test")
		}
		t.Skip(err)
	}
	before := traces(t)
	at := func(n int, more ...string) []string {
		moment := time.Date(2020, time.January, 2, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 90*n)
		return append([]string{"up", "--at", moment.Format(time.RFC3339)}, more...)
	}
	pods := func() map[string]string { // name by namespace
		names := map[string]string{}
		list, err := b.kubectl().pods(t.Context(), map[string]bool{customer: true, order: true})
		require.NoError(t, err)
		for _, p := range list {
			assert.Equal(t, "Running", p.Status, p.Name)
			names[p.Namespace] = p.Name
		}
		return names
	}

	// The cluster has no permission to pull: the release times out. The pods' events show containerd's error.
	out, err := b.run(at(30, "--node", "containerd", "--pull-propagation", "never", "--keep", "--config", "release.timeoutSeconds=20")...)
	require.Error(t, err)
	assert.Contains(t, out, "ErrImagePull")
	assert.Regexp(t, `failed to resolve reference "acrmicroservices\w+\.azurecr\.io/customerapi:1\.0\.0": failed to authorize: .*401 Unauthorized`, out)
	assert.Contains(t, b.must("status"), "node             containerd\n")

	// With the permission in place the same command succeeds.
	assert.Regexp(t, `pulled sha256:\w+ by service principal `, b.must(at(30)...))
	assert.Len(t, b.images(customer, order), 2)
	assert.Empty(t, ops(b.must(at(30)...)))
	node, err := b.kubectl().run(t.Context(), "get", "nodes", "--output", "jsonpath={.items[*].status.nodeInfo.containerRuntimeVersion}")
	require.NoError(t, err)
	assert.Regexp(t, `^containerd://\d+\.\d+\S*$`, string(node), "there is one node, and it is a real one")
	for _, pull := range b.info().Pulls {
		if strings.Contains(pull.Image, "azurecr.io") {
			assert.Contains(t, pull.Account, "service principal", pull.Image)
		}
	}
	log, err := b.kubectl().run(t.Context(), "logs", "deployment/customerapi-microservice", "--namespace", customer)
	require.NoError(t, err)
	assert.Contains(t, string(log), "customerapi 1.0.0 listens on ")

	// The next period's update changes a password and the pull secrets, and no pod.
	started := pods()
	for _, op := range ops(b.must(at(31)...)) {
		assert.Regexp(t, `azuread:ApplicationPassword|kubernetes:Secret`, op)
	}
	assert.Equal(t, started, pods())

	// Many periods later all passwords are new, and new pods pull with them.
	b.configure(settings{"services": settings{"customerapi": service("1.1.0"), "orderapi": service("1.1.0")}})
	changed := strings.Join(ops(b.must(at(40)...)), "\n")
	assert.Equal(t, 2, strings.Count(changed, "create azuread:ApplicationPassword"), changed)
	for _, image := range b.images(customer, order) {
		assert.Regexp(t, `:1\.1\.0$`, image)
	}

	// A killed sandbox stops its containers, and restarts with its pods.
	require.NotEmpty(t, contained(t))
	require.NoError(t, syscall.Kill(b.info().PID, syscall.SIGKILL))
	b.nothingRuns()
	containersEnd(t)
	assert.Empty(t, ops(b.must(at(40)...)))
	assert.Eventually(t, func() bool {
		ready, err := b.kubectl().run(t.Context(), "get", "pods", "--all-namespaces", "--output",
			`jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status} {.status.containerStatuses[0].restartCount}{"\n"}{end}`)
		return err == nil && string(ready) == "True 1\nTrue 1\n"
	}, time.Minute, 200*time.Millisecond, "the pods have not started again")

	// The node can be changed, with everything on it.
	assert.Empty(t, ops(b.must(at(40, "--node", "double")...)))
	assert.Contains(t, b.must("status"), "node             double\n")
	containersEnd(t)
	b.must(at(40, "--node", "containerd")...)

	b.must("down")
	assert.Equal(t, before, traces(t))
}

// contained returns the processes in the containers of a sandbox with a real node.
func contained(t *testing.T) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	require.NoError(t, err)
	var pids []int
	for _, file := range files {
		groups, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(groups), "/acr-microservices-") {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			require.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

// containersEnd waits until the kernel has ended all processes in containers, shortly after the first process of their
// namespace dies.
func containersEnd(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return len(contained(t)) == 0 }, 10*time.Second, 20*time.Millisecond, "containers are left")
}

// nodeMounts returns the possible mounts of a node, without those of other tests' sandboxes that run in parallel.
func nodeMounts(mountinfo string) []string {
	var found []string
	for line := range strings.Lines(mountinfo) {
		if !strings.Contains(line, "/faults/pulumi ") {
			found = append(found, line)
		}
	}
	return found
}

// traces returns the leftovers of a container runtime and kubelet: processes, mounts, network interfaces, control groups, the
// kernel's settings and folders.
func traces(t *testing.T) map[string]any {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	var links []string
	for _, i := range interfaces {
		links = append(links, i.Name)
	}
	groups, err := filepath.Glob("/sys/fs/cgroup/*/acr-microservices-*")
	require.NoError(t, err)
	unified, err := filepath.Glob("/sys/fs/cgroup/acr-microservices-*")
	require.NoError(t, err)
	found := map[string]any{
		"processes": contained(t), "mounts": nodeMounts(string(mounts)), "links": links, "groups": append(groups, unified...),
	}
	for _, name := range []string{"kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward", "vm/overcommit_memory", "vm/panic_on_oom"} {
		value, err := os.ReadFile("/proc/sys/" + name)
		require.NoError(t, err)
		found[name] = string(value)
	}
	for _, dir := range []string{
		"/etc/cni", "/opt/cni", "/opt/containerd", "/run/containerd", "/run/netns", "/usr/libexec/kubernetes", "/var/lib/cni",
		"/var/lib/containerd", "/var/lib/kubelet", "/var/log/containers", "/var/log/pods", "/run/sandbox",
	} {
		info, err := os.Stat(dir)
		require.True(t, err == nil || errors.Is(err, fs.ErrNotExist), dir)
		if err == nil {
			found[dir] = fmt.Sprint(info.ModTime())
		}
	}
	return found
}
