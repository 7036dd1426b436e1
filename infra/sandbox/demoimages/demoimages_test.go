package demoimages

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// sharedCache is the cache of all tests that do not test the cache itself.
var sharedCache string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if sharedCache, err = os.MkdirTemp("", "demo-test-*"); err != nil {
			log.Print(err)
			return 1
		}
		defer os.RemoveAll(sharedCache)
		return m.Run()
	}())
}

func TestImages(t *testing.T) {
	images, err := Images(t.Context(), sharedCache)
	require.NoError(t, err)
	require.Len(t, images, len(Services)*len(Versions))

	digests := map[string]string{}
	for _, service := range Services {
		for _, version := range Versions {
			reference := service + ":" + version
			image := images[reference]
			require.NotNil(t, image, reference)
			digest, err := image.Digest()
			require.NoError(t, err)
			assert.NotContains(t, digests, digest.String(), "%s and %s are one image", reference, digests[digest.String()])
			digests[digest.String()] = reference

			manifest, err := image.Manifest()
			require.NoError(t, err)
			assert.Equal(t, types.OCIManifestSchema1, manifest.MediaType)
			assert.Equal(t, types.OCIConfigJSON, manifest.Config.MediaType)
			require.Len(t, manifest.Layers, 1)
			assert.Equal(t, types.OCILayer, manifest.Layers[0].MediaType)

			file, err := image.ConfigFile()
			require.NoError(t, err)
			assert.Equal(t, "linux", file.OS)
			assert.Equal(t, runtime.GOARCH, file.Architecture)
			assert.Equal(t, "65532", file.Config.User)
			assert.Equal(t, []string{"/app"}, file.Config.Entrypoint)
			assert.Equal(t, []string{"SERVICE_NAME=" + service}, file.Config.Env)
			assert.Contains(t, file.Config.ExposedPorts, "8080/tcp")
			assert.Equal(t, version, file.Config.Labels["org.opencontainers.image.version"])

			layers, err := image.Layers()
			require.NoError(t, err)
			content, err := layers[0].Uncompressed()
			require.NoError(t, err)
			archive := tar.NewReader(content)
			entry, err := archive.Next()
			require.NoError(t, err)
			assert.Equal(t, "app", entry.Name)
			assert.Equal(t, int64(0o555), entry.Mode)
			assert.True(t, entry.ModTime.Equal(created))
			assert.Zero(t, entry.Uid)
			_, err = archive.Next()
			assert.Equal(t, io.EOF, err, "the program is the only file")
		}
	}
}

func TestImagesAreReproducible(t *testing.T) {
	first, err := Images(t.Context(), sharedCache)
	require.NoError(t, err)
	// A second build, with another cache, another directory and other user settings.
	t.Setenv("GOFLAGS", "-gcflags=-N")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("GOARM64", "v9.0")
	second, err := Images(t.Context(), filepath.Join(t.TempDir(), "other", "place"))
	require.NoError(t, err)

	for reference, image := range first {
		want, err := image.Digest()
		require.NoError(t, err)
		got, err := second[reference].Digest()
		require.NoError(t, err)
		assert.Equal(t, want, got, reference)
	}
}

func TestCacheIsUsedAndClean(t *testing.T) {
	cache := t.TempDir()
	dir, err := compile(t.Context(), cache, source, Versions)
	require.NoError(t, err)
	program := filepath.Join(dir, Versions[0], binary)
	require.NoError(t, os.Chmod(program, 0o755))
	require.NoError(t, os.WriteFile(program, []byte("cached"), 0o755))

	again, err := compile(t.Context(), cache, source, Versions)
	require.NoError(t, err)
	assert.Equal(t, dir, again)
	content, err := os.ReadFile(program)
	require.NoError(t, err)
	assert.Equal(t, "cached", string(content), "the program was built once more")
	entries, err := os.ReadDir(cache)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "a build leaves nothing else behind")
}

func TestConcurrentBuilds(t *testing.T) {
	cache := t.TempDir()
	dirs := make([]string, 3)
	group, ctx := errgroup.WithContext(t.Context())
	for i := range dirs {
		group.Go(func() (err error) {
			dirs[i], err = compile(ctx, cache, source, Versions)
			return err
		})
	}
	require.NoError(t, group.Wait())

	assert.Equal(t, []string{dirs[0], dirs[0], dirs[0]}, dirs)
	entries, err := os.ReadDir(cache)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	cache := t.TempDir()
	tools := t.TempDir()
	script := "#!/bin/sh\n[ $1 = version ] && echo go version fake && exit\necho cannot compile today >&2\nexit 1\n"
	require.NoError(t, os.WriteFile(filepath.Join(tools, "go"), []byte(script), 0o755))
	t.Setenv("PATH", tools)

	_, err := Images(t.Context(), cache)

	require.EqualError(t, err, "demo microservice: go build: cannot compile today")
	entries, err := os.ReadDir(cache)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestNoGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Images(t.Context(), t.TempDir())
	assert.ErrorContains(t, err, "demo microservice: go version: ")
}

func TestCancelledBuild(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Images(ctx, t.TempDir())
	assert.ErrorIs(t, err, context.Canceled)
}

func TestPush(t *testing.T) {
	images, err := Images(t.Context(), sharedCache)
	require.NoError(t, err)
	var authorization string
	content := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if authorization = r.Header.Get("Authorization"); authorization == "" {
			w.Header().Set("Www-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		content.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	auth := &authn.Basic{Username: "owner", Password: "s3cret"}

	require.NoError(t, Push(t.Context(), images, host, auth, http.DefaultTransport))

	for reference, image := range images {
		tag, err := name.NewTag(host + "/" + reference)
		require.NoError(t, err)
		pulled, err := remote.Image(tag, remote.WithAuth(auth))
		require.NoError(t, err, reference)
		want, err := image.Digest()
		require.NoError(t, err)
		got, err := pulled.Digest()
		require.NoError(t, err)
		assert.Equal(t, want, got, reference)
	}

	err = Push(t.Context(), images, host, authn.Anonymous, http.DefaultTransport)
	require.ErrorContains(t, err, "push "+host+"/customerapi:1.0.0: ")
	assert.NotContains(t, err.Error(), "s3cret")
	assert.ErrorContains(t, Push(t.Context(), images, "no host", auth, http.DefaultTransport), "push: ")
}

// start runs the program like a container, and returns its address and log.
func start(t *testing.T, env ...string) (*exec.Cmd, string, *bufio.Reader) {
	t.Helper()
	dir, err := compile(t.Context(), sharedCache, source, Versions)
	require.NoError(t, err)
	cmd := exec.Command(filepath.Join(dir, "1.1.0", binary))
	cmd.Env = slices.Concat(env, []string{"POD_IP=127.0.0.1", "PORT=0"})
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })

	logs := bufio.NewReader(stderr)
	line, err := logs.ReadString('\n')
	require.NoError(t, err)
	address := line[strings.LastIndex(line, " ")+1:]
	return cmd, "http://" + strings.TrimSpace(address), logs
}

func TestAppAnswers(t *testing.T) {
	_, url, _ := start(t, "SERVICE_NAME=orderapi", "HOSTNAME=orderapi-abc")
	client := &http.Client{Timeout: 10 * time.Second}

	for path, want := range map[string]int{"/": 200, "/health": 200, "/nothing": 404} {
		resp, err := client.Get(url + path)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, want, resp.StatusCode, path)
		if path == "/" {
			var answer map[string]string
			require.NoError(t, json.Unmarshal(body, &answer))
			assert.Equal(t, map[string]string{"service": "orderapi", "version": "1.1.0", "hostname": "orderapi-abc"}, answer)
			assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
		}
	}
	resp, err := client.Post(url+"/", "text/plain", bytes.NewReader(nil))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
}

func TestAppStopsOnTerm(t *testing.T) {
	cmd, _, logs := start(t)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	rest, err := io.ReadAll(logs) // ends with the process
	require.NoError(t, err)
	assert.Empty(t, string(rest))
	assert.NoError(t, cmd.Wait(), "a graceful stop has the exit code 0")
}

func TestAppReportsABusyPort(t *testing.T) {
	_, url, _ := start(t)
	dir, err := compile(t.Context(), sharedCache, source, Versions)
	require.NoError(t, err)
	cmd := exec.Command(filepath.Join(dir, "1.0.0", binary))
	cmd.Env = []string{"POD_IP=127.0.0.1", "PORT=" + url[strings.LastIndex(url, ":")+1:]}

	out, err := cmd.CombinedOutput()

	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Contains(t, string(out), "address already in use")
}
