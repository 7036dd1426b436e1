//go:build linux

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"example.com/acr-microservices/infra/sandbox/backend"
	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/engine"
)

// downStack destroys one stack. The sandbox keeps running; the last stack prints a hint.
func (sb *sandbox) downStack(ctx context.Context, verbose bool) error {
	unlock, err := sb.lock()
	if err != nil {
		return err
	}
	defer unlock()
	services, err := sb.connect(ctx)
	if err != nil {
		return err
	}
	defer services.Close()
	if err := sb.destroy(ctx, services, verbose, false); err != nil {
		return err
	}
	sb.Printf("stack %q is gone", sb.stack)
	known, err := engine.Known(sb.dir)
	if err != nil || slices.ContainsFunc(known, func(r apitype.ResourceV3) bool { return r.Custom }) {
		return err
	}
	whole := *sb
	whole.stack = defaultStack
	sb.Printf("it was the last one; the sandbox is still running, end it with: %s", whole.hint("down"))
	return nil
}

// down destroys the stacks if the sandbox is running, checks for leftovers, stops everything and deletes the sandbox's files. A
// sandbox that is not running has only files.
func (sb *sandbox) down(ctx context.Context, force, verbose bool) error {
	unlock, err := sb.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(sb.dir); errors.Is(err, os.ErrNotExist) {
		sb.Printf("sandbox %q does not exist", sb.name)
		return nil
	}
	client, err := daemon.Connect(ctx, sb.dir)
	switch {
	case errors.Is(err, daemon.ErrNotRunning):
	case err != nil:
		return err
	default:
		defer client.Close()
		if !force {
			if err := sb.destroyAll(ctx, client, verbose); err != nil {
				return fmt.Errorf("%w; down --force stops and deletes the sandbox all the same", err)
			}
		}
		if err := client.Stop(ctx); err != nil {
			return err
		}
	}
	if err := sb.awaitEnd(); err != nil {
		return err
	}
	if err := backend.Clean(sb.dir); err != nil {
		return err
	}
	if err := os.RemoveAll(sb.dir); err != nil {
		return err
	}
	sb.Printf("sandbox %q is gone", sb.name)
	return nil
}

// destroyAll destroys all stacks, the default one last: others can depend on it.
func (sb *sandbox) destroyAll(ctx context.Context, services *daemon.Client, verbose bool) error {
	states, err := engine.States(sb.dir)
	if err != nil {
		return err
	}
	last := func(state engine.State) bool { return state.Stack == defaultStack }
	for _, state := range append(slices.DeleteFunc(slices.Clone(states), last), slices.DeleteFunc(states, func(s engine.State) bool { return !last(s) })...) {
		one := *sb
		one.stack = state.Stack
		if err := one.destroy(ctx, services, verbose, true); err != nil {
			return err
		}
	}
	return nil
}

// destroy deletes the stack and its resources; with whole, for the sandbox's deletion, also the protected ones.
func (sb *sandbox) destroy(ctx context.Context, services *daemon.Client, verbose, whole bool) error {
	tools, err := sb.buildTools(ctx)
	if err != nil {
		return err
	}
	st, before, err := sb.openStack(ctx, services, tools, "", updateFlags{verbose: verbose})
	if err != nil {
		return err
	}
	resources, err := st.Resources()
	if err != nil {
		return err
	}
	if whole {
		if err := st.Unprotect(ctx); err != nil {
			return err
		}
	}
	// The stack must not destroy objects of others.
	foreign := strays(before.Inventory, idsOf(resources))

	result, err := st.Destroy(ctx)
	if err != nil {
		return err
	}
	sb.Printf("%s", counts(result.Changes, "the stack had no resources", ""))
	return sb.checkEmpty(ctx, services, foreign, namespaces(resources))
}

// checkEmpty returns an error that lists leftovers of a destroy.
func (sb *sandbox) checkEmpty(ctx context.Context, services *daemon.Client, foreign []string, namespaces map[string]bool) error {
	info, err := services.Info(ctx)
	if err != nil {
		return err
	}
	var left []string
	for _, id := range info.Inventory {
		if !slices.Contains(foreign, id) {
			left = append(left, id)
		}
	}
	out, err := sb.kubectl(info).run(ctx, "get", "namespaces", "--output", "name")
	if err != nil {
		return err
	}
	for _, line := range strings.Fields(string(out)) {
		if name := strings.TrimPrefix(line, "namespace/"); namespaces[name] {
			left = append(left, line)
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("the stack is destroyed, but these are left: %s", strings.Join(left, ", "))
	}
	return nil
}
