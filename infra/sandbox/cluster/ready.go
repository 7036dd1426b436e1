package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

func dialable(port int) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", loopback(port))
		if err != nil {
			return false, err
		}
		return true, conn.Close()
	}
}

// get reads an object of the API into v, which may be nil.
func (c *Cluster) get(ctx context.Context, path string, v any) error {
	body, err := c.call(ctx, http.MethodGet, path, "", "")
	if err != nil || v == nil {
		return err
	}
	return json.Unmarshal(body, v)
}

// errConflict means that the object already exists.
var errConflict = errors.New("conflict")

// call returns the API's response.
func (c *Cluster) call(ctx context.Context, method, path, contentType, body string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.server+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode == http.StatusConflict:
		return nil, errConflict
	case resp.StatusCode >= http.StatusBadRequest:
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, answer)
	}
	return answer, nil
}

func (c *Cluster) apiReady(ctx context.Context) (bool, error) {
	err := c.get(ctx, "/readyz", nil)
	return err == nil, err
}

// defaultAccount reports whether the default namespace has its service account, which pods need.
func (c *Cluster) defaultAccount(ctx context.Context) (bool, error) {
	err := c.get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil)
	return err == nil, err
}

// nodeReady reports whether the node has reported ready since this start: an earlier run's status still exists.
func (c *Cluster) nodeReady(ctx context.Context) (bool, error) {
	var node struct {
		Status struct {
			Conditions []struct {
				Type, Status, Message string
				LastHeartbeatTime     time.Time
			}
		}
	}
	if err := c.get(ctx, "/api/v1/nodes/"+NodeName, &node); err != nil {
		return false, err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type != "Ready" {
			continue
		}
		if condition.Status == "True" && !condition.LastHeartbeatTime.Before(c.started.Truncate(time.Second)) {
			return true, nil
		}
		return false, fmt.Errorf("node %s: %s", NodeName, condition.Message)
	}
	return false, fmt.Errorf("node %s has not reported yet", NodeName)
}
