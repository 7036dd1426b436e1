package cridouble

import (
	"archive/tar"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Images pulls images over HTTPS and keeps them on disk. It implements the CRI's image service.
//
// Every registry it knows (*.azurecr.io and Docker Hub) is dialled at one address, under its own name: TLS, the token flow
// and the credentials are those of a real pull. Other hosts are rejected: the sandbox has no internet.
type Images struct {
	dir    string
	client http.RoundTripper

	pulls  sync.Mutex // held while an image is written
	mu     sync.RWMutex
	images map[string]*image // by id; an image is replaced, never changed
}

// image describes a pulled image; it is also the format of image.json beside the image's file system.
type image struct {
	ID      string // digest of the image's configuration
	Tags    []string
	Digests []string
	Size    int64
	Config  v1.Config
}

const (
	imageFile  = "image.json"
	rootfsFile = "rootfs.tar"
)

// NewImages opens the images in dir, which is created if missing. Pulls dial registryAddr (host:port) and trust ca only.
func NewImages(dir, registryAddr string, ca *x509.CertPool) (*Images, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	s := &Images{dir: dir, client: newClient(registryAddr, ca), images: map[string]*image{}}
	files, err := filepath.Glob(filepath.Join(dir, "*", imageFile))
	if err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("images: %w", err)
		}
		img := &image{}
		if err := json.Unmarshal(data, img); err != nil {
			return nil, fmt.Errorf("image %s: %w", file, err)
		}
		s.images[img.ID] = img
	}
	return s, nil
}

func newClient(registryAddr string, ca *x509.CertPool) http.RoundTripper {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			// A redirect or a token realm may lead to a host other than the image's.
			if host, _, err := net.SplitHostPort(addr); err != nil || !reachable(host) {
				return nil, unreachable(addr)
			}
			return dialer.DialContext(ctx, network, registryAddr)
		},
		TLSClientConfig:     &tls.Config{RootCAs: ca, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     30 * time.Second,
	}
}

func unreachable(host string) error {
	return fmt.Errorf("%s is out of reach: the sandbox has no internet and serves *.azurecr.io and docker.io only", host)
}

// reachable reports if the sandbox's registry serves a host.
func reachable(host string) bool {
	switch host {
	case "docker.io", "index.docker.io", "registry-1.docker.io", "auth.docker.io":
		return true
	}
	return strings.HasSuffix(host, ".azurecr.io")
}

// PullImage pulls an image for this machine's platform with the credentials given (nil: anonymously) and returns its id.
// Errors read like containerd's and end with the registry's message.
func (s *Images) PullImage(ctx context.Context, spec *cri.ImageSpec, auth *cri.AuthConfig, _ *cri.PodSandboxConfig) (string, error) {
	id, err := s.pull(ctx, spec.GetImage(), auth)
	if err != nil {
		code := codes.Unknown
		if e := (*transport.Error)(nil); errors.As(err, &e) && e.StatusCode == http.StatusNotFound || errors.Is(err, errNoPlatform) {
			code = codes.NotFound
		}
		return "", status.Error(code, fmt.Sprintf("failed to pull and unpack image %q: %v", spec.GetImage(), err))
	}
	return id, nil
}

func (s *Images) pull(ctx context.Context, imageName string, auth *cri.AuthConfig) (string, error) {
	ref, err := name.ParseReference(imageName)
	if err != nil {
		return "", err
	}
	if host := ref.Context().RegistryStr(); !reachable(host) {
		return "", fmt.Errorf("failed to resolve reference %q: %w", imageName, unreachable(host))
	}
	platform := v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	desc, err := remote.Get(ref,
		remote.WithContext(ctx), remote.WithTransport(s.client), remote.WithAuth(authenticator(auth)), remote.WithPlatform(platform))
	if err != nil {
		return "", fmt.Errorf("failed to resolve reference %q: %w", imageName, registryError{err})
	}
	// A multi-platform image is searched for this platform. A single-platform image is accepted, and fails when its program
	// starts.
	img, err := desc.Image()
	if err != nil && desc.MediaType.IsIndex() && !errors.As(err, new(*transport.Error)) {
		return "", errNoPlatform
	}
	if err != nil {
		return "", registryError{err}
	}
	id, err := img.ConfigName()
	if err != nil {
		return "", registryError{err}
	}
	config, err := img.ConfigFile()
	if err != nil {
		return "", registryError{err}
	}
	if err := s.keep(img, id, displayName(ref), displayName(ref.Context().Digest(desc.Digest.String())), config.Config); err != nil {
		return "", registryError{err}
	}
	return id.String(), nil
}

// errNoPlatform is containerd's error for a multi-platform image without the node's platform.
var errNoPlatform = errors.New("no match for platform in manifest: not found")

// keep writes the image's flattened file system to disk, unless it exists, and records the names it was pulled by.
func (s *Images) keep(img v1.Image, id v1.Hash, tag, digest string, config v1.Config) error {
	dir := s.imageDir(id.String())
	s.pulls.Lock() // the list stays readable while layers arrive
	defer s.pulls.Unlock()
	kept := s.find(id.String())
	if kept == nil {
		size, err := writeRootfs(img, dir)
		if err != nil {
			return err
		}
		kept = &image{ID: id.String(), Size: size, Config: config}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := map[string]*image{kept.ID: kept.named(tag, digest)}
	for id, other := range s.images { // a tag names one image
		if id != kept.ID && slices.Contains(other.Tags, tag) {
			changed[id] = other.without(tag)
		}
	}
	for id, img := range changed {
		data, err := json.Marshal(img)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.imageDir(id), imageFile), data, 0o600); err != nil {
			return err
		}
		s.images[id] = img
	}
	return nil
}

// named returns a copy of an image with the names that it was pulled by.
func (i *image) named(tag, digest string) *image {
	c := i.without(tag)
	if !strings.Contains(tag, "@") {
		c.Tags = append(c.Tags, tag)
	}
	if !slices.Contains(c.Digests, digest) {
		c.Digests = append(slices.Clone(c.Digests), digest)
	}
	return c
}

func (i *image) without(tag string) *image {
	c := *i
	c.Tags = slices.DeleteFunc(slices.Clone(i.Tags), func(t string) bool { return t == tag })
	return &c
}

func writeRootfs(img v1.Image, dir string) (int64, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	content := mutate.Extract(img)
	defer content.Close()
	f, err := os.OpenFile(filepath.Join(dir, rootfsFile), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	size, err := io.Copy(f, content)
	return size, errors.Join(err, f.Close())
}

// unpack makes dir the root file system of a container of the image.
func (s *Images) unpack(id, dir string) error {
	f, err := os.Open(filepath.Join(s.imageDir(id), rootfsFile))
	if err != nil {
		return err
	}
	defer f.Close()
	return extract(tar.NewReader(f), dir)
}

func (s *Images) imageDir(id string) string {
	return filepath.Join(s.dir, strings.ReplaceAll(id, ":", "-"))
}

// find returns the image with an id, tag or digest, or nil.
func (s *Images) find(imageName string) *image {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if img, ok := s.images[imageName]; ok {
		return img
	}
	ref, err := name.ParseReference(imageName)
	if err != nil {
		return nil
	}
	wanted := displayName(ref)
	for _, img := range s.images {
		if slices.Contains(img.Tags, wanted) || slices.Contains(img.Digests, wanted) {
			return img
		}
	}
	return nil
}

// ListImages returns the images; a filter selects one by name.
func (s *Images) ListImages(_ context.Context, filter *cri.ImageFilter) ([]*cri.Image, error) {
	if wanted := filter.GetImage().GetImage(); wanted != "" {
		if img := s.find(wanted); img != nil {
			return []*cri.Image{img.status()}, nil
		}
		return nil, nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []*cri.Image
	for _, img := range s.images {
		list = append(list, img.status())
	}
	return list, nil
}

// ImageStatus returns a pulled image; for others, the response is empty.
func (s *Images) ImageStatus(_ context.Context, spec *cri.ImageSpec, _ bool) (*cri.ImageStatusResponse, error) {
	img := s.find(spec.GetImage())
	if img == nil {
		return &cri.ImageStatusResponse{}, nil
	}
	return &cri.ImageStatusResponse{Image: img.status()}, nil
}

// RemoveImage deletes an image, if it exists.
func (s *Images) RemoveImage(_ context.Context, spec *cri.ImageSpec) error {
	img := s.find(spec.GetImage())
	if img == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.images, img.ID)
	return os.RemoveAll(s.imageDir(img.ID))
}

// ImageFsInfo returns the space that the images take.
func (s *Images) ImageFsInfo(context.Context) (*cri.ImageFsInfoResponse, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var used uint64
	for _, img := range s.images {
		used += uint64(img.Size)
	}
	fs := []*cri.FilesystemUsage{{
		Timestamp:  time.Now().UnixNano(),
		FsId:       &cri.FilesystemIdentifier{Mountpoint: s.dir},
		UsedBytes:  &cri.UInt64Value{Value: used},
		InodesUsed: &cri.UInt64Value{Value: uint64(2 * len(s.images))},
	}}
	return &cri.ImageFsInfoResponse{ImageFilesystems: fs, ContainerFilesystems: fs}, nil
}

func (i *image) status() *cri.Image {
	status := &cri.Image{
		Id:          i.ID,
		RepoTags:    slices.Clone(i.Tags),
		RepoDigests: slices.Clone(i.Digests),
		Size:        uint64(i.Size),
		Spec:        &cri.ImageSpec{Image: i.ID},
	}
	// kubelet checks runAsNonRoot with this: a number, or a name that it cannot check.
	user, _, _ := strings.Cut(i.Config.User, ":")
	if uid, err := strconv.ParseInt(user, 10, 64); err == nil {
		status.Uid = &cri.Int64Value{Value: uid}
	} else {
		status.Username = user
	}
	return status
}

// displayName is a reference as users write it: go-containerregistry's name of Docker Hub is index.docker.io.
func displayName(ref name.Reference) string {
	return strings.Replace(ref.Name(), "index.docker.io/", "docker.io/", 1)
}

func authenticator(auth *cri.AuthConfig) authn.Authenticator {
	if auth == nil {
		return authn.Anonymous
	}
	return authn.FromConfig(authn.AuthConfig{
		Username:      auth.Username,
		Password:      auth.Password,
		Auth:          auth.Auth,
		IdentityToken: auth.IdentityToken,
		RegistryToken: auth.RegistryToken,
	})
}

// registryError formats a registry error like containerd.
type registryError struct{ error }

func (e registryError) Unwrap() error { return e.error }

func (e registryError) Error() string {
	var answer *transport.Error
	if !errors.As(e.error, &answer) {
		return e.error.Error()
	}
	var words []string
	for _, d := range answer.Errors {
		if d.Message != "" {
			words = append(words, d.Message)
		} else {
			words = append(words, string(d.Code))
		}
	}
	text := fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	if r := answer.Request; r != nil {
		// The query of a token request holds no secret, but its scope is long and redundant.
		text = fmt.Sprintf("unexpected status from %s request to %s://%s%s: %s", r.Method, r.URL.Scheme, r.URL.Host, r.URL.Path, text)
	}
	if len(words) > 0 {
		text += ": " + strings.Join(words, "; ")
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized:
		return "failed to authorize: " + text
	case http.StatusNotFound:
		return text + ": not found"
	}
	return text
}
