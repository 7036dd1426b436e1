package cridouble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"k8s.io/client-go/tools/remotecommand"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/kubelet/pkg/cri/streaming"
	utilexec "k8s.io/utils/exec"
)

// serveStreams serves kubectl exec and kubectl port-forward on a free loopback port, until ctx is done. Each returned address
// has a random token and works once.
func (r *Runtime) serveStreams(ctx context.Context) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("streams: %w", err)
	}
	config := streaming.DefaultConfig
	config.Addr = listener.Addr().String()
	if r.streaming, err = streaming.NewServer(config, streams{r}); err != nil {
		return errors.Join(fmt.Errorf("streams: %w", err), listener.Close())
	}
	server := &http.Server{Handler: r.streaming, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return nil
}

// Exec prepares kubectl exec.
func (r *Runtime) Exec(_ context.Context, request *cri.ExecRequest) (*cri.ExecResponse, error) {
	if _, err := r.running(request.GetContainerId()); err != nil {
		return nil, err
	}
	return r.streaming.GetExec(request)
}

// Attach is not implemented: a container's input is closed, and its output is in its log.
func (r *Runtime) Attach(context.Context, *cri.AttachRequest) (*cri.AttachResponse, error) {
	return nil, unimplemented("attach")
}

// PortForward prepares kubectl port-forward.
func (r *Runtime) PortForward(_ context.Context, request *cri.PortForwardRequest) (*cri.PortForwardResponse, error) {
	return r.streaming.GetPortForward(request)
}

// streams carries the opened streams.
type streams struct{ *Runtime }

func (s streams) Exec(ctx context.Context, id string, argv []string, in io.Reader, out, errOut io.WriteCloser, tty bool, _ <-chan remotecommand.TerminalSize) error {
	if tty {
		return unimplemented("terminals: leave -t out")
	}
	c, err := s.running(id)
	if err != nil {
		return err
	}
	p := c.process
	p.argv = argv
	code, err := p.run(ctx, in, writer(out), writer(errOut))
	if err == nil && code != 0 {
		err = utilexec.CodeExitError{Err: fmt.Errorf("command exited with %d", code), Code: int(code)}
	}
	return err
}

// writer keeps a missing stream a nil interface, which exec.Cmd reads as "none".
func writer(w io.WriteCloser) io.Writer {
	if w == nil {
		return nil
	}
	return w
}

func (s streams) Attach(context.Context, string, io.Reader, io.WriteCloser, io.WriteCloser, bool, <-chan remotecommand.TerminalSize) error {
	return unimplemented("attach")
}

func (s streams) PortForward(ctx context.Context, sandboxID string, port int32, stream io.ReadWriteCloser) error {
	s.mu.Lock()
	pod, ok := s.sandboxes[sandboxID]
	s.mu.Unlock()
	if !ok {
		return notFound("pod sandbox", sandboxID)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(s.listenIP(pod), strconv.Itoa(int(port))))
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		_, _ = io.Copy(conn, stream)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(stream, conn)
	return err
}
