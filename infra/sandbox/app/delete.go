//go:build linux

package main

import (
	"context"
	"errors"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
)

// delete deletes objects from the double of Azure, as somebody would by hand. A sandbox that it has to start for that is
// stopped again.
func (sb *sandbox) delete(ctx context.Context, ids []string) (err error) {
	unlock, err := sb.lock()
	if err != nil {
		return err
	}
	defer unlock()
	tools, err := sb.buildTools(ctx)
	if err != nil {
		return err
	}
	services, running, err := sb.start(ctx, tools, azuredouble.Conditions{})
	if err != nil {
		return err
	}
	defer func() {
		if running && ctx.Err() == nil {
			err = errors.Join(err, services.Keep(ctx))
		}
		err = errors.Join(err, sb.release(services))
	}()
	for _, id := range ids {
		if err := services.Delete(ctx, id); err != nil {
			return err
		}
		sb.Printf("%s is gone", id)
	}
	return nil
}
