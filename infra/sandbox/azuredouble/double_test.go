package azuredouble

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const server = "acme12345.azurecr.io"

func TestStateSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	e := newEngine(t, Options{StatePath: path})
	e.group()
	registry, id := e.registry(props{"tags": props{"a": "b"}}), e.identity("pull")
	e.assign("pull", id.objectID(), acrPull, registry.id)

	again, err := Open(Options{StatePath: path, Now: e.clock.now, OnRegistry: func(context.Context, string) error {
		return fmt.Errorf("the registry is not new")
	}})
	require.NoError(t, err)
	assert.Equal(t, e.double.Inventory(), again.Inventory())
	assert.Equal(t, e.double.current(), again.current())
	principal, err := again.Authenticate(server, id.clientID(), id.secret())
	require.NoError(t, err)
	assert.True(t, again.Allowed(server, principal, "app", "pull"))
	require.NoError(t, armOf(registryTok).update(t.Context(), again, registry.id, toProps(registry.inputs)))
}

func TestSubscriptionSurvivesARestartWithoutResources(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	first, err := Open(Options{StatePath: path})
	require.NoError(t, err)
	second, err := Open(Options{StatePath: path})
	require.NoError(t, err)
	assert.Equal(t, first.current(), second.current())
}

func TestRestartDuringACreationUndoesIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	existed := make(chan bool, 1)
	e := newEngine(t, Options{StatePath: path, OnRegistry: func(context.Context, string) error {
		restarted, err := Open(Options{StatePath: path}) // a double that starts at this moment
		existed <- err != nil || restarted.RegistryExists(server)
		return err
	}})
	e.group()
	e.registry(nil)
	assert.False(t, <-existed)
	restarted, err := Open(Options{StatePath: path})
	require.NoError(t, err)
	assert.True(t, restarted.RegistryExists(server), "the completed creation is saved")
}

func TestStateFileIsPrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.json")
	e := newEngine(t, Options{StatePath: path})
	e.group()
	e.registry(nil)
	id := e.identity("pull")
	_, ownerPassword := e.double.OwnerCredential()

	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, secret := range []string{id.secret(), ownerPassword} {
		require.NotEmpty(t, secret)
		assert.NotContains(t, string(data), secret)
		assert.NotContains(t, string(data), base64.StdEncoding.EncodeToString([]byte(secret)))
	}
	info, err = os.Stat(keyFile(path))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, files, 2, "no temporary file remains")
}

func TestEqualPasswordsHaveDifferentHashes(t *testing.T) {
	assert.NotEqual(t, hash([]byte("salt"), "p"), hash([]byte("pepper"), "p"))
	first, second := newPassword(), newPassword()
	assert.NotEqual(t, first, second)
}

func TestUnsavedChangeIsUndone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	require.NoError(t, os.Mkdir(dir, 0o700))
	d, err := Open(Options{StatePath: filepath.Join(dir, "state.json")})
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(dir))
	_, _, err = armOf(groupType).create(t.Context(), d, props{"resourceGroupName": testGroup, "location": "westeurope"})
	require.ErrorContains(t, err, "state of the Azure double")
	assert.Empty(t, d.Inventory())
}

func TestUnreadableState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	for content, want := range map[string]string{
		"{":               "unexpected end of JSON input",
		`{"version": 99}`: "has version 99, not 1: delete it",
		`{}`:              "has version 0, not 1: delete it",
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := Open(Options{StatePath: path})
		require.ErrorContains(t, err, want)
	}
}

func TestServeReportsABrokenListener(t *testing.T) {
	d, err := Open(Options{})
	require.NoError(t, err)
	var listeners [3]net.Listener
	for i := range listeners {
		listeners[i], err = net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
	}
	require.NoError(t, listeners[1].Close())
	require.ErrorContains(t, d.Serve(context.Background(), listeners[0], listeners[1], listeners[2]), "provider azuread")
}

func TestConcurrentRequests(t *testing.T) {
	e := newEngine(t, Options{OnRegistry: func(context.Context, string) error { return nil }})
	e.group()
	createRegistry := armOf(registryTok).create
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 12 {
		//nolint:testifylint // not the test's goroutine, which alone may use require
		wg.Go(func() {
			name := fmt.Sprintf("many%d", i)
			in, _, err := createRegistry(t.Context(), e.double, registryInputs(props{
				"registryName": strings.Repeat(name, 2), "location": "westeurope",
			}))
			assert.NoError(t, err)
			app, err := e.double.createApplication(props{"displayName": name})
			assert.NoError(t, err)
			id, value, err := e.double.createApplicationPassword(props{"applicationId": app})
			assert.NoError(t, err)
			assert.NotEmpty(t, value)
			e.double.SetConditions(Conditions{PullPropagation: time.Duration(i)})
			e.double.Allowed(server, id, "app", "pull")
			e.double.Inventory()
			assert.NotEmpty(t, in)
			if _, _, err := createRegistry(t.Context(), e.double, registryInputs(props{"location": "westeurope"})); err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 1, won, "exactly one request gets the name")
	assert.Len(t, e.double.Inventory(), 1+12+1+12+12)
}
