// Package kubeapi calls a Kubernetes API server by plain HTTP, because the generated client would double the program's size.
package kubeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"
)

// Client calls one API server.
type Client struct {
	http   *http.Client
	server string
}

// New returns a client that waits 10 seconds for an answer. The error says what in the cluster's configuration cannot be used.
func New(cluster *rest.Config) (*Client, error) {
	limited := rest.CopyConfig(cluster)
	limited.Timeout = 10 * time.Second
	server, _, err := rest.DefaultServerUrlFor(limited)
	if err != nil {
		return nil, err
	}
	client, err := rest.HTTPClientFor(limited)
	return &Client{http: client, server: strings.TrimSuffix(server.String(), "/")}, err
}

// Error is an answer with another status than 200.
type Error struct {
	Code    int    `json:"-"`       // the HTTP status
	Message string `json:"message"` // the API server's reason, possibly empty
}

func (e *Error) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("the API server answers %d %s: %s", e.Code, http.StatusText(e.Code), e.Message), ": ")
}

// Answered reports whether err is an Error with one of the codes.
func Answered(err error, codes ...int) bool {
	var answer *Error
	return errors.As(err, &answer) && slices.Contains(codes, answer.Code)
}

// Call sends in as JSON, and decodes the answer into out. Both can be nil.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.server+path, &body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer := json.NewDecoder(response.Body)
	if response.StatusCode != http.StatusOK {
		refusal := &Error{Code: response.StatusCode}
		_ = answer.Decode(refusal) // a proxy's answer may not be JSON
		return refusal
	}
	if out == nil {
		return nil
	}
	return answer.Decode(out)
}
