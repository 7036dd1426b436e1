//go:build linux

package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"
	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/sandbox/cluster"
	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/engine"
)

// The tests run their own executable as the sandbox's command, and up runs it as the daemon.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		Main()
		return
	}
	flag.Parse()
	parallel := flag.Lookup("test.parallel").Value
	places = make(chan struct{}, parallel.(flag.Getter).Get().(int))
	if err := parallel.Set("1000"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// places limits the tests with a sandbox that run in parallel to the number in -parallel. It replaces Go's own limit, which starts
// parallel tests in no fixed order.
var places chan struct{}

// longest are the slowest tests. Started last, one of them would run alone at the end.
var longest = []string{"TestPipeline", "TestKillSweep", "TestFaultsOfTheCluster", "TestFaultsOfAzure"}

// runInParallel runs the test in parallel with others, once a place is free. The longest tests take theirs before any other starts.
func runInParallel(t *testing.T) {
	t.Helper()
	placed := false
	if slices.Contains(longest, t.Name()) {
		select {
		case places <- struct{}{}:
			placed = true
		default:
		}
	}
	t.Parallel()
	if !placed {
		places <- struct{}{}
	}
	t.Cleanup(func() { <-places })
}

// box is a separate sandbox with its own checkout, whose stack settings can be changed.
type box struct {
	t       *testing.T
	name    string
	project string
	state   string
	out     *bytes.Buffer // output of all commands
	env     []string      // extra variables of its commands
}

// settings are the keys of Pulumi.dev.yaml in the project's namespace.
type settings map[string]any

func newBox(t *testing.T, name string) *box {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	b := &box{t: t, name: name, project: t.TempDir(), state: t.TempDir(), out: &bytes.Buffer{}}
	b.env = []string{"PULUMI_HOME=" + b.state} // where nothing is installed
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	require.NoError(t, err)
	require.NoError(t, engine.Mirror(root, b.project, ""))
	t.Cleanup(func() {
		if t.Failed() {
			logs, _ := filepath.Glob(filepath.Join(b.dir(), "daemon.log"))
			for _, log := range logs {
				content, _ := os.ReadFile(log)
				t.Logf("%s:\n%s", log, content)
			}
		}
		_, _ = b.run("down", "--force")
		b.nothingRuns()
	})
	b.configure(settings{"services": settings{"customerapi": service("1.0.0"), "orderapi": service("1.0.0")}})
	return b
}

// service is a service's settings.
func service(tag string) settings { return settings{"image": settings{"tag": tag}} }

func (b *box) dir() string { return filepath.Join(b.state, b.name) }

// configure writes the stack's settings.
func (b *box) configure(s settings) {
	b.t.Helper()
	b.configureStack("dev", s)
}

// configureStack writes the settings of a stack; the default environment is "test".
func (b *box) configureStack(name string, s settings) {
	b.t.Helper()
	config := stackConfig(s)
	if _, given := s["environment"]; !given {
		config["acr-microservices:environment"] = "test"
	}
	content, err := yaml.Marshal(settings{"config": config})
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(b.project, "Pulumi."+name+".yaml"), content, 0o600))
}

// stackConfig returns the configuration of a stack with these settings. For the stack's own registry, it adds a region and, unless
// set, protect: false.
func stackConfig(s settings) settings {
	config := settings{}
	for key, value := range s {
		config["acr-microservices:"+key] = value
	}
	registry := settings{}
	if given, ok := s["registry"].(settings); ok {
		maps.Copy(registry, given)
	}
	if registry["external"] != nil || registry["existing"] != nil {
		return config
	}
	config["azure-native:location"] = "westeurope"
	if _, given := registry["protect"]; !given {
		registry["protect"] = false
	}
	config["acr-microservices:registry"] = registry
	return config
}

func (b *box) command(args ...string) *exec.Cmd {
	self, err := os.Executable()
	require.NoError(b.t, err)
	cmd := exec.Command(self, append(args, "--name", b.name, "--state", b.state, "--project", b.project)...)
	cmd.Env = append(append(os.Environ(), cluster.NoFsync+"=yes"), b.env...)
	return cmd
}

func (b *box) run(args ...string) (string, error) {
	out, err := b.command(args...).CombinedOutput()
	b.t.Logf("%s: %s\n%s", b.name, strings.Join(args, " "), out)
	b.out.Write(out)
	return string(out), err
}

func (b *box) must(args ...string) string {
	b.t.Helper()
	out, err := b.run(args...)
	require.NoError(b.t, err)
	return out
}

// operation matches a line about an operation: its kind, type and logical name.
var operation = regexp.MustCompile(`(?m)^  ([a-z-]+) +([a-z-]+:\w+) +(\S+)`)

// ops returns the operations in an output, sorted.
func ops(out string) []string {
	var found []string
	for _, m := range operation.FindAllStringSubmatch(out, -1) {
		found = append(found, m[1]+" "+m[2]+" "+m[3])
	}
	slices.Sort(found)
	return found
}

func (b *box) info() daemon.Info {
	b.t.Helper()
	client, err := daemon.Connect(b.t.Context(), b.dir())
	require.NoError(b.t, err)
	defer client.Close()
	info, err := client.Info(b.t.Context())
	require.NoError(b.t, err)
	return info
}

func (b *box) kubectl() kubectl {
	return kubectl{path: filepath.Join(b.dir(), "bin", "kubectl"), kubeconfig: b.info().Kubeconfig}
}

// images returns the image of each running pod of the given namespaces.
func (b *box) images(namespaces ...string) []string {
	b.t.Helper()
	wanted := map[string]bool{}
	for _, n := range namespaces {
		wanted[n] = true
	}
	pods, err := b.kubectl().pods(b.t.Context(), wanted)
	require.NoError(b.t, err)
	var images []string
	for _, p := range pods {
		assert.Equal(b.t, "Running", p.Status, p.Name)
		images = append(images, p.Image)
	}
	return images
}

// awaitPods waits until the pods of a namespace run, if an update has not waited for them.
func (b *box) awaitPods(namespace string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		pods, err := b.kubectl().pods(b.t.Context(), map[string]bool{namespace: true})
		return err == nil && len(pods) > 0 && !slices.ContainsFunc(pods, func(p pod) bool { return p.Status != "Running" })
	}, time.Minute, 100*time.Millisecond, "the pods of %s do not run", namespace)
}

// nothingRuns waits until no process of the sandbox is left.
func (b *box) nothingRuns() {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		pids, err := daemon.Processes(b.dir())
		return err == nil && len(pids) == 0
	}, 30*time.Second, 20*time.Millisecond, "processes are left")
}

// upCutShort runs an up, calls cut as soon as the output matches, and waits until the up has failed.
func (b *box) upCutShort(when string, cut func(up *os.Process), args ...string) {
	b.t.Helper()
	cmd := b.command(append([]string{"up"}, args...)...)
	w := &trigger{pattern: regexp.MustCompile(when), reached: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = w, w
	require.NoError(b.t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-w.reached:
		cut(cmd.Process)
		require.Error(b.t, <-ended)
	case err := <-ended:
		require.FailNow(b.t, "up ended before it could be cut short", "%v\n%s", err, w.String())
	}
	b.t.Logf("%s: up, cut short\n%s", b.name, w.String())
}

// interrupt sends a signal to an up as soon as its output matches.
func (b *box) interrupt(signal syscall.Signal, when string, args ...string) {
	b.t.Helper()
	b.upCutShort(when, func(up *os.Process) { require.NoError(b.t, up.Signal(signal)) }, args...)
	b.nothingRuns()
}

// trigger closes reached once the text matches.
type trigger struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	pattern *regexp.Regexp
	reached chan struct{}
	once    sync.Once
}

func (w *trigger) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(p)
	if w.pattern.Match(w.buf.Bytes()) {
		w.once.Do(func() { close(w.reached) })
	}
	return len(p), nil
}

func (w *trigger) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// strictly has the API server validate a manifest in a dry run. Unknown fields are errors.
func (b *box) strictly(manifest string) ([]byte, error) {
	return b.kubectl().run(b.t.Context(), "create", "--dry-run=server", "--validate=strict", "--namespace", "default", "--filename", manifest)
}

func (b *box) validate(manifest string) {
	b.t.Helper()
	out, err := b.strictly(manifest)
	require.NoError(b.t, err, manifest)
	assert.Contains(b.t, string(out), "(server dry run)")
}

// manifest returns a file with a Helm release's manifest, moved to the namespace default.
func (b *box) manifest(namespace, release string) string {
	b.t.Helper()
	out, err := b.kubectl().run(b.t.Context(), "get", "secret", "sh.helm.release.v1."+release+".v1", "--namespace", namespace,
		"--output", "jsonpath={.data.release}")
	require.NoError(b.t, err)
	// Both Helm and Kubernetes encode the data.
	for range 2 {
		out, err = base64.StdEncoding.DecodeString(string(out))
		require.NoError(b.t, err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(out))
	require.NoError(b.t, err)
	var stored struct{ Manifest string }
	require.NoError(b.t, json.NewDecoder(reader).Decode(&stored))
	file := filepath.Join(b.t.TempDir(), release+".yaml")
	require.NoError(b.t, os.WriteFile(file, []byte(strings.ReplaceAll(stored.Manifest, "namespace: "+namespace, "namespace: default")), 0o600))
	return file
}

// azure calls the azure-native double outside the stack.
func (b *box) azure(call func(context.Context, pulumirpc.ResourceProviderClient) error) {
	b.t.Helper()
	conn, err := grpc.NewClient(b.info().AzureNative, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(b.t, err)
	defer conn.Close()
	require.NoError(b.t, call(b.t.Context(), pulumirpc.NewResourceProviderClient(conn)))
}

func object(t *testing.T, fields map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(fields)
	require.NoError(t, err)
	return s
}

// privateValue is the encrypted setting of a service.
const privateValue = "opensesame-0a1b2c3d4e5f"

const (
	customer = "customerapi-test"
	order    = "orderapi-test"
	registry = "acrmicroservices"
)

// TestLife covers the life of a stack in one sandbox. Each step starts where the previous one ended.
func TestLife(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "life")
	before := gitStatus(t)
	services := settings{"customerapi": service("1.0.0"), "orderapi": service("1.0.0")}
	step := func(name string, do func(t *testing.T)) {
		t.Helper()
		if !t.Run(name, func(t *testing.T) {
			b.t = t
			defer func() { b.t = t }()
			do(t)
		}) {
			t.FailNow()
		}
		b.t = t
	}

	step("up from nothing", func(t *testing.T) {
		assert.Contains(t, b.must("preview"), "up would do: 13 create")
		b.nothingRuns() // a preview stops a sandbox it started
		out := b.must("up")
		assert.Equal(t, typical(documentedOutput(t)), typical(out), "infra/docs/sandbox.md shows something else")
		assert.Equal(t, []string{
			"create azure-native:Registry " + registry,
			"create azure-native:ResourceGroup " + registry,
			"create azure-native:RoleAssignment pull",
			"create azuread:Application pull",
			"create azuread:ApplicationPassword pull-PERIOD",
			"create azuread:ApplicationPassword pull-PERIOD",
			"create azuread:ServicePrincipal pull",
			"create kubernetes:Namespace customerapi",
			"create kubernetes:Namespace orderapi",
			"create kubernetes:Release customerapi",
			"create kubernetes:Release orderapi",
			"create kubernetes:Secret customerapi",
			"create kubernetes:Secret orderapi",
		}, ops(regexp.MustCompile(`pull-\d+`).ReplaceAllString(out, "pull-PERIOD")))
		for _, image := range b.images(customer, order) {
			assert.Regexp(t, `^acrmicroservices\w+\.azurecr\.io/(customerapi|orderapi):1\.0\.0$`, image)
		}
		for _, pull := range b.info().Pulls {
			assert.NotEmpty(t, pull.Account, "%s was pulled anonymously", pull.Image)
		}
	})
	step("manifests are valid", func(t *testing.T) {
		// Kubernetes validates the manifests that the shipped chart renders in its tests, and those of the releases.
		files, err := filepath.Glob(filepath.Join(b.project, "infra", "charts", "testdata", "*.golden.yaml"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			b.validate(file)
		}
		b.validate(b.manifest(customer, "customerapi"))
		manifest, err := os.ReadFile(b.manifest(order, "orderapi"))
		require.NoError(t, err)
		wrong := filepath.Join(t.TempDir(), "wrong.yaml")
		require.NoError(t, os.WriteFile(wrong, bytes.Replace(manifest, []byte("replicas:"), []byte("replicaz:"), 1), 0o600))
		_, err = b.strictly(wrong)
		require.ErrorContains(t, err, `unknown field "spec.replicaz"`, "this validation finds nothing")
	})
	step("nothing to do", func(t *testing.T) {
		out := b.must("up")
		assert.Contains(t, out, "no changes")
		assert.Empty(t, ops(out))
	})
	step("one command at a time", func(t *testing.T) {
		locked := &sandbox{name: b.name, dir: b.dir()}
		unlock, err := locked.lock()
		require.NoError(t, err)
		defer unlock()
		out, err := b.run("up")
		require.Error(t, err)
		assert.Contains(t, out, `error: another command is running on sandbox "life"`)
	})
	step("new tag", func(t *testing.T) {
		services["customerapi"] = service("1.1.0")
		b.configure(settings{"services": services})
		assert.Equal(t, []string{"update kubernetes:Release customerapi"}, ops(b.must("up")))
		for _, image := range b.images(customer) {
			assert.Regexp(t, `/customerapi:1\.1\.0$`, image)
		}
	})
	step("setting for one run", func(t *testing.T) {
		// A preview does not know that the registry keeps its address, so it can show more changes.
		assert.Contains(t, ops(b.must("preview", "--config", "registry.sku=Premium")), "update azure-native:Registry "+registry)
		assert.Empty(t, ops(b.must("preview")))
	})
	step("new SKU", func(t *testing.T) {
		b.configure(settings{"services": services, "registry": settings{"sku": "Standard"}})
		assert.Equal(t, []string{"update azure-native:Registry " + registry}, ops(b.must("up")))
	})
	step("service without an image", func(t *testing.T) {
		more := maps.Clone(services)
		more["invoiceapi"] = settings{}
		b.configure(settings{"services": more, "registry": settings{"sku": "Standard"}})
		assert.Equal(t, []string{"create kubernetes:Namespace invoiceapi", "create kubernetes:Secret invoiceapi"}, ops(b.must("up")))
		b.configure(settings{"services": services, "registry": settings{"sku": "Standard"}})
		assert.Equal(t, []string{"delete kubernetes:Namespace invoiceapi", "delete kubernetes:Secret invoiceapi"}, ops(b.must("up")))
	})
	step("invalid settings", func(t *testing.T) {
		b.configure(settings{"services": services, "registry": settings{"sku": "Gold"}})
		out, err := b.run("up")
		require.Error(t, err)
		assert.Contains(t, out, `"Gold"`)
		b.configure(settings{"services": services, "chrt": settings{}})
		out, err = b.run("preview")
		require.Error(t, err)
		assert.Contains(t, out, "chrt: is not a known key; did you mean chart?")
		assert.NotContains(t, out, "goroutine")
		b.info() // a failed update does not stop a running sandbox
		b.configure(settings{"services": services, "registry": settings{"sku": "Standard"}})
	})
	step("drift", func(t *testing.T) {
		_, err := b.kubectl().run(t.Context(), "delete", "secret", "acr-secret", "--namespace", order)
		require.NoError(t, err)
		var outputs struct{ RegistryID string }
		require.NoError(t, json.Unmarshal(b.pulumi("stack", "output", "--json"), &outputs))
		parts := strings.Split(outputs.RegistryID, "/")
		inputs := func(sku string) *structpb.Struct {
			return object(t, map[string]any{
				"resourceGroupName": parts[4], "registryName": parts[8], "location": "westeurope",
				"sku": map[string]any{"name": sku}, "adminUserEnabled": false,
			})
		}
		b.azure(func(ctx context.Context, c pulumirpc.ResourceProviderClient) error {
			_, err := c.Update(ctx, &pulumirpc.UpdateRequest{
				Id: outputs.RegistryID, Urn: "urn:pulumi:dev::test::azure-native:containerregistry:Registry::" + registry,
				News: inputs("Premium"), Olds: inputs("Standard"), OldInputs: inputs("Standard"),
			})
			return err
		})
		repaired := ops(b.must("up", "--refresh"))
		assert.Contains(t, repaired, "create kubernetes:Secret orderapi")
		assert.Contains(t, repaired, "update azure-native:Registry "+registry)
		assert.Empty(t, ops(b.must("up", "--refresh")))
	})
	step("killed daemon", func(t *testing.T) {
		require.NoError(t, syscall.Kill(b.info().PID, syscall.SIGKILL))
		b.nothingRuns()
		out, err := b.run("status")
		require.Error(t, err)
		assert.Contains(t, out, "is not running")

		// The new daemon closes files that its parent inherited, such as a script's lock or a pipe.
		read, write, err := os.Pipe()
		require.NoError(t, err)
		defer read.Close()
		cmd := b.command("up")
		cmd.ExtraFiles = []*os.File{write}
		again, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", again)
		require.NoError(t, write.Close())
		require.NoError(t, read.SetReadDeadline(time.Now().Add(10*time.Second)))
		_, err = read.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "the daemon holds a file that it has inherited")
		assert.Empty(t, ops(string(again)))

		// The new node starts the pods again, and an update without changes does not wait for them.
		b.awaitPods(customer)
	})
	step("chart from a repository", func(t *testing.T) {
		charted := maps.Clone(services)
		charted["orderapi"] = settings{
			"image": settings{"tag": "1.0.0"},
			"chart": chartRepository(t),
		}
		b.configure(settings{"services": charted, "registry": settings{"sku": "Standard"}})
		assert.Equal(t, []string{"update kubernetes:Release orderapi"}, ops(b.must("up")))
		assert.Empty(t, ops(b.must("up")))
		b.configure(settings{"services": services, "registry": settings{"sku": "Standard"}})
		b.must("up")
	})
	step("private values", func(t *testing.T) {
		// The services' whole values are encrypted, so both releases can show a change; nothing else can.
		changed := ops(b.must("up", "--secret", "services.customerapi.values.secrets.TOKEN="+privateValue))
		assert.Contains(t, changed, "update kubernetes:Release customerapi")
		for _, op := range changed {
			assert.Contains(t, op, "kubernetes:Release")
		}
		sealed, err := b.kubectl().run(t.Context(), "get", "secrets", "--namespace", customer, "--output", "json")
		require.NoError(t, err)
		assert.Contains(t, string(sealed), base64.StdEncoding.EncodeToString([]byte(privateValue)), "it has not arrived")
	})
	step("secrets", func(*testing.T) { b.checkSecrets("dev", map[string]string{"private value": privateValue}, nil) })
	step("down", func(t *testing.T) {
		assert.Contains(t, b.must("down"), "is gone")
		b.nothingRuns()
		left, err := os.ReadDir(b.state)
		require.NoError(t, err)
		assert.Empty(t, left)
		assert.Contains(t, b.must("down"), "does not exist")
	})
	assert.Equal(t, before, gitStatus(t), "the checkout has changed")
}

// TestTrouble covers failures, and a second sandbox beside the first.
func TestTrouble(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "trouble")
	services := settings{"customerapi": service("1.0.0")}
	impatient := settings{"services": services, "release": settings{"timeoutSeconds": 15}}
	b.configure(impatient)

	// Interrupt one update and kill the next, while the release waits for pods that cannot pull.
	b.interrupt(syscall.SIGINT, "Release customerapi creating", "--pull-propagation", "never", "--verbose")
	b.interrupt(syscall.SIGKILL, "Release customerapi creating", "--pull-propagation", "never", "--verbose")

	// Without permission to pull, the release times out, and the events give the reason.
	out, err := b.run("up", "--pull-propagation", "never")
	require.Error(t, err)
	assert.Contains(t, out, "authentication required")
	assert.NotContains(t, out, "goroutine")
	b.nothingRuns()

	// With the permission in place the same command succeeds.
	b.must("up")
	require.Len(t, b.images(customer), 1)

	other := newBox(t, "other")
	other.configure(settings{"services": services, "registry": settings{"external": "docker.io/wolfgangofner"}})
	assert.Equal(t, []string{"create kubernetes:Namespace customerapi", "create kubernetes:Release customerapi"}, ops(other.must("up")))
	assert.Empty(t, other.info().Inventory, "Docker Hub needs nothing in Azure")
	assert.Equal(t, []string{"docker.io/wolfgangofner/customerapi:1.0.0"}, other.images(customer))
	assert.NotEqual(t, b.info().Registry, other.info().Registry)

	// An existing resource group is used, and survives the stack.
	const group = "shared"
	other.azure(func(ctx context.Context, c pulumirpc.ResourceProviderClient) error {
		_, err := c.Create(ctx, &pulumirpc.CreateRequest{
			Urn:        "urn:pulumi:dev::test::azure-native:resources:ResourceGroup::" + group,
			Properties: object(t, map[string]any{"resourceGroupName": group, "location": "northeurope"}),
		})
		return err
	})
	other.configure(settings{"services": services, "registry": settings{"resourceGroup": settings{"name": group, "existing": true}}})
	moved := ops(other.must("up"))
	assert.Contains(t, moved, "create azure-native:Registry "+registry)
	assert.NotContains(t, strings.Join(moved, "\n"), "ResourceGroup")
	assert.Regexp(t, `\.azurecr\.io/customerapi:1\.0\.0$`, other.images(customer)[0])

	// An existing registry is imported: it is neither created again nor replaced.
	other.configure(settings{"services": services, "registry": settings{"external": "docker.io/wolfgangofner"}})
	other.must("up")
	other.adopt()
	other.must("down")

	// A kill also stops a sandbox that ran before.
	b.configure(settings{"services": settings{"customerapi": service("1.1.0")}})
	b.interrupt(syscall.SIGKILL, "Release customerapi updating", "--verbose")
	b.must("up")
	assert.Regexp(t, `:1\.1\.0$`, b.images(customer)[0])
	b.must("down")
}

func gitStatus(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("git", "status", "--porcelain", "--untracked-files=all", "--", "../../..").Output()
	if err != nil {
		t.Logf("git status: %v", err) // not a git checkout: nothing to compare
	}
	return string(out)
}

// adopt creates a resource group and a registry outside the stack, and has the stack adopt them.
func (b *box) adopt() {
	t := b.t
	t.Helper()
	const group, name = "elsewhere", "madebyhand"
	create := func(kind string, inputs map[string]any) (id string) {
		b.azure(func(ctx context.Context, c pulumirpc.ResourceProviderClient) error {
			made, err := c.Create(ctx, &pulumirpc.CreateRequest{Urn: "urn:pulumi:dev::test::" + kind + "::x", Properties: object(t, inputs)})
			id = made.GetId()
			return err
		})
		return id
	}
	groupID := create("azure-native:resources:ResourceGroup", map[string]any{"resourceGroupName": group, "location": "westeurope"})
	registryID := create("azure-native:containerregistry:Registry", map[string]any{
		"resourceGroupName": group, "registryName": name, "location": "westeurope",
		"sku": map[string]any{"name": "Basic"}, "adminUserEnabled": false,
	})
	b.configure(settings{
		"services": settings{"customerapi": service("1.0.0")},
		"registry": settings{"adopt": registryID, "sku": "Standard"},
	})
	changed := ops(b.must("up"))
	assert.Contains(t, changed, "import azure-native:Registry "+registry)
	assert.Contains(t, changed, "update azure-native:Registry "+registry, "it is brought to what the stack file says")
	assert.Contains(t, changed, "import azure-native:ResourceGroup "+registry)
	assert.Contains(t, b.info().Inventory, groupID)
	assert.Empty(t, ops(b.must("up")))
	assert.Equal(t, []string{name + ".azurecr.io/customerapi:1.0.0"}, b.images(customer))
}

// pulumi runs the sandbox's CLI as a user would, with the variables that "env" prints.
func (b *box) pulumi(args ...string) []byte {
	b.t.Helper()
	script := b.must("env") + "cd " + filepath.Join(b.dir(), "project") + ` && exec pulumi --non-interactive --stack dev "$@"`
	out, err := exec.Command("/bin/sh", append([]string{"-c", script, "pulumi"}, args...)...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		b.t.Logf("%s%s", out, failed.Stderr)
	}
	require.NoError(b.t, err)
	return out
}

// rests asserts that another update has no changes, nor has a preview with refresh, which the pipelines run each night.
func (b *box) rests() {
	b.t.Helper()
	out := b.must("up")
	assert.Contains(b.t, out, "no changes")
	assert.Empty(b.t, ops(out))
	b.pulumi("preview", "--refresh", "--expect-no-changes", "--diff")
}

// chartRepository serves the shipped chart as an ordinary chart repository does, and returns the chart settings for a service.
func chartRepository(t *testing.T) settings {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	charts := filepath.Join("..", "..", "charts")
	require.NoError(t, filepath.WalkDir(filepath.Join(charts, "microservice"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		name, err := filepath.Rel(charts, path)
		require.NoError(t, err)
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}))
		_, err = archive.Write(content)
		return err
	}))
	require.NoError(t, archive.Close())
	require.NoError(t, zipped.Close())

	var chart struct{ Version string }
	content, err := os.ReadFile(filepath.Join(charts, "microservice", "Chart.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, &chart))
	index := fmt.Sprintf(`apiVersion: v1
entries:
  microservice:
  - {apiVersion: v2, name: microservice, version: %[1]s, urls: [microservice-%[1]s.tgz]}
`, chart.Version)
	files := map[string][]byte{"/index.yaml": []byte(index), "/microservice-" + chart.Version + ".tgz": packed.Bytes()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(server.Close)
	return settings{"repository": server.URL, "name": "microservice", "version": chart.Version}
}

// documentedOutput returns the documented output of the first up.
func documentedOutput(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "sandbox.md"))
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)<!-- output of the first up -->\n```text\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, block, "the page does not show the output of the first up")
	return string(block[1])
}

// typical removes details that differ between runs, and sorts the lines because operations run in parallel.
func typical(out string) []string {
	for pattern, placeholder := range map[string]string{
		`sha256:[0-9a-f]{64}`:                       "DIGEST",
		`acrmicroservices(\w*?)[0-9a-f]{8}`:         "REGISTRY",
		`pull-\d+ {1,2}`:                            "pull-PERIOD ",
		`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`: "CLIENT",
		`\b[0-9][0-9.hms]*s\b`:                      "TIME",
		`[ ]--name \w+|sandbox "\w+"`:               "",
	} {
		out = regexp.MustCompile(pattern).ReplaceAllString(out, placeholder)
	}
	// The tools are built once, and the warning comes in the last third of a period.
	sometimes := regexp.MustCompile(`^(building|…|warning: the pull password is due to change)`)
	var lines []string
	for line := range strings.Lines(out) {
		fields := strings.Join(strings.Fields(line), " ")
		if fields != "" && !sometimes.MatchString(fields) {
			lines = append(lines, fields)
		}
	}
	slices.Sort(lines)
	return lines
}
