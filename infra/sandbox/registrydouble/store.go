package registrydouble

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// store is the content of one registry. Blobs are files and are served by go-containerregistry's registry. It keeps manifests in
// memory only, so manifests and tags are kept here, in one small file that is replaced as a whole.
type store struct {
	indexPath string
	blobs     registry.BlobHandler
	blobAPI   http.Handler

	mu           sync.RWMutex
	repositories map[string]*repository
}

// repository is one repository in the index file.
type repository struct {
	Manifests map[string]manifest `json:"manifests"` // by digest
	Tags      map[string]string   `json:"tags"`      // tag to digest
}

type manifest struct {
	MediaType types.MediaType `json:"mediaType"`
	Content   []byte          `json:"content"`
}

func openStore(dir string) (*store, error) {
	blobDir := filepath.Join(dir, "blobs")
	if err := os.MkdirAll(blobDir, 0o700); err != nil {
		return nil, err
	}
	blobs := registry.NewDiskBlobHandler(blobDir)
	s := &store{
		indexPath:    filepath.Join(dir, "index.json"),
		blobs:        blobs,
		blobAPI:      registry.New(registry.WithBlobHandler(blobs), registry.Logger(log.New(io.Discard, "", 0))),
		repositories: map[string]*repository{},
	}
	index, err := os.ReadFile(s.indexPath)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(index, &s.repositories); err != nil {
		return nil, fmt.Errorf("%s: %w", s.indexPath, err)
	}
	return s, nil
}

func (s *store) hasRepository(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.repositories[name] != nil
}

// manifest finds a manifest by tag or digest.
func (s *store) manifest(repositoryName, reference string) (manifest, string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.repositories[repositoryName]
	if r == nil {
		return manifest{}, "", nameUnknown(repositoryName)
	}
	digest := reference
	if !isDigest(reference) {
		digest = r.Tags[reference]
	}
	m, ok := r.Manifests[digest]
	if !ok {
		return manifest{}, "", manifestUnknown(reference)
	}
	return m, digest, nil
}

// tagName is the grammar of the distribution specification.
var tagName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

func isDigest(reference string) bool {
	_, err := v1.NewHash(reference)
	return err == nil
}

// putManifest stores a manifest under a tag or under its own digest. All its references must exist.
func (s *store) putManifest(ctx context.Context, repositoryName, reference string, mediaType types.MediaType, content []byte) (digest string, err error) {
	hash, _, err := v1.SHA256(bytes.NewReader(content))
	if err != nil {
		return "", err
	}
	digest = hash.String()
	switch {
	case isDigest(reference) && reference != digest:
		return "", apiError{http.StatusBadRequest, codeDigestInvalid, "provided digest did not match uploaded content", nil}
	case !isDigest(reference) && !tagName.MatchString(reference):
		return "", apiError{http.StatusBadRequest, codeTagInvalid, fmt.Sprintf("invalid tag %q", reference), nil}
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repositories[repositoryName]
	if err := s.checkReferences(ctx, repositoryName, r, mediaType, content); err != nil {
		return "", err
	}
	// The new state is a copy: the old one is served until the new one is on disk.
	updated := &repository{Manifests: map[string]manifest{}, Tags: map[string]string{}}
	if r != nil {
		maps.Copy(updated.Manifests, r.Manifests)
		maps.Copy(updated.Tags, r.Tags)
	}
	updated.Manifests[digest] = manifest{MediaType: mediaType, Content: content}
	if !isDigest(reference) {
		updated.Tags[reference] = digest
	}
	return digest, s.replace(repositoryName, updated)
}

// checkReferences rejects a manifest that could not be pulled.
func (s *store) checkReferences(ctx context.Context, repositoryName string, r *repository, mediaType types.MediaType, content []byte) error {
	var parsed struct {
		SchemaVersion int64           `json:"schemaVersion"`
		MediaType     types.MediaType `json:"mediaType"`
		Config        *v1.Descriptor  `json:"config"`
		Layers        []v1.Descriptor `json:"layers"`
		Manifests     []v1.Descriptor `json:"manifests"`
	}
	switch err := json.Unmarshal(content, &parsed); {
	case err != nil:
		return manifestInvalid(err.Error())
	case parsed.SchemaVersion != 2:
		return manifestInvalid(fmt.Sprintf("schemaVersion %d is not supported", parsed.SchemaVersion))
	case parsed.MediaType != "" && parsed.MediaType != mediaType:
		return manifestInvalid(fmt.Sprintf("mediaType %q does not match Content-Type %q", parsed.MediaType, mediaType))
	}
	switch mediaType {
	case types.OCIImageIndex, types.DockerManifestList:
		for _, child := range parsed.Manifests {
			if r == nil || r.Manifests[child.Digest.String()].Content == nil {
				return blobUnknown(child.Digest)
			}
		}
	case types.OCIManifestSchema1, types.DockerManifestSchema2:
		if parsed.Config == nil {
			return manifestInvalid("the manifest has no config")
		}
		for _, blob := range append(parsed.Layers, *parsed.Config) {
			if !blob.MediaType.IsDistributable() {
				continue // a foreign layer, which is never pushed
			}
			if ok, err := s.hasBlob(ctx, repositoryName, blob.Digest); err != nil {
				return err
			} else if !ok {
				return blobUnknown(blob.Digest)
			}
		}
	default:
		return manifestInvalid(fmt.Sprintf("media type %q is not supported", mediaType))
	}
	return nil
}

// replace makes a repository's new state durable, then visible. The caller holds the lock.
func (s *store) replace(repositoryName string, r *repository) error {
	repositories := maps.Clone(s.repositories)
	repositories[repositoryName] = r
	index, err := json.Marshal(repositories)
	if err != nil {
		return err
	}
	if err := writeFile(s.indexPath, index); err != nil {
		return err
	}
	s.repositories = repositories
	return nil
}

func (s *store) hasBlob(ctx context.Context, repositoryName string, digest v1.Hash) (bool, error) {
	blob, err := s.blobs.Get(ctx, repositoryName, digest)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, registry.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, blob.Close()
}

// putImage stores an image without HTTP.
func (s *store) putImage(ctx context.Context, repositoryName, tag string, image v1.Image) error {
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return err
		}
		content, err := layer.Compressed()
		if err != nil {
			return err
		}
		if err := s.putBlob(ctx, repositoryName, digest, content); err != nil {
			return err
		}
	}
	configDigest, err := image.ConfigName()
	if err != nil {
		return err
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return err
	}
	if err := s.putBlob(ctx, repositoryName, configDigest, io.NopCloser(bytes.NewReader(config))); err != nil {
		return err
	}
	mediaType, err := image.MediaType()
	if err != nil {
		return err
	}
	content, err := image.RawManifest()
	if err != nil {
		return err
	}
	_, err = s.putManifest(ctx, repositoryName, tag, mediaType, content)
	return err
}

func (s *store) putBlob(ctx context.Context, repositoryName string, digest v1.Hash, content io.ReadCloser) error {
	defer content.Close()
	blobs, ok := s.blobs.(registry.BlobPutHandler)
	if !ok {
		return errors.New("the blob store is read-only")
	}
	return blobs.Put(ctx, repositoryName, digest, content)
}
