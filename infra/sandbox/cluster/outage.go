package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Halt stops a process, such as "kube-apiserver" or "node", without ending the cluster. It stays stopped until Resume.
func (c *Cluster) Halt(name string) error {
	ch, err := c.child(name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	ch.halted = true
	c.mu.Unlock()
	return ch.stop(stopGrace)
}

// Resume restarts a process that Halt has stopped, and returns when it is ready. It ignores a running one.
func (c *Cluster) Resume(ctx context.Context, name string) error {
	ch, err := c.child(name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	halted := ch.halted
	c.mu.Unlock()
	if !halted {
		return nil
	}
	c.started = time.Now() // ignore earlier reports
	if err := c.spawn(ch.cmd.Path, ch.cmd.Args[1:], ch.adjust...); err != nil {
		return err
	}
	switch name {
	case "kube-apiserver":
		return c.wait(ctx, name, c.apiReady)
	case "node":
		return c.wait(ctx, name, c.nodeReady)
	}
	return nil
}

// child returns the last started process of that name.
func (c *Cluster) child(name string) (*child, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ch := range slices.Backward(c.children) {
		if ch.name == name {
			return ch, nil
		}
	}
	return nil, fmt.Errorf("the cluster has no process %q", name)
}
