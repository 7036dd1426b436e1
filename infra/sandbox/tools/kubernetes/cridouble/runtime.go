// Package cridouble is a double of a container runtime (CRI) for kubelet, like containerd. It needs neither root nor kernel
// features. Its scope:
//
//   - Images are pulled for real: over TLS, with the pod's credentials, from the sandbox's registry.
//   - A container is an ordinary process of the sandbox's user: a program of the image, with the environment, arguments,
//     working directory, log, exit code and stop signal that a container has. Exec and port forwarding work.
//   - There is NO isolation. The process sees the machine's files, network and processes; limits, users, capabilities,
//     read-only file systems and mounts are not applied. So only images of the sandbox's own registry are run, and a
//     program must be linked statically.
//   - Each pod has an address that Kubernetes sees (10.244.0.N, which nothing answers) and a loopback address where its
//     process listens (Config.Loopback), given to it as POD_IP.
package cridouble

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	internalapi "k8s.io/cri-api/pkg/apis"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/kubelet/pkg/cri/streaming"
	utilexec "k8s.io/utils/exec"
)

// PodCIDR holds the pod addresses in Kubernetes. They are not loopback addresses, which an EndpointSlice rejects, and nothing
// answers there.
var PodCIDR = netip.MustParsePrefix("10.244.0.0/24")

// Runtime runs containers as processes. It implements the CRI's runtime service.
type Runtime struct {
	images    *Images
	dir       string
	loopback  netip.Prefix
	streaming streaming.Server

	mu         sync.Mutex
	sandboxes  map[string]*sandbox
	containers map[string]*container
}

var (
	_ internalapi.RuntimeService      = (*Runtime)(nil)
	_ internalapi.ImageManagerService = (*Images)(nil)
)

type sandbox struct {
	id      string
	config  *cri.PodSandboxConfig
	created time.Time
	ready   bool
	host    byte // last byte of both of the pod's addresses; 0 in the host's network
}

type container struct {
	id      string
	sandbox *sandbox
	config  *cri.ContainerConfig
	image   *image
	process process
	logPath string
	log     *containerLog // once started

	created, started, finished time.Time
	state                      cri.ContainerState
	exitCode                   int32
	pid                        int
	done                       chan struct{} // closed when the process has ended
}

// NewRuntime returns a runtime that keeps its containers in dir, and serves exec and port forwarding on a loopback port
// until ctx is done. Containers of an earlier run are forgotten: their processes have ended with it. Pods listen in
// loopback, a /24 within 127.0.0.0/8 that is theirs alone.
func NewRuntime(ctx context.Context, dir string, loopback netip.Prefix, images *Images) (*Runtime, error) {
	if !loopback.Addr().Is4() || !loopback.Addr().IsLoopback() || loopback.Bits() != 24 {
		return nil, fmt.Errorf("pod network %s is not a /24 of 127.0.0.0/8", loopback)
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("containers: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("containers: %w", err)
	}
	r := &Runtime{
		images:     images,
		dir:        dir,
		loopback:   loopback.Masked(),
		sandboxes:  map[string]*sandbox{},
		containers: map[string]*container{},
	}
	err := r.serveStreams(ctx)
	return r, err
}

// Version names the runtime; kubelet puts it into the node's status.
func (r *Runtime) Version(context.Context, string) (*cri.VersionResponse, error) {
	return &cri.VersionResponse{Version: "0.1.0", RuntimeName: "cridouble", RuntimeVersion: "1.0.0", RuntimeApiVersion: "v1"}, nil
}

// Status reports the runtime and its network as ready.
func (r *Runtime) Status(context.Context, bool) (*cri.StatusResponse, error) {
	return &cri.StatusResponse{
		Status: &cri.RuntimeStatus{Conditions: []*cri.RuntimeCondition{
			{Type: cri.RuntimeReady, Status: true},
			{Type: cri.NetworkReady, Status: true},
		}},
		RuntimeHandlers: []*cri.RuntimeHandler{{Features: &cri.RuntimeHandlerFeatures{}}},
	}, nil
}

// RunPodSandbox assigns a pod's addresses; a sandbox has nothing else.
func (r *Runtime) RunPodSandbox(_ context.Context, config *cri.PodSandboxConfig, _ string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &sandbox{id: newID(), config: config, created: time.Now(), ready: true}
	if config.GetLinux().GetSecurityContext().GetNamespaceOptions().GetNetwork() != cri.NamespaceMode_NODE {
		host, err := r.freeHost()
		if err != nil {
			return "", err
		}
		s.host = host
	}
	if err := os.MkdirAll(config.LogDirectory, 0o700); err != nil {
		return "", fmt.Errorf("log directory: %w", err)
	}
	r.sandboxes[s.id] = s
	return s.id, nil
}

func (r *Runtime) freeHost() (byte, error) {
	used := map[byte]bool{}
	for _, s := range r.sandboxes {
		if s.ready {
			used[s.host] = true
		}
	}
	for host := byte(2); host < 255; host++ {
		if !used[host] {
			return host, nil
		}
	}
	return 0, status.Error(codes.ResourceExhausted, "no free pod address")
}

func within(p netip.Prefix, host byte) string {
	a := p.Addr().As4()
	a[3] = host
	return netip.AddrFrom4(a).String()
}

// podIP is the pod's address in Kubernetes; empty in the host's network.
func (s *sandbox) podIP() string {
	if s.host == 0 {
		return ""
	}
	return within(PodCIDR, s.host)
}

func (r *Runtime) listenIP(s *sandbox) string {
	if s.host == 0 {
		return "127.0.0.1"
	}
	return within(r.loopback, s.host)
}

// Dialable returns the loopback address where a pod that reports podIP listens. Other addresses are returned unchanged.
func (r *Runtime) Dialable(podIP string) string {
	addr, err := netip.ParseAddr(podIP)
	if err != nil || !PodCIDR.Contains(addr) {
		return podIP
	}
	return within(r.loopback, addr.As4()[3])
}

// StopPodSandbox kills the containers of a pod and frees its address.
func (r *Runtime) StopPodSandbox(ctx context.Context, id string) error {
	for _, c := range r.ofSandbox(id) {
		if err := r.StopContainer(ctx, c, 0); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.sandboxes[id]; ok {
		s.ready = false
	}
	return nil
}

// RemovePodSandbox stops and forgets a pod.
func (r *Runtime) RemovePodSandbox(ctx context.Context, id string) error {
	if err := r.StopPodSandbox(ctx, id); err != nil {
		return err
	}
	for _, c := range r.ofSandbox(id) {
		if err := r.RemoveContainer(ctx, c); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sandboxes, id)
	return nil
}

func (r *Runtime) ofSandbox(id string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for _, c := range r.containers {
		if c.sandbox.id == id {
			ids = append(ids, c.id)
		}
	}
	return ids
}

func (s *sandbox) state() cri.PodSandboxState {
	if s.ready {
		return cri.PodSandboxState_SANDBOX_READY
	}
	return cri.PodSandboxState_SANDBOX_NOTREADY
}

// PodSandboxStatus describes a pod.
func (r *Runtime) PodSandboxStatus(_ context.Context, id string, _ bool) (*cri.PodSandboxStatusResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.sandboxes[id]
	if !ok {
		return nil, notFound("pod sandbox", id)
	}
	return &cri.PodSandboxStatusResponse{Status: &cri.PodSandboxStatus{
		Id:          s.id,
		Metadata:    s.config.GetMetadata(),
		State:       s.state(),
		CreatedAt:   s.created.UnixNano(),
		Network:     &cri.PodSandboxNetworkStatus{Ip: s.podIP()},
		Linux:       &cri.LinuxPodSandboxStatus{Namespaces: &cri.Namespace{Options: s.config.GetLinux().GetSecurityContext().GetNamespaceOptions()}},
		Labels:      s.config.GetLabels(),
		Annotations: s.config.GetAnnotations(),
	}}, nil
}

// ListPodSandbox lists the pods that a filter selects.
func (r *Runtime) ListPodSandbox(_ context.Context, f *cri.PodSandboxFilter) ([]*cri.PodSandbox, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*cri.PodSandbox
	for _, s := range r.sandboxes {
		if f.GetId() != "" && f.GetId() != s.id ||
			f.GetState() != nil && f.GetState().State != s.state() ||
			!selects(f.GetLabelSelector(), s.config.GetLabels()) {
			continue
		}
		list = append(list, &cri.PodSandbox{
			Id:          s.id,
			Metadata:    s.config.GetMetadata(),
			State:       s.state(),
			CreatedAt:   s.created.UnixNano(),
			Labels:      s.config.GetLabels(),
			Annotations: s.config.GetAnnotations(),
		})
	}
	return list, nil
}

func selects(selector, labels map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// CreateContainer unpacks the image for a container.
func (r *Runtime) CreateContainer(_ context.Context, sandboxID string, config *cri.ContainerConfig, sandboxConfig *cri.PodSandboxConfig) (string, error) {
	r.mu.Lock()
	s, ok := r.sandboxes[sandboxID]
	r.mu.Unlock()
	if !ok {
		return "", notFound("pod sandbox", sandboxID)
	}
	img := r.images.find(config.GetImage().GetImage())
	if img == nil {
		return "", notFound("image", config.GetImage().GetImage())
	}
	c := &container{
		id:      newID(),
		sandbox: s,
		config:  config,
		image:   img,
		logPath: filepath.Join(sandboxConfig.GetLogDirectory(), config.GetLogPath()),
		created: time.Now(),
		state:   cri.ContainerState_CONTAINER_CREATED,
		done:    make(chan struct{}),
	}
	rootfs := filepath.Join(r.dir, c.id, "rootfs")
	if err := r.images.unpack(img.ID, rootfs); err != nil {
		return "", fmt.Errorf("image %s: %w", config.GetImage().GetUserSpecifiedImage(), err)
	}
	c.process = newProcess(rootfs, img, config, s, r.listenIP(s))
	if err := os.MkdirAll(filepath.Join(rootfs, c.process.workdir), 0o755); err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.containers[c.id] = c
	return c.id, nil
}

// newProcess merges an image's configuration and a pod's; the pod's wins.
func newProcess(rootfs string, img *image, config *cri.ContainerConfig, s *sandbox, listenIP string) process {
	p := process{rootfs: rootfs, workdir: "/"}
	entrypoint, args := img.Config.Entrypoint, img.Config.Cmd
	if len(config.GetCommand()) > 0 {
		entrypoint, args = config.GetCommand(), nil
	}
	if len(config.GetArgs()) > 0 {
		args = config.GetArgs()
	}
	p.argv = slices.Concat(entrypoint, args)
	for _, dir := range []string{img.Config.WorkingDir, config.GetWorkingDir()} {
		if dir != "" {
			p.workdir = dir
		}
	}

	env := map[string]string{"PATH": defaultPath, "HOSTNAME": s.config.GetHostname(), "POD_IP": listenIP}
	for _, e := range img.Config.Env {
		k, v, _ := strings.Cut(e, "=")
		env[k] = v
	}
	for _, e := range config.GetEnvs() {
		v := e.GetValue()
		if v != "" && v == s.podIP() { // the pod asked for its own address, to listen there
			v = listenIP
		}
		env[e.GetKey()] = v
	}
	for _, k := range slices.Sorted(maps.Keys(env)) {
		p.env = append(p.env, k+"="+env[k])
	}
	return p
}

// StartContainer starts a container's process.
func (r *Runtime) StartContainer(_ context.Context, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.containers[id]
	if !ok {
		return notFound("container", id)
	}
	if c.state != cri.ContainerState_CONTAINER_CREATED {
		return status.Errorf(codes.FailedPrecondition, "container %s is not in the state of being created", id)
	}
	cmd, err := c.process.command(context.Background())
	if err != nil {
		c.end(128, nil)
		return fmt.Errorf("create containerd task: %w", err)
	}
	log, err := openLog(c.logPath)
	if err != nil {
		return fmt.Errorf("container log: %w", err)
	}
	out, errOut := &logStream{log: log, name: "stdout"}, &logStream{log: log, name: "stderr"}
	cmd.Stdout, cmd.Stderr = out, errOut
	err = start(cmd)
	if errors.Is(err, syscall.ENOEXEC) {
		// For a container runtime, the container has started: it ends with the kernel's error.
		_, _ = fmt.Fprintf(errOut, "exec %s: %v\n", c.process.argv[0], syscall.ENOEXEC)
		_ = closeLog(log, out, errOut)
		c.end(255, nil)
		return nil
	}
	if err != nil {
		_ = closeLog(log)
		c.end(128, nil)
		return err
	}
	c.log, c.pid = log, cmd.Process.Pid
	c.started, c.state = time.Now(), cri.ContainerState_CONTAINER_RUNNING
	go func() {
		_ = cmd.Wait() // see the exit code
		// The rest of its process group ends with it, as in a container.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = closeLog(log, out, errOut)
		r.mu.Lock()
		defer r.mu.Unlock()
		c.end(exitCode(cmd.ProcessState), cmd)
	}()
	return nil
}

// end records the end of a container; cmd is nil if it has not run.
func (c *container) end(code int32, cmd *exec.Cmd) {
	c.exitCode, c.finished, c.state = code, time.Now(), cri.ContainerState_CONTAINER_EXITED
	if cmd == nil {
		c.started = c.finished
	}
	close(c.done)
}

// StopContainer sends a container its stop signal, and SIGKILL after timeout seconds. It returns when the process has ended. It
// ignores a container that is unknown or not running.
func (r *Runtime) StopContainer(ctx context.Context, id string, timeout int64) error {
	r.mu.Lock()
	c, ok := r.containers[id]
	running := ok && c.state == cri.ContainerState_CONTAINER_RUNNING
	if running && timeout > 0 {
		_ = syscall.Kill(-c.pid, stopSignal(c.image.Config.StopSignal)) // fails only if it ends by itself just now
	}
	r.mu.Unlock()
	if !running {
		return nil
	}
	grace := time.NewTimer(time.Duration(timeout) * time.Second)
	defer grace.Stop()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-grace.C:
	}
	r.mu.Lock()
	if c.state == cri.ContainerState_CONTAINER_RUNNING {
		_ = syscall.Kill(-c.pid, syscall.SIGKILL)
	}
	r.mu.Unlock()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close stops all containers, with a grace period in seconds, and waits for them.
func (r *Runtime) Close(ctx context.Context, grace int64) error {
	r.mu.Lock()
	ids := slices.Collect(maps.Keys(r.containers))
	r.mu.Unlock()
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() { errs[i] = r.StopContainer(ctx, id, grace) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// RemoveContainer kills and forgets a container and deletes its files. It ignores an unknown one.
func (r *Runtime) RemoveContainer(ctx context.Context, id string) error {
	if err := r.StopContainer(ctx, id, 0); err != nil {
		return err
	}
	r.mu.Lock()
	_, ok := r.containers[id]
	delete(r.containers, id)
	r.mu.Unlock()
	if !ok {
		return nil
	}
	return os.RemoveAll(filepath.Join(r.dir, id))
}

// ListContainers lists the containers that a filter selects.
func (r *Runtime) ListContainers(_ context.Context, f *cri.ContainerFilter) ([]*cri.Container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*cri.Container
	for _, c := range r.containers {
		if f.GetId() != "" && f.GetId() != c.id ||
			f.GetPodSandboxId() != "" && f.GetPodSandboxId() != c.sandbox.id ||
			f.GetState() != nil && f.GetState().State != c.state ||
			!selects(f.GetLabelSelector(), c.config.GetLabels()) {
			continue
		}
		list = append(list, &cri.Container{
			Id:           c.id,
			PodSandboxId: c.sandbox.id,
			Metadata:     c.config.GetMetadata(),
			Image:        c.config.GetImage(),
			ImageRef:     c.image.ID,
			ImageId:      c.image.ID,
			State:        c.state,
			CreatedAt:    c.created.UnixNano(),
			Labels:       c.config.GetLabels(),
			Annotations:  c.config.GetAnnotations(),
		})
	}
	return list, nil
}

// ContainerStatus describes a container.
func (r *Runtime) ContainerStatus(_ context.Context, id string, _ bool) (*cri.ContainerStatusResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.containers[id]
	if !ok {
		return nil, notFound("container", id)
	}
	s := &cri.ContainerStatus{
		Id:          c.id,
		Metadata:    c.config.GetMetadata(),
		State:       c.state,
		CreatedAt:   c.created.UnixNano(),
		Image:       &cri.ImageSpec{Image: c.config.GetImage().GetUserSpecifiedImage()},
		ImageRef:    c.image.ref(),
		ImageId:     c.image.ID,
		Labels:      c.config.GetLabels(),
		Annotations: c.config.GetAnnotations(),
		Mounts:      c.config.GetMounts(),
		LogPath:     c.logPath,
	}
	if !c.started.IsZero() {
		s.StartedAt = c.started.UnixNano()
	}
	if c.state == cri.ContainerState_CONTAINER_EXITED {
		s.FinishedAt, s.ExitCode = c.finished.UnixNano(), c.exitCode
		s.Reason = "Completed"
		if c.exitCode != 0 {
			s.Reason = "Error"
		}
	}
	return &cri.ContainerStatusResponse{Status: s}, nil
}

// ref is an image's name in a pod's status: with its digest.
func (i *image) ref() string {
	if len(i.Digests) > 0 {
		return i.Digests[0]
	}
	return i.ID
}

// running returns a running container.
func (r *Runtime) running(id string) (*container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.containers[id]
	if !ok {
		return nil, notFound("container", id)
	}
	if c.state != cri.ContainerState_CONTAINER_RUNNING {
		return nil, status.Errorf(codes.FailedPrecondition, "container %s is not running", id)
	}
	return c, nil
}

// ExecSync runs a program of the container's image beside its process. A timeout of 0 is none.
func (r *Runtime) ExecSync(ctx context.Context, id string, argv []string, timeout time.Duration) (stdout, stderr []byte, err error) {
	c, err := r.running(id)
	if err != nil {
		return nil, nil, err
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	p := c.process
	p.argv = argv
	var out, errOut bytes.Buffer
	code, err := p.run(ctx, nil, &out, &errOut)
	if errors.Is(err, context.DeadlineExceeded) {
		err = status.Errorf(codes.DeadlineExceeded, "command %q timed out", argv)
	}
	if err == nil && code != 0 {
		err = utilexec.CodeExitError{Err: fmt.Errorf("command %q exited with %d: %s", argv, code, errOut.Bytes()), Code: int(code)}
	}
	return out.Bytes(), errOut.Bytes(), err
}

// ReopenContainerLog begins a new log file after kubelet has rotated the old one away.
func (r *Runtime) ReopenContainerLog(_ context.Context, id string) error {
	c, err := r.running(id)
	if err != nil {
		return err
	}
	return c.log.reopen()
}

// UpdateContainerResources does nothing: there are no limits to change.
func (r *Runtime) UpdateContainerResources(context.Context, string, *cri.ContainerResources) error {
	return nil
}

// UpdatePodSandboxResources does nothing: there are no limits to change.
func (r *Runtime) UpdatePodSandboxResources(context.Context, *cri.UpdatePodSandboxResourcesRequest) (*cri.UpdatePodSandboxResourcesResponse, error) {
	return &cri.UpdatePodSandboxResourcesResponse{}, nil
}

// UpdateRuntimeConfig does nothing: pod addresses are PodCIDR's.
func (r *Runtime) UpdateRuntimeConfig(context.Context, *cri.RuntimeConfig) error { return nil }

// RuntimeConfig is empty: there are no cgroups.
func (r *Runtime) RuntimeConfig(context.Context) (*cri.RuntimeConfigResponse, error) {
	return &cri.RuntimeConfigResponse{}, nil
}

// CheckpointContainer is not implemented.
func (r *Runtime) CheckpointContainer(context.Context, *cri.CheckpointContainerRequest) error {
	return unimplemented("checkpoints")
}

// GetContainerEvents is not implemented; kubelet lists containers instead.
func (r *Runtime) GetContainerEvents(context.Context, chan *cri.ContainerEventResponse, func(cri.RuntimeService_GetContainerEventsClient)) error {
	return unimplemented("container events")
}

// ContainerStats is not implemented: nothing is measured.
func (r *Runtime) ContainerStats(context.Context, string) (*cri.ContainerStats, error) {
	return nil, unimplemented("statistics")
}

// ListContainerStats is empty: nothing is measured.
func (r *Runtime) ListContainerStats(context.Context, *cri.ContainerStatsFilter) ([]*cri.ContainerStats, error) {
	return nil, nil
}

// PodSandboxStats is not implemented: nothing is measured.
func (r *Runtime) PodSandboxStats(context.Context, string) (*cri.PodSandboxStats, error) {
	return nil, unimplemented("statistics")
}

// ListPodSandboxStats is empty: nothing is measured.
func (r *Runtime) ListPodSandboxStats(context.Context, *cri.PodSandboxStatsFilter) ([]*cri.PodSandboxStats, error) {
	return nil, nil
}

// ListMetricDescriptors is empty: nothing is measured.
func (r *Runtime) ListMetricDescriptors(context.Context) ([]*cri.MetricDescriptor, error) {
	return nil, nil
}

// ListPodSandboxMetrics is empty: nothing is measured.
func (r *Runtime) ListPodSandboxMetrics(context.Context) ([]*cri.PodSandboxMetrics, error) {
	return nil, nil
}

func notFound(kind, id string) error {
	return status.Errorf(codes.NotFound, "%s %q: not found", kind, id)
}

func unimplemented(what string) error {
	return status.Errorf(codes.Unimplemented, "cridouble has no %s", what)
}

// newID returns 64 random hexadecimal digits, like containerd's.
func newID() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
