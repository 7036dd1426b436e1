//go:build linux

package cli

import (
	"context"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/toolchain"
)

// delete deletes objects from the double of Azure, like a manual deletion. If it has to start the sandbox, it stops it again.
func (sb *sandbox) delete(ctx context.Context, ids []string) error {
	return sb.visit(ctx, azuredouble.Conditions{}, func(services *daemon.Client, _ toolchain.Tools) error {
		for _, id := range ids {
			if err := services.Delete(ctx, id); err != nil {
				return err
			}
			sb.Printf("%s is gone", id)
		}
		return nil
	})
}
