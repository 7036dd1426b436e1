// Package demoimages builds the images of the sandbox's two microservices, and of pause, without Docker: it compiles the program in
// app or pause, which becomes the only file of a one-layer image.
package demoimages

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	binary = "app"
	port   = "8080/tcp"
	// user is numeric, because Kubernetes cannot check whether a name is root (runAsNonRoot).
	user = "65532"

	// PauseTag is the version of the image pause.
	PauseTag = "1.0.0"

	module = "module example.com/demo\n\ngo 1.24\n"
)

var (
	// Services are the repositories of the images.
	Services = []string{"customerapi", "orderapi"}
	// Versions are the tags of each repository's images. They differ in the service's response.
	Versions = []string{"1.0.0", "1.1.0"}

	//go:embed app/main.go
	source []byte
	//go:embed pause/main.go
	pauseSource []byte

	// created is the time of all files and images, so that the same source always gives the same digest.
	created = time.Unix(0, 0).UTC()
)

// Images returns an OCI image for this machine's architecture for each of [Services] in each of [Versions], by "repository:tag".
// The go command compiles the program unless it is in cacheDir already; processes can safely share the cache. The digests depend only
// on the source, the architecture and the version of Go.
func Images(ctx context.Context, cacheDir string) (map[string]v1.Image, error) {
	layers, err := build(ctx, cacheDir, source, Versions)
	if err != nil {
		return nil, fmt.Errorf("demo microservice: %w", err)
	}
	images := map[string]v1.Image{}
	for _, version := range Versions {
		for _, service := range Services {
			if images[service+":"+version], err = newImage(layers[version], serviceConfig(service, version)); err != nil {
				return nil, fmt.Errorf("image %s:%s: %w", service, version, err)
			}
		}
	}
	return images, nil
}

// Pause returns the image of a pod's first container, made like those of [Images].
func Pause(ctx context.Context, cacheDir string) (v1.Image, error) {
	layers, err := build(ctx, cacheDir, pauseSource, []string{PauseTag})
	if err != nil {
		return nil, fmt.Errorf("pause: %w", err)
	}
	return newImage(layers[PauseTag], v1.Config{User: user, Entrypoint: []string{"/" + binary}})
}

// build returns a layer with the program, for each version.
func build(ctx context.Context, cacheDir string, source []byte, versions []string) (map[string]v1.Layer, error) {
	dir, err := compile(ctx, cacheDir, source, versions)
	if err != nil {
		return nil, err
	}
	layers := map[string]v1.Layer{}
	for _, version := range versions {
		program, err := os.ReadFile(filepath.Join(dir, version, binary))
		if err != nil {
			return nil, err
		}
		if layers[version], err = newLayer(program); err != nil {
			return nil, fmt.Errorf("%s: %w", version, err)
		}
	}
	return layers, nil
}

// compile returns the directory that holds the program of each version, in a directory named after the version.
func compile(ctx context.Context, cacheDir string, source []byte, versions []string) (string, error) {
	goVersion, err := output(exec.CommandContext(ctx, "go", "version"))
	if err != nil {
		return "", err
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%s", goVersion, runtime.GOARCH, versions, module, source))
	dir := filepath.Join(cacheDir, "demo-"+hex.EncodeToString(key[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}

	if err := os.MkdirAll(cacheDir, 0o755); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(cacheDir, "demo-build-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	for file, content := range map[string][]byte{"go.mod": []byte(module), "main.go": source} {
		if err := os.WriteFile(filepath.Join(work, file), content, 0o600); err != nil {
			return "", err
		}
	}
	for _, version := range versions {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
			"-ldflags", "-s -w -buildid= -X main.version="+version, "-o", filepath.Join(version, binary), ".")
		cmd.Dir = work
		// The user's own settings, in the environment or written by go env -w, must not change the program or cause a download.
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH, "GOAMD64=", "GOARM64=",
			"GOENV=off", "GOEXPERIMENT=", "GOFLAGS=", "GOWORK=off", "GO111MODULE=on", "GOTOOLCHAIN=local", "GOPROXY=off")
		if _, err := output(cmd); err != nil {
			return "", err
		}
	}
	if err := os.Rename(work, dir); err != nil {
		if _, lost := os.Stat(dir); lost == nil {
			return dir, nil // another process was faster, with the same result
		}
		return "", err
	}
	return dir, nil
}

// output runs a command; the error includes the command's standard error.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && len(exit.Stderr) > 0 {
			err = errors.New(strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("%s %s: %w", filepath.Base(cmd.Path), cmd.Args[1], err)
	}
	return strings.TrimSpace(string(out)), nil
}

func newLayer(program []byte) (v1.Layer, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: binary, Mode: 0o555, Size: int64(len(program)), ModTime: created,
	}
	if err := w.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil }
	// Compressed once here, instead of for each digest and each push.
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}

func newImage(layer v1.Layer, config v1.Config) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.Append(image, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: v1.Time{Time: created}, CreatedBy: "infra/sandbox/demo"},
	})
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.Created = v1.Time{Time: created}
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config = config
	return mutate.ConfigFile(image, file)
}

func serviceConfig(service, version string) v1.Config {
	return v1.Config{
		User:         user,
		Entrypoint:   []string{"/" + binary},
		Env:          []string{"SERVICE_NAME=" + service},
		ExposedPorts: map[string]struct{}{port: {}},
		Labels: map[string]string{
			"org.opencontainers.image.title":       service,
			"org.opencontainers.image.version":     version,
			"org.opencontainers.image.description": "Demo microservice of the sandbox",
		},
	}
}

// Push uploads the images, whose keys are "repository:tag", to host. Existing content is not sent again.
func Push(ctx context.Context, images map[string]v1.Image, host string, auth authn.Authenticator, transport http.RoundTripper) error {
	for _, reference := range slices.Sorted(maps.Keys(images)) {
		tag, err := name.NewTag(host+"/"+reference, name.StrictValidation)
		if err != nil {
			return fmt.Errorf("push: %w", err)
		}
		err = remote.Write(tag, images[reference], remote.WithContext(ctx), remote.WithAuth(auth), remote.WithTransport(transport))
		if err != nil {
			return fmt.Errorf("push %s: %w", tag, err)
		}
	}
	return nil
}
