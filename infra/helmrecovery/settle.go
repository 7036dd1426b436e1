// Package helmrecovery gives up releases that a killed Helm has left, by what Helm keeps of them in the cluster.
//
// A Helm that is killed leaves its release pending, which every later Helm takes for somebody at work: an installation ends
// in "cannot re-use a name that is still in use" and an upgrade in "another operation (install/upgrade/rollback) is in
// progress", for ever. Neither Helm nor the provider ends that (https://github.com/pulumi/pulumi-kubernetes/issues/2054).
//
// So before the provider is to install or upgrade a release, the program gives up what was abandoned, by what Helm itself
// does with a revision that has failed. It is safe because
//   - the stack's lock keeps other updates of the stack away, and a revision may still be at work only where its engine was
//     killed alone: the provider outlives it, and its Helm goes on. The update waits for as long as the release may take;
//   - nothing that runs in the cluster is touched, and no revision is lost: the next upgrade starts from the last good one.
//     Only an installation that has never been finished leaves no record, because Helm would not install over it. What it
//     has made bears the release's name, and Helm takes it over;
//   - a record is changed only if nobody has changed it since it was read.
package helmrecovery

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// pollAbandoned is how often the program looks whether a Helm that may be at work has ended.
const pollAbandoned = 2 * time.Second

// Release is one that Helm is about to install or upgrade.
type Release struct {
	Namespace, Name string
	// Install says that it is not there yet.
	Install bool
	// Patience is how long a Helm may be at work on it.
	Patience time.Duration
}

// Settle returns when no revision of the release is in the way: because there is none, or its Helm has ended, or it was
// given up. It warns of what it waits for, and of what it has done. An error is one of the cluster or of ctx, or says that a record cannot be read.
func (r *Records) Settle(ctx context.Context, release Release, warn func(string)) error {
	for told := false; ; told = true {
		history, err := r.of(ctx, release.Namespace, release.Name)
		if err != nil {
			return err
		}
		last := latest(history)
		if !last.unfinished() || release.Install && (len(history) > 1 || last.Info.Status != pendingInstall) {
			return nil // or not what a killed update leaves, and so not for the program to judge
		}
		what := fmt.Sprintf("release %q: revision %d is %s since %s", release.Name, last.Version, last.Info.Status, last.since().Format(time.TimeOnly))
		over := last.since().Add(release.Patience)
		left := time.Until(over)
		if left > 0 {
			if !told {
				warn(fmt.Sprintf("%s, so its Helm may still be at work: waiting until %s", what, over.Format(time.TimeOnly)))
			}
			select {
			case <-time.After(min(left, pollAbandoned)):
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		giveUp, outcome := r.fail, "it counts as failed"
		if release.Install {
			giveUp, outcome = r.forget, "it is installed anew"
		}
		if err := giveUp(ctx, last); errors.Is(err, errRecordChanged) {
			continue
		} else if err != nil {
			return err
		}
		warn(fmt.Sprintf("%s, and no Helm is at work on it any more: %s", what, outcome))
		return nil
	}
}
