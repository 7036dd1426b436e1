package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Halt stops one of the processes, such as "kube-apiserver" or "node", without ending the cluster. It stays away until Resume.
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

// Resume starts a process again that Halt has stopped, and returns when it is ready. It does nothing for one that runs.
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
	c.started = time.Now() // what was reported before does not count
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

// child finds the process of that name that was started last.
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
