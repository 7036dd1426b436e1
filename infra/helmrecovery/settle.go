// Package helmrecovery abandons releases that a killed Helm left pending, based on Helm's own records in the cluster.
//
// A Helm that is killed leaves its release pending, and every later Helm assumes that another one is still running: an
// installation fails with "cannot re-use a name that is still in use", and an upgrade with "another operation
// (install/upgrade/rollback) is in progress", forever. Neither Helm nor the provider repairs that
// (https://github.com/pulumi/pulumi-kubernetes/issues/2054).
//
// So before the provider installs or upgrades a release, the program abandons a pending revision, in the way in which Helm
// itself treats a failed one. This is safe because
//   - the stack's lock keeps other updates of the stack away. A Helm can still be running only if its engine alone was killed:
//     the provider survives the engine, and its Helm continues. The update waits for as long as that Helm is allowed to take;
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

// pollAbandoned is how often the program checks whether a Helm that may still be running has ended.
const pollAbandoned = 2 * time.Second

// Release is a release that Helm is about to install or upgrade.
type Release struct {
	Namespace, Name string
	// Install says that it is not installed yet.
	Install bool
	// Patience is how long a Helm is allowed to take for it.
	Patience time.Duration
}

// Settle returns when no pending revision blocks the release: there is none, or its Helm has ended, or Settle has abandoned it. It
// warns of what it waits for, and of what it has done. An error comes from the cluster or from ctx, or says that a record cannot be
// read.
func Settle(ctx context.Context, server *kubeapi.Client, release Release, warn func(string)) error {
	for warned := false; ; warned = true {
		history, err := historyOf(ctx, server, release.Namespace, release.Name)
		if err != nil {
			return err
		}
		last := latest(history)
		if !last.unfinished() || release.Install && (len(history) > 1 || last.Info.Status != pendingInstall) {
			return nil // nothing is pending, or no killed update of this stack left it
		}
		what := fmt.Sprintf("release %q: revision %d has been %s since %s", release.Name, last.Version, last.Info.Status, last.since().Format(time.TimeOnly))
		over := last.since().Add(release.Patience)
		left := time.Until(over)
		if left > 0 {
			if !warned {
				warn(fmt.Sprintf("%s, and its Helm may still be running: waiting until %s", what, over.Format(time.TimeOnly)))
			}
			select {
			case <-time.After(min(left, pollAbandoned)):
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		abandon, outcome := last.fail, "it is marked as failed"
		if release.Install {
			abandon, outcome = last.forget, "it is installed again"
		}
		if err := abandon(ctx, server); kubeapi.Answered(err, http.StatusConflict, http.StatusNotFound) {
			continue // somebody has changed the record meanwhile
		} else if err != nil {
			return err
		}
		warn(fmt.Sprintf("%s, but its Helm is no longer running: %s", what, outcome))
		return nil
	}
}
