package backend

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// machines are the supported platforms of a build.
var machines = map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64}

// forPlatform returns an image that claims another platform. This machine's kernel takes its programs for that platform's and
// refuses to start them. They would not run on that platform either.
func forPlatform(image v1.Image, platform string) (v1.Image, error) {
	machine, known := machines[platform]
	if !known {
		return nil, fmt.Errorf("the sandbox builds for linux/amd64 and linux/arm64, not for %s", platform)
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	foreign := empty.Image
	for _, layer := range layers {
		content, err := retarget(layer, machine)
		if err != nil {
			return nil, err
		}
		replaced, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil })
		if err != nil {
			return nil, err
		}
		if foreign, err = mutate.AppendLayers(foreign, replaced); err != nil {
			return nil, err
		}
	}
	made, err := foreign.ConfigFile()
	if err != nil {
		return nil, err
	}
	made = made.DeepCopy()
	made.Config = file.Config
	made.OS, made.Architecture, _ = strings.Cut(platform, "/")
	return mutate.ConfigFile(foreign, made)
}

// retarget rewrites the machine field of each program in a layer.
func retarget(layer v1.Layer, machine elf.Machine) ([]byte, error) {
	// Machine's offset in 32-bit and 64-bit ELF files: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
	const machineAt = 18
	old, err := layer.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer old.Close()
	var changed bytes.Buffer
	in, out := tar.NewReader(old), tar.NewWriter(&changed)
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return changed.Bytes(), out.Close()
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(content, []byte(elf.ELFMAG)) && len(content) > machineAt+1 {
			binary.LittleEndian.PutUint16(content[machineAt:], uint16(machine))
		}
		if err := out.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := out.Write(content); err != nil {
			return nil, err
		}
	}
}
