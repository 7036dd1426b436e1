package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
	"example.com/acr-microservices/infra/sandbox/process"
)

// ErrNotRunning says that no daemon answers.
var ErrNotRunning = errors.New("the sandbox is not running")

// LogFile is the name of the daemon's own log in its folder.
const LogFile = "daemon.log"

// Client talks to a running daemon.
type Client struct {
	http *http.Client
	body io.Closer // the connection that holds the daemon, if any
	kept bool
}

// Connect returns a client of the daemon that runs in dir, or ErrNotRunning.
func Connect(ctx context.Context, dir string) (*Client, error) {
	c := &Client{http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, dir) },
	}}}
	if err := c.call(ctx, http.MethodGet, "ping", nil, nil); err != nil {
		return nil, errors.Join(ctx.Err(), ErrNotRunning)
	}
	return c, nil
}

// Start starts this same executable with args as a daemon in dir, in its own session, and returns when it answers.
func Start(ctx context.Context, dir string, args ...string) (*Client, error) {
	log, err := os.OpenFile(filepath.Join(dir, LogFile), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	// The daemon must not keep inherited files open, such as the lock of a calling script. On a kernel without this call, they stay
	// open.
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	// The executable can have been rebuilt since; the running file is the correct one.
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), Mark(dir))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the sandbox: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // see the log
	}()
	for {
		if c, err := Connect(ctx, dir); err == nil {
			return c, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ended:
			return nil, fmt.Errorf("the sandbox exited while starting: %s", process.Tail(filepath.Join(dir, LogFile), 5))
		case <-ctx.Done():
			_ = cmd.Process.Signal(syscall.SIGTERM)
			return nil, ctx.Err()
		}
	}
}

// Hold ties the daemon's lifetime to this process, and waits until its services run. It reports each step.
func (c *Client) Hold(ctx context.Context, step func(string)) error {
	request, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, "http://daemon/hold", nil)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	c.body = response.Body
	stop := context.AfterFunc(ctx, func() { response.Body.Close() }) // ends the decoder below
	defer stop()
	for events := json.NewDecoder(response.Body); ; {
		var e event
		if err := events.Decode(&e); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("the sandbox exited while starting: %w", err)
		}
		switch {
		case e.Error != "":
			return errors.New(e.Error)
		case e.Ready:
			return nil
		default:
			step(e.Step)
		}
	}
}

// Keep hands the sandbox over: the daemon outlives this process.
func (c *Client) Keep(ctx context.Context) error {
	err := c.call(ctx, http.MethodPost, "keep", nil, nil)
	c.kept = err == nil
	return err
}

// Kept reports whether the sandbox is handed over.
func (c *Client) Kept() bool { return c.kept }

// Stop ends all services and then the daemon. It returns when the services have ended.
func (c *Client) Stop(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "stop", nil, nil)
}

// Info requests the state.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var info Info
	err := c.call(ctx, http.MethodGet, "info", nil, &info)
	return info, err
}

// SetConditions sets conditions of Azure that no request changes.
func (c *Client) SetConditions(ctx context.Context, conditions azuredouble.Conditions) error {
	return c.call(ctx, http.MethodPost, "conditions", conditions, nil)
}

// NodeLogin requests the registry login of the cluster's node.
func (c *Client) NodeLogin(ctx context.Context) (Login, error) {
	var login Login
	err := c.call(ctx, http.MethodGet, "node-login", nil, &login)
	return login, err
}

// Discard removes cloud objects of the given resource types that are not among the known ids.
func (c *Client) Discard(ctx context.Context, types, known []string) error {
	return c.call(ctx, http.MethodPost, "discard", discard{Types: types, Known: known}, nil)
}

// Delete deletes an object from the cloud, like a manual deletion.
func (c *Client) Delete(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, "delete", id, nil)
}

// Outage stops a process of the cluster, such as "kube-apiserver", or starts it again and waits until it is ready.
func (c *Client) Outage(ctx context.Context, process string, over bool) error {
	return c.call(ctx, http.MethodPost, "outage", outage{process, over}, nil)
}

// Close releases the daemon, which stops unless it is handed over.
func (c *Client) Close() {
	if c.body != nil {
		c.body.Close()
	}
	c.http.CloseIdleConnections()
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://daemon/"+path, &body)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) {
		return ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
		return fmt.Errorf("sandbox: %s", strings.TrimSpace(string(text)))
	}
	if out != nil {
		return json.NewDecoder(response.Body).Decode(out)
	}
	return nil
}

func dial(ctx context.Context, dir string) (net.Conn, error) {
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return new(net.Dialer).DialContext(ctx, "unix", socketPath(folder))
}
