package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
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
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server+path, nil)
	if err != nil {
		return err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %s", path, resp.Status, body)
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(body, v)
}

func (c *Cluster) apiReady(ctx context.Context) (bool, error) {
	err := c.get(ctx, "/readyz", nil)
	return err == nil, err
}

// defaultAccount tells whether pods can be made in the default namespace: they need its service account.
func (c *Cluster) defaultAccount(ctx context.Context) (bool, error) {
	err := c.get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil)
	return err == nil, err
}

// nodeReady tells whether the node has reported itself ready since this start: what an earlier run said is still there.
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
