package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

// checkoutOf returns an archive such as `git archive` makes.
func checkoutOf(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var checkout bytes.Buffer
	archive := tar.NewWriter(&checkout)
	for _, header := range headers {
		content := "name: of " + header.Name + "\n"
		if header.Typeflag == tar.TypeReg {
			header.Size = int64(len(content))
		}
		require.NoError(t, archive.WriteHeader(&header))
		if header.Typeflag == tar.TypeReg {
			_, err := io.WriteString(archive, content)
			require.NoError(t, err)
		}
	}
	require.NoError(t, archive.Close())
	return checkout.Bytes()
}

func TestPackContent(t *testing.T) {
	t.Parallel()
	checkout := checkoutOf(t,
		tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": "a commit"}},
		tar.Header{Typeflag: tar.TypeReg, Name: ".ci/run", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeReg, Name: "Pulumi.yaml", Mode: 0o644},
		tar.Header{Typeflag: tar.TypeDir, Name: "infra/", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeReg, Name: "infra/deploy.go", Mode: 0o644},
		tar.Header{Typeflag: tar.TypeDir, Name: "infra/sandbox/", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeReg, Name: "infra/sandbox/app/main.go", Mode: 0o644},
		tar.Header{Typeflag: tar.TypeReg, Name: "infra/sandboxes.go", Mode: 0o600},
		tar.Header{Typeflag: tar.TypeReg, Name: "infra/charts/Pulumi.yaml", Mode: 0o644},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "charts/api/templates", Linkname: "../shared", Mode: 0o777},
	)
	programs := t.TempDir()
	write(t, filepath.Join(programs, "program"), "p")
	write(t, filepath.Join(programs, "pipeline"), "q")
	var bundle bytes.Buffer
	files, err := pack(&bundle, checkout, programs)
	require.NoError(t, err)

	type packed struct {
		name    string
		mode    int64
		content string
	}
	var found []packed
	zipped, err := gzip.NewReader(&bundle)
	require.NoError(t, err)
	for archive := tar.NewReader(zipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		content, err := io.ReadAll(archive)
		require.NoError(t, err)
		found = append(found, packed{header.Name, header.Mode, header.Linkname + string(content)})
	}
	require.Equal(t, []packed{
		{".ci/run", 0o755, "name: of .ci/run\n"},
		{"Pulumi.yaml", 0o644, "name: of Pulumi.yaml\nruntime:\n    name: go\n    options:\n        binary: ./program\n"},
		{"infra/deploy.go", 0o644, "name: of infra/deploy.go\n"},
		{"infra/sandboxes.go", 0o600, "name: of infra/sandboxes.go\n"},
		{"infra/charts/Pulumi.yaml", 0o644, "name: of infra/charts/Pulumi.yaml\n"}, // not the project's
		{"charts/api/templates", 0o777, "../shared"},
		{"program", 0o755, "p"},
		{"pipeline", 0o755, "q"},
	}, found)
	require.Len(t, found, files)
}

func TestPackErrors(t *testing.T) {
	t.Parallel()
	programs := t.TempDir()
	write(t, filepath.Join(programs, "program"), "p")
	_, err := pack(io.Discard, checkoutOf(t), programs)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "pipeline")

	checkout := checkoutOf(t, tar.Header{Typeflag: tar.TypeReg, Name: "infra/deploy.go", Mode: 0o644})
	_, err = pack(io.Discard, checkout[:100], programs)
	require.ErrorContains(t, err, "git archive: ")
	_, err = pack(io.Discard, checkout[:520], programs)
	require.ErrorContains(t, err, "infra/deploy.go: ")
}

func TestCompiled(t *testing.T) {
	t.Parallel()
	text, err := compiled([]byte(`# The project.
name: shop
# How it runs.
runtime: go
description: Microservices # in Kubernetes
config:
  # First this,
  environment: {type: string, default: ""}
  # then that.
  services:
    type: object
`))
	require.NoError(t, err)
	projecttest.Golden(t, "compiled.golden", string(text))

	again, err := compiled(text)
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))

	for _, project := range []string{"", "# nothing\n", "- a", "text", "1"} {
		_, err := compiled([]byte(project))
		require.EqualError(t, err, "it is not a project file", project)
	}
	_, err = compiled([]byte("a: [\n"))
	require.ErrorContains(t, err, "yaml: ")
}
