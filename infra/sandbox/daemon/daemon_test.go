package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/acr-microservices/infra/sandbox/azuredouble"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fake are services that do nothing.
type fake struct {
	done       chan struct{}
	stopped    bool
	conditions azuredouble.Conditions
	discarded  []string
	deleted    string
	outage     string
	why        error
}

func (f *fake) Info() Info                             { return Info{Registry: "127.0.0.1:1"} }
func (f *fake) SetConditions(c azuredouble.Conditions) { f.conditions = c }
func (f *fake) NodeLogin() Login                       { return Login{"node", "secret"} }
func (f *fake) Discard(types, known []string) error {
	f.discarded = slices.Concat(types, known)
	return nil
}
func (f *fake) Delete(id string) error { f.deleted = id; return f.why }
func (f *fake) Outage(_ context.Context, process string, over bool) error {
	f.outage = fmt.Sprint(process, " is back: ", over)
	return f.why
}
func (f *fake) Done() <-chan struct{} { return f.done }
func (f *fake) Stop() error           { f.stopped = true; return f.why }

// serve runs a daemon in a folder whose path is too long for a socket, and returns a client and the daemon's end.
func serve(t *testing.T, start StartFunc) (*Client, <-chan error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	require.NoError(t, os.MkdirAll(dir, 0o700))
	ended := make(chan error, 1)
	go func() { ended <- Serve(t.Context(), dir, start) }()
	var client *Client
	require.Eventually(t, func() bool {
		var err error
		client, err = Connect(t.Context(), dir)
		return err == nil
	}, 10*time.Second, time.Millisecond)
	t.Cleanup(client.Close)
	return client, ended
}

func starting(f *fake) StartFunc {
	return func(_ context.Context, step func(string)) (Services, error) {
		step("one")
		step("two")
		return f, nil
	}
}

func TestDaemonStopsWhenItsHolderDisconnects(t *testing.T) {
	f := &fake{done: make(chan struct{})}
	client, ended := serve(t, starting(f))
	var steps []string
	require.NoError(t, client.Hold(t.Context(), func(s string) { steps = append(steps, s) }))
	assert.Equal(t, []string{"one", "two"}, steps)
	client.Close()
	require.NoError(t, <-ended)
	assert.True(t, f.stopped)
}

func TestDaemonOutlivesItsHolderAfterKeep(t *testing.T) {
	f := &fake{done: make(chan struct{})}
	client, ended := serve(t, starting(f))
	require.NoError(t, client.Hold(t.Context(), func(string) {}))
	require.NoError(t, client.Keep(t.Context()))
	client.Close()

	info, err := client.Info(t.Context())
	require.NoError(t, err)
	assert.Equal(t, os.Getpid(), info.PID)
	assert.Equal(t, "127.0.0.1:1", info.Registry)
	require.NoError(t, client.SetConditions(t.Context(), azuredouble.Conditions{Ahead: time.Minute}))
	assert.Equal(t, time.Minute, f.conditions.Ahead)
	login, err := client.NodeLogin(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Login{"node", "secret"}, login)
	require.NoError(t, client.Discard(t.Context(), []string{"type"}, []string{"id"}))
	assert.Equal(t, []string{"type", "id"}, f.discarded)
	require.NoError(t, client.Delete(t.Context(), "/applications/1"))
	assert.Equal(t, "/applications/1", f.deleted)
	require.NoError(t, client.Outage(t.Context(), "node", true))
	assert.Equal(t, "node is back: true", f.outage)

	require.NoError(t, client.Stop(t.Context()))
	assert.True(t, f.stopped, "Stop returns after all services have stopped")
	require.NoError(t, <-ended)
}

func TestNewHolderTakesOver(t *testing.T) {
	f := &fake{done: make(chan struct{})}
	client, ended := serve(t, starting(f))
	require.NoError(t, client.Hold(t.Context(), func(string) {}))
	require.NoError(t, client.Keep(t.Context()))
	client.Close()
	require.NoError(t, client.Hold(t.Context(), func(string) {}))
	client.Close()
	require.NoError(t, <-ended)
}

func TestStartFails(t *testing.T) {
	hold := make(chan struct{})
	client, ended := serve(t, func(context.Context, func(string)) (Services, error) {
		<-hold
		return nil, errors.New("no etcd")
	})
	_, err := client.Info(t.Context())
	require.ErrorContains(t, err, "still starting")
	close(hold)
	require.ErrorContains(t, client.Hold(t.Context(), func(string) {}), "no etcd")
	client.Close()
	require.ErrorContains(t, <-ended, "no etcd")
}

func TestServiceExits(t *testing.T) {
	f := &fake{done: make(chan struct{}), why: errors.New("etcd: killed")}
	client, ended := serve(t, starting(f))
	require.NoError(t, client.Hold(t.Context(), func(string) {}))
	require.NoError(t, client.Keep(t.Context()))
	close(f.done)
	require.ErrorContains(t, <-ended, "etcd: killed")
}

func TestNoDaemonIsRunning(t *testing.T) {
	_, err := Connect(t.Context(), t.TempDir())
	require.ErrorIs(t, err, ErrNotRunning)
	_, err = Connect(t.Context(), filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, ErrNotRunning)
}
