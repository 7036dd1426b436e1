package config

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An editor's language server finds the schema by a stack file's first line, and with it completes, explains and checks the file.
// It is the one of https://github.com/redhat-developer/yaml-language-server, which needs Node.js: .ci/run installs it.
func TestEditorKnowsTheSchema(t *testing.T) {
	t.Parallel()
	server, err := exec.LookPath("yaml-language-server")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("yaml-language-server is not installed: npm install --global yaml-language-server")
	}
	require.NoError(t, err, "CI must not skip this test")

	const text = `# yaml-language-server: $schema=infra/config/stack.schema.json
config:
  aws:region: eu-west-1
  acr-microservices:registry:
    sku: Gold
    anonymousPul: true
  acr-microservices:services:
    customerapi:
      image: {tag: 1.10}
`
	e := startEditor(t, server)
	uri := "file://" + filepath.Join(absolute(t, root), "Pulumi.editor.yaml") // It need not exist.
	e.notify("textDocument/didOpen", m{"textDocument": m{"uri": uri, "languageId": "yaml", "version": 1, "text": text}})
	var said []string
	for _, problem := range e.diagnostics(uri) {
		said = append(said, fmt.Sprintf("%v: %s", problem.Range.Start.Line, problem.Message))
	}
	all := strings.Join(said, "\n")
	assert.Contains(t, all, "Basic", "the SKUs that there are")
	assert.Contains(t, all, "anonymousPul is not allowed", "a key that there is not")
	assert.Contains(t, all, "string", "a tag without quotes")
	assert.Len(t, said, 3, all)

	at := func(line, character int) m {
		return m{"textDocument": m{"uri": uri}, "position": m{"line": line, "character": character}}
	}
	var hover struct{ Contents struct{ Value string } }
	e.request("textDocument/hover", at(4, 5), &hover)
	assert.Contains(t, hover.Contents.Value, "service tier")

	var offered struct{ Items []struct{ Label string } }
	e.request("textDocument/completion", at(4, 9), &offered)
	var labels []string
	for _, item := range offered.Items {
		labels = append(labels, item.Label)
	}
	assert.Subset(t, labels, skus)
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	require.NoError(t, err)
	return path
}

// editor speaks the Language Server Protocol with a server: https://microsoft.github.io/language-server-protocol/
type editor struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
	id  int
}

type message struct {
	ID     any             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  any             `json:"error"`
}

func startEditor(t *testing.T, server string) *editor {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), server, "--stdio")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Wait() }) // The test's context ends it.
	e := &editor{t: t, in: in, out: bufio.NewReader(out)}
	e.request("initialize", m{
		"processId": os.Getpid(), "rootUri": "file://" + absolute(t, root),
		"capabilities": m{
			"workspace":    m{"configuration": true},
			"textDocument": m{"hover": m{"contentFormat": []string{"markdown"}}, "completion": m{}},
		},
	}, nil)
	e.notify("initialized", m{})
	return e
}

func (e *editor) send(content m) {
	e.t.Helper()
	content["jsonrpc"] = "2.0"
	text, err := json.Marshal(content)
	require.NoError(e.t, err)
	_, err = fmt.Fprintf(e.in, "Content-Length: %d\r\n\r\n%s", len(text), text)
	require.NoError(e.t, err)
}

func (e *editor) notify(method string, params m) {
	e.t.Helper()
	e.send(m{"method": method, "params": params})
}

// request sends a request, and waits for the response.
func (e *editor) request(method string, params m, result any) {
	e.t.Helper()
	e.id++
	e.send(m{"id": e.id, "method": method, "params": params})
	for {
		answer := e.receive()
		if answer.Method != "" || fmt.Sprint(answer.ID) != strconv.Itoa(e.id) {
			continue
		}
		require.Nil(e.t, answer.Error, method)
		if result != nil {
			require.NoError(e.t, json.Unmarshal(answer.Result, result))
		}
		return
	}
}

type diagnostic struct {
	Message string
	Range   struct{ Start struct{ Line int } }
}

// diagnostics waits for the server's diagnostics of a document.
func (e *editor) diagnostics(uri string) []diagnostic {
	e.t.Helper()
	for {
		got := e.receive()
		if got.Method != "textDocument/publishDiagnostics" {
			continue
		}
		var said struct {
			URI         string
			Diagnostics []diagnostic
		}
		require.NoError(e.t, json.Unmarshal(got.Params, &said))
		if said.URI == uri && len(said.Diagnostics) > 0 {
			return said.Diagnostics
		}
	}
}

// receive returns the next message, and answers the server's own requests.
func (e *editor) receive() message {
	e.t.Helper()
	header, err := textproto.NewReader(e.out).ReadMIMEHeader()
	require.NoError(e.t, err)
	length, err := strconv.Atoi(header.Get("Content-Length"))
	require.NoError(e.t, err)
	text := make([]byte, length)
	_, err = io.ReadFull(e.out, text)
	require.NoError(e.t, err)
	var got message
	require.NoError(e.t, json.Unmarshal(text, &got))
	switch {
	case got.Method == "workspace/configuration":
		yaml := m{"validate": true, "hover": true, "completion": true, "schemaStore": m{"enable": false}}
		e.send(m{"id": got.ID, "result": []any{yaml, m{}, m{}, m{}, m{}}})
	case got.Method != "" && got.ID != nil:
		e.send(m{"id": got.ID, "result": nil})
	}
	return got
}
