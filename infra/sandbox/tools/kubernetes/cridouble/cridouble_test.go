package cridouble

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const user, password = "puller", "correct horse"

// TestMain lets the test binary be the program of the test's containers.
func TestMain(m *testing.M) {
	if behave, ok := programs[os.Getenv("CRIDOUBLE_PROGRAM")]; ok {
		behave()
		return
	}
	os.Exit(m.Run())
}

// registryServer is a registry that requires a password, but not for images below docker.io.
func registryServer(t *testing.T) (addr string, ca *x509.CertPool) {
	t.Helper()
	content := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Host, ".azurecr.io") && r.Header.Get("Authorization") != want {
			w.Header().Set("WWW-Authenticate", `Basic realm="contoso"`)
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
			return
		}
		content.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	ca = x509.NewCertPool()
	ca.AddCert(s.Certificate())
	return s.Listener.Addr().String(), ca
}

// programs are the test containers' programs, by value of CRIDOUBLE_PROGRAM.
var programs = map[string]func(){
	"show": func() {
		dir, _ := os.Getwd()
		_, _ = os.Stdout.WriteString(strings.Join(os.Args[1:], " ") + " " + os.Getenv("GREETING") + " " + filepath.Base(dir) + " " + os.Getenv("POD_IP") + "\n")
		_, _ = os.Stderr.WriteString("no line end")
		os.Exit(3)
	},
	"stubborn": func() {
		signal.Ignore(syscall.SIGTERM)
		_, _ = os.Stdout.WriteString("ignoring\n")
		time.Sleep(time.Hour)
	},
	"wait": func() {
		_, _ = os.Stdout.WriteString("waiting\n")
		time.Sleep(time.Hour)
	},
}

// testImage is an image with this test binary as its program.
func testImage(t *testing.T, arch string, config v1.Config) v1.Image {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(archive(t,
			entry{tar.Header{Name: "program", Mode: 0o755, Typeflag: tar.TypeReg}, self},
			entry{tar.Header{Name: "work/", Mode: 0o555, Typeflag: tar.TypeDir}, nil},
		)), nil
	})
	require.NoError(t, err)
	img, err := mutate.AppendLayers(empty.Image, layer)
	require.NoError(t, err)
	img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: arch, Config: config, RootFS: rootFS(t, img)})
	require.NoError(t, err)
	return img
}

func rootFS(t *testing.T, img v1.Image) v1.RootFS {
	t.Helper()
	config, err := img.ConfigFile()
	require.NoError(t, err)
	return config.RootFS
}

type entry struct {
	header  tar.Header
	content []byte
}

func archive(t *testing.T, entries ...entry) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		e.header.Size = int64(len(e.content))
		require.NoError(t, w.WriteHeader(&e.header))
		_, err := w.Write(e.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return &b
}

// newImages returns an image service over a registry that holds img as contoso.azurecr.io/app:1 and docker.io/someone/app:1.
func newImages(t *testing.T, img v1.Image) *Images {
	t.Helper()
	addr, ca := registryServer(t)
	s, err := NewImages(t.TempDir(), addr, ca)
	require.NoError(t, err)
	s.client.(*http.Transport).TLSClientConfig.ServerName = "example.com" // the name in httptest's certificate
	for _, tag := range []string{"contoso.azurecr.io/app:1", "docker.io/someone/app:1"} {
		ref, err := name.ParseReference(tag)
		require.NoError(t, err)
		require.NoError(t, remote.Write(ref, img, remote.WithTransport(s.client), remote.WithAuth(authenticator(credentials))))
	}
	return s
}

var credentials = &cri.AuthConfig{Username: user, Password: password}

func TestPull(t *testing.T) {
	s := newImages(t, testImage(t, runtime.GOARCH, v1.Config{User: "65532:65532"}))
	ctx := t.Context()
	spec := &cri.ImageSpec{Image: "contoso.azurecr.io/app:1"}

	resp, err := s.ImageStatus(ctx, spec, false)
	require.NoError(t, err)
	assert.Nil(t, resp.Image, "not pulled yet")

	id, err := s.PullImage(ctx, spec, credentials, nil)
	require.NoError(t, err)
	again, err := s.PullImage(ctx, &cri.ImageSpec{Image: "docker.io/someone/app:1"}, nil, nil)
	require.NoError(t, err, "anonymous")
	assert.Equal(t, id, again)

	for _, known := range []string{"contoso.azurecr.io/app:1", "someone/app:1", "docker.io/someone/app:1", id} {
		resp, err = s.ImageStatus(ctx, &cri.ImageSpec{Image: known}, false)
		require.NoError(t, err)
		require.NotNil(t, resp.Image, known)
		assert.Equal(t, id, resp.Image.Id)
		assert.Equal(t, int64(65532), resp.Image.Uid.GetValue(), "kubelet holds runAsNonRoot against it")
	}
	assert.ElementsMatch(t, []string{"contoso.azurecr.io/app:1", "docker.io/someone/app:1"}, resp.Image.RepoTags)

	reopened, err := NewImages(s.dir, "", nil)
	require.NoError(t, err)
	list, err := reopened.ListImages(ctx, nil)
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Equal(t, id, list[0].Id)

	require.NoError(t, s.RemoveImage(ctx, spec))
	resp, err = s.ImageStatus(ctx, spec, false)
	require.NoError(t, err)
	assert.Nil(t, resp.Image)
}

func TestPullErrors(t *testing.T) {
	wrong := &cri.AuthConfig{Username: user, Password: "wrong horse"}
	for name, test := range map[string]struct {
		image string
		auth  *cri.AuthConfig
		code  codes.Code
		want  string
	}{
		"anonymous":      {"contoso.azurecr.io/app:1", nil, codes.Unknown, "failed to authorize: unexpected status from GET request to https://contoso.azurecr.io/v2/app/manifests/1: 401 Unauthorized: authentication required"},
		"wrong password": {"contoso.azurecr.io/app:1", wrong, codes.Unknown, "401 Unauthorized: authentication required"},
		"no such tag":    {"contoso.azurecr.io/app:2", credentials, codes.NotFound, `failed to resolve reference "contoso.azurecr.io/app:2": `},
		"other host":     {"ghcr.io/someone/app:1", nil, codes.Unknown, "ghcr.io is out of reach: the sandbox has no internet"},
		"not a name":     {"contoso.azurecr.io/App", credentials, codes.Unknown, "could not parse reference"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newImages(t, testImage(t, runtime.GOARCH, v1.Config{}))
			_, err := s.PullImage(t.Context(), &cri.ImageSpec{Image: test.image}, test.auth, nil)
			require.ErrorContains(t, err, test.want)
			assert.Equal(t, test.code, status.Code(err))
			require.ErrorContains(t, err, `failed to pull and unpack image "`+test.image+`": `)
			assert.NotContains(t, err.Error(), "horse", "no password in errors")
		})
	}
}

// A multi-platform image without the node's platform is rejected. A single-platform image is accepted, and its program does not
// start.
func TestOtherPlatforms(t *testing.T) {
	s := newImages(t, testImage(t, "s390x", v1.Config{}))
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add:        testImage(t, "s390x", v1.Config{}),
		Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}},
	})
	const several = "docker.io/someone/several:1"
	ref, err := name.ParseReference(several)
	require.NoError(t, err)
	require.NoError(t, remote.WriteIndex(ref, index, remote.WithTransport(s.client)))

	_, err = s.PullImage(t.Context(), &cri.ImageSpec{Image: several}, nil, nil)
	require.EqualError(t, err, `rpc error: code = NotFound desc = failed to pull and unpack image "`+several+`": no match for platform in manifest: not found`)
	_, err = s.PullImage(t.Context(), &cri.ImageSpec{Image: "docker.io/someone/app:1"}, nil, nil)
	require.NoError(t, err)

	f := newFixture(t, v1.Config{Entrypoint: []string{"/program"}})
	id := f.create(t, &cri.ContainerConfig{})
	program := filepath.Join(f.dir, id, "rootfs", "program")
	require.NoError(t, os.Chmod(program, 0o755))
	require.NoError(t, os.WriteFile(program, []byte("for another machine"), 0o755))
	require.NoError(t, f.StartContainer(t.Context(), id))
	ended := f.until(t, id, exited)
	assert.Equal(t, int32(255), ended.ExitCode)
	assert.Contains(t, f.log(t), "stderr F exec /program: exec format error\n")
}

func TestImageUser(t *testing.T) {
	assert.Equal(t, "nonroot", (&image{Config: v1.Config{User: "nonroot"}}).status().Username)
	assert.Equal(t, int64(0), (&image{Config: v1.Config{User: "0"}}).status().Uid.GetValue())
	assert.Nil(t, (&image{}).status().Uid)
}

func TestExtractStaysInside(t *testing.T) {
	secret := []byte("written by the image")
	for name, entries := range map[string][]entry{
		"dots":              {{tar.Header{Name: "../../escaped", Mode: 0o644, Typeflag: tar.TypeReg}, secret}},
		"absolute":          {{tar.Header{Name: "/escaped", Mode: 0o644, Typeflag: tar.TypeReg}, secret}},
		"through a symlink": {{tar.Header{Name: "link", Linkname: "../..", Typeflag: tar.TypeSymlink}, nil}, {tar.Header{Name: "link/escaped", Mode: 0o644, Typeflag: tar.TypeReg}, secret}},
		"onto a symlink":    {{tar.Header{Name: "f", Linkname: "../../escaped", Typeflag: tar.TypeSymlink}, nil}, {tar.Header{Name: "f", Mode: 0o644, Typeflag: tar.TypeReg}, secret}},
		"hard link":         {{tar.Header{Name: "f", Linkname: "../../victim", Typeflag: tar.TypeLink}, nil}},
		"device":            {{tar.Header{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			outside := t.TempDir()
			victim := filepath.Join(outside, "victim")
			require.NoError(t, os.WriteFile(victim, nil, 0o600))
			dir := filepath.Join(outside, "a", "b")
			_ = extract(tar.NewReader(archive(t, entries...)), dir) // an error or a file inside: both are fine
			assert.NoFileExists(t, filepath.Join(outside, "escaped"))
			assert.NoFileExists(t, filepath.Join(outside, "a", "escaped"))
			left, err := os.ReadDir(outside)
			require.NoError(t, err)
			assert.Len(t, left, 2)
			content, err := os.ReadFile(victim)
			require.NoError(t, err)
			assert.Empty(t, content)
		})
	}
}

func TestInside(t *testing.T) {
	rootfs := t.TempDir()
	require.NoError(t, os.Symlink("/bin/sh", filepath.Join(rootfs, "sh")))
	_, err := inside(rootfs, "/sh")
	require.ErrorContains(t, err, "leads out of the container")
	path, err := inside(rootfs, "../../..")
	require.NoError(t, err)
	assert.Equal(t, rootfs, path)
}

type fixture struct {
	*Runtime
	sandboxID string
	sandbox   *cri.PodSandboxConfig
	image     string
}

// newFixture runs a pod for containers of an image with the configuration given.
func newFixture(t *testing.T, config v1.Config) fixture {
	t.Helper()
	s := newImages(t, testImage(t, runtime.GOARCH, config))
	image, err := s.PullImage(t.Context(), &cri.ImageSpec{Image: "contoso.azurecr.io/app:1"}, credentials, nil)
	require.NoError(t, err)
	r, err := NewRuntime(t.Context(), t.TempDir(), netip.MustParsePrefix("127.66.77.0/24"), s)
	require.NoError(t, err)
	f := fixture{Runtime: r, image: image, sandbox: &cri.PodSandboxConfig{
		Metadata: &cri.PodSandboxMetadata{Name: "pod", Uid: "uid"}, Hostname: "pod", LogDirectory: t.TempDir(),
	}}
	f.sandboxID, err = r.RunPodSandbox(t.Context(), f.sandbox, "")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.RemovePodSandbox(context.Background(), f.sandboxID)) })
	return f
}

func (f fixture) create(t *testing.T, config *cri.ContainerConfig) string {
	t.Helper()
	config.Metadata = &cri.ContainerMetadata{Name: "app"}
	config.Image = &cri.ImageSpec{Image: f.image}
	config.LogPath = "app/0.log"
	id, err := f.CreateContainer(t.Context(), f.sandboxID, config, f.sandbox)
	require.NoError(t, err)
	return id
}

func (f fixture) log(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(f.sandbox.LogDirectory, "app", "0.log"))
	require.NoError(t, err)
	return string(data)
}

// until polls the container's status and log.
func (f fixture) until(t *testing.T, id string, done func(*cri.ContainerStatus, string) bool) *cri.ContainerStatus {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		resp, err := f.ContainerStatus(t.Context(), id, false)
		require.NoError(t, err)
		if done(resp.Status, f.log(t)) {
			return resp.Status
		}
	}
	t.Fatalf("never came: %s", f.log(t))
	return nil
}

func exited(s *cri.ContainerStatus, _ string) bool {
	return s.State == cri.ContainerState_CONTAINER_EXITED
}

func TestContainerLife(t *testing.T) {
	f := newFixture(t, v1.Config{
		Entrypoint: []string{"/program"}, Cmd: []string{"of the image"}, WorkingDir: "/work",
		Env: []string{"CRIDOUBLE_PROGRAM=show", "GREETING=hello"},
	})
	id := f.create(t, &cri.ContainerConfig{Args: []string{"of the pod"}, Envs: []*cri.KeyValue{{Key: "GREETING", Value: "hi"}}})
	resp, err := f.ContainerStatus(t.Context(), id, false)
	require.NoError(t, err)
	assert.Equal(t, cri.ContainerState_CONTAINER_CREATED, resp.Status.State)

	require.NoError(t, f.StartContainer(t.Context(), id))
	s := f.until(t, id, exited)
	assert.Equal(t, int32(3), s.ExitCode)
	assert.Equal(t, "Error", s.Reason)
	assert.Regexp(t, `(?m)^\d{4}-\d\d-\d\dT\S+Z stdout F of the pod hi work 127\.66\.77\.2$`, f.log(t))
	assert.Regexp(t, `(?m)^\S+ stderr F no line end$`, f.log(t))
	require.Error(t, f.StartContainer(t.Context(), id), "a container starts once")

	require.NoError(t, f.RemoveContainer(t.Context(), id))
	assert.NoDirExists(t, filepath.Join(f.dir, id))
	_, err = f.ContainerStatus(t.Context(), id, false)
	assert.Equal(t, codes.NotFound, status.Code(err))
}

func TestStop(t *testing.T) {
	for program, want := range map[string]int32{"wait": 128 + 15, "stubborn": 128 + 9} {
		t.Run(program, func(t *testing.T) {
			f := newFixture(t, v1.Config{Entrypoint: []string{"program"}, Env: []string{"PATH=/", "CRIDOUBLE_PROGRAM=" + program}})
			id := f.create(t, &cri.ContainerConfig{})
			require.NoError(t, f.StartContainer(t.Context(), id))
			f.until(t, id, func(_ *cri.ContainerStatus, log string) bool { return strings.Contains(log, "ing\n") })
			require.NoError(t, f.StopContainer(t.Context(), id, 1))
			s := f.until(t, id, exited)
			assert.Equal(t, want, s.ExitCode)
			require.NoError(t, f.StopContainer(t.Context(), id, 1), "again")
		})
	}
}

func TestExec(t *testing.T) {
	f := newFixture(t, v1.Config{Entrypoint: []string{"/program"}, Env: []string{"CRIDOUBLE_PROGRAM=wait"}})
	id := f.create(t, &cri.ContainerConfig{})
	_, _, err := f.ExecSync(t.Context(), id, []string{"/program"}, time.Minute)
	require.Error(t, err, "not running")
	require.NoError(t, f.StartContainer(t.Context(), id))
	_, _, err = f.ExecSync(t.Context(), id, []string{"/none"}, time.Minute)
	require.ErrorContains(t, err, "not found in the image")
	out, _, err := f.ExecSync(t.Context(), id, []string{"/program"}, 100*time.Millisecond)
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	assert.Equal(t, "waiting\n", string(out))
}

func TestStartErrors(t *testing.T) {
	f := newFixture(t, v1.Config{Entrypoint: []string{"/missing"}})
	id := f.create(t, &cri.ContainerConfig{})
	require.ErrorContains(t, f.StartContainer(t.Context(), id), `exec: "/missing": executable file not found in the image`)
	_, err := f.CreateContainer(t.Context(), f.sandboxID, &cri.ContainerConfig{Image: &cri.ImageSpec{Image: "contoso.azurecr.io/none:1"}}, f.sandbox)
	assert.Equal(t, codes.NotFound, status.Code(err))
}

func TestAddresses(t *testing.T) {
	f := newFixture(t, v1.Config{})
	second, err := f.RunPodSandbox(t.Context(), f.sandbox, "")
	require.NoError(t, err)
	resp, err := f.PodSandboxStatus(t.Context(), second, false)
	require.NoError(t, err)
	assert.Equal(t, "10.244.0.3", resp.Status.Network.Ip)
	assert.Equal(t, "127.66.77.3", f.Dialable("10.244.0.3"))
	assert.Equal(t, "192.0.2.1", f.Dialable("192.0.2.1"))
	require.NoError(t, f.StopPodSandbox(t.Context(), second))
	third, err := f.RunPodSandbox(t.Context(), f.sandbox, "")
	require.NoError(t, err)
	resp, err = f.PodSandboxStatus(t.Context(), third, false)
	require.NoError(t, err)
	assert.Equal(t, "10.244.0.3", resp.Status.Network.Ip, "free again")

	p := newProcess("", &image{}, &cri.ContainerConfig{Envs: []*cri.KeyValue{{Key: "ADDRESS", Value: "10.244.0.2"}}}, f.sandboxes[f.sandboxID], "127.66.77.2")
	assert.Contains(t, p.env, "ADDRESS=127.66.77.2", "a pod that asks for its own address gets the one it can listen on")

	_, err = NewRuntime(t.Context(), t.TempDir(), netip.MustParsePrefix("10.0.0.0/24"), nil)
	assert.ErrorContains(t, err, "not a /24 of 127.0.0.0/8")
}

func TestLogLines(t *testing.T) {
	l, err := openLog(filepath.Join(t.TempDir(), "dir", "0.log"))
	require.NoError(t, err)
	s := &logStream{log: l, name: "stdout"}
	_, err = s.Write([]byte("one\ntw"))
	require.NoError(t, err)
	_, err = s.Write([]byte("o\n\n" + strings.Repeat("x", maxLine+1)))
	require.NoError(t, err)
	require.NoError(t, os.Rename(l.path, l.path+".old"))
	require.NoError(t, l.reopen())
	require.NoError(t, closeLog(l, s))
	old, err := os.ReadFile(l.path + ".old")
	require.NoError(t, err)
	lines := strings.Split(string(old), "\n")
	require.Len(t, lines, 5)
	for i, want := range []string{"stdout F one", "stdout F two", "stdout F ", "stdout P " + strings.Repeat("x", maxLine)} {
		assert.True(t, strings.HasSuffix(lines[i], want), "line %d", i)
	}
	rest, err := os.ReadFile(l.path)
	require.NoError(t, err)
	assert.Regexp(t, `^\S+ stdout F x\n$`, string(rest))
}

func TestOutOfReach(t *testing.T) {
	s := newImages(t, empty.Image)
	_, err := s.client.(*http.Transport).DialContext(t.Context(), "tcp", "blob.example:443")
	require.ErrorContains(t, err, "blob.example:443 is out of reach")
	conn, err := s.client.(*http.Transport).DialContext(t.Context(), "tcp", net.JoinHostPort("auth.docker.io", "443"))
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}
