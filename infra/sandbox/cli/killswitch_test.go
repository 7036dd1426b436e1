//go:build linux

package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/engine"
	"example.com/acr-microservices/infra/sandbox/process"
)

// A boundary is a moment of an update at which the engine's death affects the next engine.
type boundary struct {
	call string // Create, Update or Delete
	what string // type and name of the resource
	when string
}

// The moments of an operation. An engine that dies later has recorded the operation, and starts the next one.
const (
	asked = "asked" // the engine has requested it, and nothing has happened yet
	amid  = "amid"  // Helm is working on it
	done  = "done"  // it has happened, and the engine is not notified yet
)

func (b boundary) String() string {
	if b == (boundary{}) {
		return "no boundary"
	}
	return fmt.Sprintf("%s of %s, %s", b.call, b.what, b.when)
}

// A killSwitch is a proxy between the engine and its providers. It sees the start and end of each operation, and at one of
// these moments kills the engine and the Kubernetes provider, as a machine crash does. Azure keeps running.
type killSwitch struct {
	*box
	attach   string // the addresses at which it proxies the providers
	provider func() *exec.Cmd
	kube     kubectl
	run      func(args ...string) *exec.Cmd // a command that runs an engine attached to the proxy

	running sync.WaitGroup // calls
	mu      sync.Mutex
	targets map[string]*grpc.ClientConn // by provider
	plugin  *exec.Cmd                   // the Kubernetes provider of this run
	release boundary                    // the release operation in progress
	at      []boundary                  // at the first of these, it kills
	killed  boundary                    // where it has
	seen    []boundary
	secrets []string // passwords that Entra has issued
}

// newKillSwitch returns the switch of a running sandbox.
func newKillSwitch(b *box) *killSwitch {
	b.t.Helper()
	info := b.info()
	k := &killSwitch{box: b, kube: b.kubectl(), targets: map[string]*grpc.ClientConn{}}
	k.run = func(args ...string) *exec.Cmd { return k.command(append(args, "--attach", k.attach)...) }
	plugins, err := filepath.Glob(filepath.Join(b.dir(), "home", "plugins", "resource-kubernetes-*", "pulumi-resource-kubernetes"))
	require.NoError(b.t, err)
	require.Len(b.t, plugins, 1)
	k.provider = func() *exec.Cmd {
		cmd := exec.Command(plugins[0])
		cmd.Dir = engine.ProjectDir(b.dir()) // base of the charts' paths
		mark, dir, _ := strings.Cut(daemon.Mark(b.dir()), "=")
		cmd.Env = append(engine.CleanEnv(os.Environ()), "KUBECONFIG="+info.Kubeconfig, mark+"="+dir)
		for name, value := range engine.Env(b.dir()) {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		return cmd
	}
	var names []string
	for name, address := range map[string]string{"azure-native": info.AzureNative, "azuread": info.AzureAD, "azure": info.Azure, "kubernetes": ""} {
		if address != "" {
			k.targets[name] = dial(b.t, address)
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(b.t, err)
		server := grpc.NewServer(grpc.ForceServerCodec(rawCodec{}), grpc.MaxRecvMsgSize(maxMessage), grpc.UnknownServiceHandler(
			func(_ any, stream grpc.ServerStream) error { return k.pass(name, stream) }))
		go func() { _ = server.Serve(listener) }()
		b.t.Cleanup(server.Stop)
		names = append(names, name+":"+port(listener.Addr().String()))
	}
	k.attach = strings.Join(names, ",")
	watched, endWatch := context.WithCancel(b.t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { k.watchHelm(watched) })
	b.t.Cleanup(func() {
		endWatch()
		watching.Wait()
	})
	return k
}

const maxMessage = 400 << 20 // engine's limit

func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{}), grpc.MaxCallRecvMsgSize(maxMessage)))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// record runs a command to completion and returns the boundaries that it passes.
func (k *killSwitch) record(args ...string) []boundary {
	k.t.Helper()
	k.kill(nil, args...)
	return k.seen
}

// kill runs a command whose engine dies at the first of these boundaries that it reaches, and returns that one. If it reaches none,
// it has succeeded.
func (k *killSwitch) kill(at []boundary, args ...string) boundary {
	k.t.Helper()
	out, err := k.through(at, args...)
	if k.killed == (boundary{}) {
		require.NoError(k.t, err, "%s", out)
	} else {
		require.Error(k.t, err, "it survives its engine's death at %s:\n%s", k.killed, out)
	}
	return k.killed
}

// through runs a command with a fresh Kubernetes provider.
func (k *killSwitch) through(at []boundary, args ...string) (string, error) {
	k.t.Helper()
	plugin := k.provider()
	stdout, err := plugin.StdoutPipe()
	require.NoError(k.t, err)
	require.NoError(k.t, plugin.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(k.t, err)
	conn := dial(k.t, "127.0.0.1:"+strings.TrimSpace(line))
	k.mu.Lock()
	k.plugin, k.targets["kubernetes"] = plugin, conn
	k.at, k.killed, k.seen = at, boundary{}, nil
	k.mu.Unlock()
	began := time.Now()
	out, err := k.run(args...).CombinedOutput()
	k.running.Wait()
	_ = plugin.Process.Kill()
	_ = plugin.Wait()
	k.t.Logf("%s, killed at: %s (%s)\n%s", strings.Join(args, " "), k.killed, time.Since(began).Round(100*time.Millisecond), out)
	k.out.Write(out)
	return string(out), err
}

// pass forwards a call to a provider and its response back.
func (k *killSwitch) pass(provider string, stream grpc.ServerStream) error {
	k.running.Add(1)
	defer k.running.Done()
	k.mu.Lock()
	target := k.targets[provider]
	k.mu.Unlock()
	method, _ := grpc.MethodFromServerStream(stream)
	var request, answer []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	op := operationOf(method, request)
	if err := k.reach(op, asked); err != nil {
		return err
	}
	if strings.HasPrefix(op.what, "kubernetes:Release ") {
		k.goesOn(op)
	}
	// The provider completes the request even if the engine is dead.
	err := target.Invoke(context.WithoutCancel(stream.Context()), method, &request, &answer)
	if strings.HasPrefix(op.what, "kubernetes:Release ") {
		k.goesOn(boundary{})
	}
	if err != nil {
		return err
	}
	k.keepPassword(op, answer)
	if err := k.reach(op, done); err != nil {
		return err
	}
	return stream.SendMsg(&answer)
}

// operationOf returns the operation that a call requests, or none if it changes nothing.
func operationOf(method string, request []byte) boundary {
	call := method[strings.LastIndex(method, "/")+1:]
	var message interface {
		proto.Message
		GetUrn() string
	}
	switch call {
	case "Create":
		message = &pulumirpc.CreateRequest{}
	case "Update":
		message = &pulumirpc.UpdateRequest{}
	case "Delete":
		message = &pulumirpc.DeleteRequest{}
	default:
		return boundary{}
	}
	if err := proto.Unmarshal(request, message); err != nil {
		return boundary{}
	}
	if preview, ok := message.(interface{ GetPreview() bool }); ok && preview.GetPreview() {
		return boundary{}
	}
	urn := resource.URN(message.GetUrn())
	return boundary{call: call, what: engine.ShortType(string(urn.Type())) + " " + urn.Name()}
}

var errKilled = status.Error(codes.Unavailable, "the engine is dead")

// reach records a boundary, and kills if it is one of k.at.
func (k *killSwitch) reach(b boundary, when string) error {
	if b == (boundary{}) {
		return nil
	}
	b.when = when
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.killed != (boundary{}) {
		return errKilled
	}
	if slices.Contains(k.seen, b) {
		return nil
	}
	k.seen = append(k.seen, b)
	if !slices.Contains(k.at, b) {
		return nil
	}
	k.killed = b
	_ = k.plugin.Process.Kill()
	pids, err := daemon.Processes(k.dir())
	if err != nil {
		return err
	}
	for _, pid := range pids {
		name, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
		if strings.TrimSpace(string(name)) == "pulumi" {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
	}
	return errKilled
}

// goesOn records the release operation in progress, if any.
func (k *killSwitch) goesOn(op boundary) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.release = op
}

// watchHelm reaches the amid boundary of a release operation when Helm reports an unfinished status. It watches all the time: Helm
// can remove a release in less time than kubectl takes to start.
func (k *killSwitch) watchHelm(ctx context.Context) {
	for ctx.Err() == nil { // the API server ends a watch after some time
		cmd := exec.CommandContext(ctx, k.kube.path, "--kubeconfig", k.kube.kubeconfig, "get", "secrets", "--all-namespaces", "--selector",
			"owner=helm,status in ("+strings.Join(unfinished, ",")+")", "--watch", "--output-watch-events", "--output", "json")
		out, err := cmd.StdoutPipe()
		if err != nil || process.Start(cmd, syscall.SIGKILL) != nil {
			return // boundary not reached: the test fails
		}
		for events := json.NewDecoder(out); ; {
			var event struct{ Type string }
			if events.Decode(&event) != nil {
				break
			}
			if event.Type != "DELETED" {
				k.mu.Lock()
				op := k.release
				k.mu.Unlock()
				_ = k.reach(op, amid)
			}
		}
		_ = cmd.Wait()
	}
}

// keepPassword records the password in an operation's response.
func (k *killSwitch) keepPassword(op boundary, answer []byte) {
	if op.call != "Create" || !strings.HasPrefix(op.what, "azuread:ApplicationPassword ") {
		return
	}
	var created pulumirpc.CreateResponse
	if proto.Unmarshal(answer, &created) != nil {
		return
	}
	value := created.GetProperties().GetFields()["value"]
	if sealed := value.GetStructValue(); sealed != nil {
		value = sealed.GetFields()["value"]
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.secrets = append(k.secrets, value.GetStringValue())
}

// passwords returns those that Entra has issued so far.
func (k *killSwitch) passwords() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.secrets)
}

// rawCodec forwards messages unchanged.
type rawCodec struct{}

func (rawCodec) Name() string                       { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, v any) error { *v.(*[]byte) = slices.Clone(data); return nil }
