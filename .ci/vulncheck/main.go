// Command vulncheck runs Go's govulncheck in modules of this repository and compares findings with exceptions.txt.
//
// usage, from the repository's top folder: go run -C .ci/vulncheck . MODULE...
//
// It uses the database that GOVULNDB names, by default the public one. If that is unreachable, it reports this and uses
// the copy that go.mod pins. It fails for a vulnerable function of a dependency that the module calls, unless
// exceptions.txt says why that is harmless there; and for an exception that is no longer needed. It only reports findings
// in Go's own library: the repository does not define which Go builds it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// public is the database of the Go project: https://go.dev/doc/security/vuln/database
const public = "https://vuln.go.dev"

func main() {
	if err := run(context.Background(), os.Stdout, os.Getenv("GOVULNDB"), public, "exceptions.txt", os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "vulncheck:", err)
		os.Exit(1)
	}
}

// run checks modules, whose folders are relative to the repository's root, and writes the findings.
func run(ctx context.Context, out io.Writer, given, usual, exceptionsFile string, modules []string) error {
	db, err := database(ctx, out, given, usual)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(exceptionsFile)
	if err != nil {
		return err
	}
	exceptions, err := parseExceptions(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", exceptionsFile, err)
	}
	found := map[string]map[string]finding{}
	for _, module := range modules {
		if found[module], err = check(ctx, db, module); err != nil {
			return fmt.Errorf("%s: %w", module, err)
		}
	}
	return judge(out, modules, found, exceptions)
}

// database returns the address of the database to use, and prints it.
func database(ctx context.Context, out io.Writer, given, usual string) (string, error) {
	if given != "" {
		fmt.Fprintf(out, "vulnerability database: %s, as GOVULNDB says\n", given)
		return given, nil
	}
	err := reach(ctx, usual+"/index/db.json")
	if err == nil {
		fmt.Fprintf(out, "vulnerability database: %s\n", usual)
		return usual, nil
	}
	fmt.Fprintf(out, "vulnerability database %s not reachable: not checked against it (%v)\n", usual, err)
	// The module's version has the date of its commit: v0.0.0-20261105234957-e22db6528018.
	output, err := goCommand(ctx, "mod", "download", "-json", "golang.org/x/vulndb").Output()
	if err != nil {
		return "", fmt.Errorf("the database that go.mod pins: %w", explained(err))
	}
	var pinned struct{ Version, Dir string }
	if err := json.Unmarshal(output, &pinned); err != nil {
		return "", fmt.Errorf("go mod download -json: %w", err)
	}
	fmt.Fprintf(out, "vulnerability database: golang.org/x/vulndb %s instead, as pinned in .ci/vulncheck/go.mod\n", pinned.Version)
	return "file://" + filepath.ToSlash(filepath.Join(pinned.Dir, "data", "osv")), nil
}

// reach checks that an address answers in a few seconds.
func reach(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

// finding is a vulnerability in a function that a module calls.
type finding struct {
	id, summary string
	place       string // the dependency or the package of Go's library, with its version
	fixed       string // the version with the fix, if there is one
	call        string // the function
	goLibrary   bool
}

// stdlib is how govulncheck names Go's own library.
const stdlib = "stdlib"

// check runs govulncheck in a module and returns its findings by id.
func check(ctx context.Context, db, module string) (map[string]finding, error) {
	tool, err := goCommand(ctx, "tool", "-n", "govulncheck").Output()
	if err != nil {
		return nil, fmt.Errorf("govulncheck: %w", explained(err))
	}
	// With -format json, findings are not a failure: it fails only if it cannot check.
	output, err := exec.CommandContext(ctx, strings.TrimSpace(string(tool)), "-C", filepath.Join("..", "..", module),
		"-db", db, "-format", "json", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("govulncheck: %w", explained(err))
	}
	return parseFindings(output)
}

// message is the used part of a message of govulncheck's output:
// https://pkg.go.dev/golang.org/x/vuln/internal/govulncheck
type message struct {
	OSV     *struct{ ID, Summary string }
	Finding *struct {
		OSV   string
		Fixed string `json:"fixed_version"`
		Trace []struct{ Module, Version, Package, Function, Receiver string }
	}
}

func parseFindings(output []byte) (map[string]finding, error) {
	summaries, found := map[string]string{}, map[string]finding{}
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var m message
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("output of govulncheck: %w", err)
		}
		if m.OSV != nil {
			summaries[m.OSV.ID] = m.OSV.Summary
		}
		// The first frame is the vulnerable function, the others lead to it. Without one it is only imported.
		if m.Finding == nil || len(m.Finding.Trace) == 0 || m.Finding.Trace[0].Function == "" {
			continue
		}
		at := m.Finding.Trace[0]
		f := finding{id: m.Finding.OSV, fixed: m.Finding.Fixed, goLibrary: at.Module == stdlib}
		f.place = at.Module + " " + at.Version
		if f.goLibrary {
			f.place = at.Package + " of Go " + strings.TrimPrefix(at.Version, "v")
		}
		f.call = strings.TrimLeft(at.Receiver+"."+at.Function, "*.")
		if before, known := found[f.id]; !known || before.goLibrary { // The same may be in a dependency as well.
			found[f.id] = f
		}
	}
	for id, f := range found {
		f.summary = summaries[id]
		found[id] = f
	}
	return found, nil
}

// goCommand is a go command in this module, where the command runs.
func goCommand(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "go", args...)
}

// explained adds a command's output to its error.
func explained(err error) error {
	var failed *exec.ExitError
	if errors.As(err, &failed) && len(failed.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(failed.Stderr)))
	}
	return err
}
