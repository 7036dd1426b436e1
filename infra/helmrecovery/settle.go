// Package helmrecovery abandons releases that a killed Helm left pending, based on Helm's own records in the cluster.
//
// A Helm process that is killed leaves its release pending, and every later one assumes that it is still running: an
// installation fails with "cannot re-use a name that is still in use", and an upgrade with "another operation
// (install/upgrade/rollback) is in progress", forever. Neither Helm nor the provider repairs that
// (https://github.com/pulumi/pulumi-kubernetes/issues/2054).
//
// So before the provider installs or upgrades a release, the program abandons a pending revision, in the way in which Helm
// itself treats a failed one. This is safe because
//   - the stack's lock keeps other updates of the stack away. Helm can still be running only if the engine alone was killed:
//     the provider survives the engine, and Helm in it continues. The update waits for as long as Helm is allowed to take;
//   - nothing that runs in the cluster is changed, and no revision is lost: the next upgrade starts from the last good one.
//     Only an installation that never finished keeps no record, because Helm would not install over it. Its resources have
//     the release's name, and Helm takes them over;
//   - a record is changed only if nobody has changed it since it was read.
package helmrecovery

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"example.com/acr-microservices/infra/internal/kubeapi"
)

// pollAbandoned is how often the program checks whether Helm, which may still be running, has ended.
const pollAbandoned = 2 * time.Second

// Release is a release that Helm is about to install or upgrade.
type Release struct {
	Namespace, Name string
	// Install says that it is not installed yet.
	Install bool
	// Timeout is how long Helm waits for each hook, and then for the release's objects.
	Timeout time.Duration
}

// Settle returns when no pending revision blocks the release: there is none, or Helm has ended, or Settle has abandoned it. It
// warns of what it waits for, and of what it has done. An error comes from the cluster or from ctx, or says that a record cannot be
// read.
func Settle(ctx context.Context, server *kubeapi.Client, release Release, warn func(string)) error {
	for warned := false; ; warned = true {
		history, err := historyOf(ctx, server, release.Namespace, release.Name)
		if err != nil {
			return err
		}
		last := latest(history)
		// An installation, and with atomic the removal after it failed, has the revision 1. No killed update of this stack left another one.
		if !last.unfinished() || release.Install && last.Version > 1 {
			return nil
		}
		began, err := last.began()
		if err != nil {
			return err
		}
		what := fmt.Sprintf("release %q: revision %d has been %s since %s", release.Name, last.Version, last.Info.Status, began.Local().Format(time.DateTime))
		over := began.Add(time.Duration(last.waits()) * release.Timeout)
		left := time.Until(over)
		if left > 0 {
			if !warned {
				warn(fmt.Sprintf("%s, and the Helm process that started it may still be running: waiting until %s", what, over.Local().Format(time.DateTime)))
			}
			select {
			case <-time.After(min(left, pollAbandoned)):
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		abandon, outcome := last.fail, "the revision is marked as failed"
		if release.Install {
			abandon, outcome = last.forget, "the release is installed again"
		}
		if err := abandon(ctx, server); kubeapi.Answered(err, http.StatusConflict, http.StatusNotFound) {
			continue // the record has changed meanwhile
		} else if err != nil {
			return err
		}
		warn(fmt.Sprintf("%s, but the Helm process that started it is no longer running: %s", what, outcome))
		return nil
	}
}
