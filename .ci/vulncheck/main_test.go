package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module calls functions that the made-up database in testdata/db lists.
const module = ".ci/vulncheck/testdata/module"

// vulncheck runs the command with exceptions against the made-up database.
func vulncheck(t *testing.T, exceptions string) (string, error) {
	t.Helper()
	db, err := filepath.Abs("testdata/db")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = run(t.Context(), &out, "file://"+filepath.ToSlash(db), "http://nowhere.invalid", write(t, exceptions), []string{module})
	return out.String(), err
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "exceptions.txt")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
}

func TestVulnerabilities(t *testing.T) {
	out, err := vulncheck(t, "")
	if err == nil || err.Error() != "1 problems, see above" {
		t.Error(err)
	}
	contains(t, out, "as GOVULNDB says", module+": 2 known vulnerabilities in what it calls",
		"GO-0000-0001 Made-up vulnerability in a function that is called", "golang.org/x/mod v0.42.0, fixed in v99.0.0; calls Compare",
		"NOT ACCEPTED", "GO-0000-0003", "encoding/base64 of Go 1.", "calls Encoding.EncodeToString", "update Go")
	for _, id := range []string{"GO-0000-0002", "GO-0000-0004"} {
		if strings.Contains(out, id) {
			t.Errorf("%s is not called:\n%s", id, out)
		}
	}

	out, err = vulncheck(t, "# reviewed\n"+module+" GO-0000-0001 compares  constants\n")
	if err != nil {
		t.Error(err)
	}
	contains(t, out, "accepted: compares constants")

	out, err = vulncheck(t, module+" GO-0000-0001 constants\n"+module+" GO-0000-0002 not needed\nelsewhere GO-0000-0002 not looked at\n")
	if err == nil {
		t.Error("an exception that explains nothing is accepted")
	}
	contains(t, out, module+": GO-0000-0002 is excepted, but no longer found")
}

func TestExceptions(t *testing.T) {
	for text, want := range map[string]string{
		"infra GO-2026-1\n":                      "line 1 is not",
		"# a\n\ninfra CVE-2026-1 harmless":       "line 3 is not",
		"infra GO-2026-1 a\ninfra GO-2026-1 b\n": "line 2: GO-2026-1 has its exception already",
	} {
		if _, err := parseExceptions(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	text, err := os.ReadFile("exceptions.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseExceptions(string(text)); err != nil {
		t.Error(err)
	}
}

func TestDatabase(t *testing.T) {
	var out strings.Builder
	ask := func(given, usual string) string {
		out.Reset()
		db, err := database(t.Context(), &out, given, usual)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/index/db.json" {
			http.NotFound(w, r)
		}
	}))
	defer there.Close()
	if db := ask("", there.URL); db != there.URL {
		t.Error(db)
	}
	if db := ask("file:///db", there.URL); db != "file:///db" {
		t.Error(db)
	}
	for _, usual := range []string{there.URL + "/moved", "http://127.0.0.1:1"} {
		db := ask("", usual)
		contains(t, out.String(), "not reachable: not checked against it", "golang.org/x/vulndb v0.0.0-")
		entries, err := filepath.Glob(filepath.Join(strings.TrimPrefix(db, "file://"), "GO-*.json"))
		if err != nil || len(entries) < 4000 {
			t.Errorf("%s has %d entries, %v", db, len(entries), err)
		}
	}
}
