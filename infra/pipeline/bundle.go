package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// bundleCommand packs the committed files, without the sandbox, together with the compiled program and this command, into one
// archive: artifacts of Azure Pipelines lose the permission to execute a file, an archive in one does not.
func bundleCommand(flags *flag.FlagSet) func(io.Writer) error {
	path := flags.String("out", "", "archive to write, such as bundle.tar.gz")
	return func(out io.Writer) error {
		if err := required(map[string]string{"out": *path}); err != nil {
			return err
		}
		folder, err := os.MkdirTemp("", "bundle")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		for name, source := range map[string]string{"program": ".", "pipeline": "./infra/pipeline"} {
			// Without debug information, they are a third smaller.
			build := exec.Command("go", "build", "-ldflags=-s -w", "-o", filepath.Join(folder, name), source)
			build.Stdout, build.Stderr = out, os.Stderr
			if err := build.Run(); err != nil {
				return fmt.Errorf("go build %s: %w", source, err)
			}
		}
		checkout, err := exec.Command("git", "archive", "--format=tar", "HEAD").Output()
		if err != nil {
			return fmt.Errorf("git archive: %w", err)
		}
		file, err := os.Create(*path)
		if err != nil {
			return err
		}
		files, err := pack(file, checkout, folder)
		if err := errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("%s: %w", *path, err)
		}
		fmt.Fprintf(out, "%s: %d files\n", *path, files)
		return nil
	}
}

// pack writes an archive of what later stages need: files of the checkout, and the programs in a folder. It returns the number of
// files.
func pack(to io.Writer, checkout []byte, programs string) (files int, err error) {
	zipped := gzip.NewWriter(to)
	bundle := tar.NewWriter(zipped)
	add := func(header tar.Header, content []byte) error {
		files++
		header.Size = int64(len(content))
		if err := bundle.WriteHeader(&header); err != nil {
			return err
		}
		_, err := bundle.Write(content)
		return err
	}
	for archive := tar.NewReader(bytes.NewReader(checkout)); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("git archive: %w", err)
		}
		regular := header.Typeflag == tar.TypeReg
		if !regular && header.Typeflag != tar.TypeSymlink || strings.HasPrefix(header.Name, "infra/sandbox/") {
			continue
		}
		content, err := io.ReadAll(archive)
		if err == nil && header.Name == "Pulumi.yaml" {
			content, err = compiled(content)
		}
		if err == nil {
			err = add(*header, content)
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", header.Name, err)
		}
	}
	for _, name := range []string{"program", "pipeline"} {
		content, err := os.ReadFile(filepath.Join(programs, name))
		if err == nil {
			err = add(tar.Header{Name: name, Mode: 0o755}, content)
		}
		if err != nil {
			return 0, err
		}
	}
	return files, errors.Join(bundle.Close(), zipped.Close())
}

// compiled returns Pulumi.yaml with a runtime that runs the compiled program:
// https://www.pulumi.com/docs/iac/languages-sdks/go/#pulumi-programs
func compiled(project []byte) ([]byte, error) {
	var file yaml.Node
	if err := yaml.Unmarshal(project, &file); err != nil {
		return nil, err
	}
	if len(file.Content) == 0 || !setNode(file.Content[0], map[string]any{
		"name": "go", "options": map[string]string{"binary": "./program"},
	}, "runtime") {
		return nil, errors.New("it is not a project file")
	}
	return yaml.Marshal(&file)
}
