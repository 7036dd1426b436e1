package infra

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/client-go/rest"
)

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

// pollAbandoned is how often the program looks whether a Helm that may be at work has ended.
const pollAbandoned = 2 * time.Second

// newAbandonedReleases returns the hook of releases in the cluster that config finds. It does nothing in a preview.
func newAbandonedReleases(ctx *pulumi.Context, config func() (*rest.Config, error)) (*pulumi.ResourceHook, error) {
	connect := sync.OnceValues(func() (*helmRecords, error) { return newHelmRecords(config) })
	warn := func(text string) { _ = ctx.Log.Warn(text, nil) }
	return ctx.RegisterResourceHook("abandonedReleases", func(args *pulumi.ResourceHookArgs) error {
		records, err := connect()
		if err == nil {
			err = settle(ctx.Context(), records, releaseInputs(args.OldInputs, args.NewInputs), warn)
		}
		if err != nil {
			// What is wrong with the cluster or the release, Helm is about to say as well, or has no trouble with.
			warn(fmt.Sprintf("release %q: whether an update was killed cannot be told: %v", args.Name, err))
		}
		return nil
	}, nil)
}

// abandonable is a release that the provider is about to install or upgrade.
type abandonable struct {
	namespace, name string
	install         bool
	patience        time.Duration // how long a Helm may be at work on it
}

// releaseInputs reads the inputs of a release, which has no old ones when it is to be installed.
func releaseInputs(olds, news resource.PropertyMap) abandonable {
	seconds := func(inputs resource.PropertyMap) float64 {
		if timeout := inputs["timeout"]; timeout.IsNumber() {
			return timeout.NumberValue()
		}
		return 0
	}
	text := func(key resource.PropertyKey) string {
		if value := news[key]; value.IsString() {
			return value.StringValue()
		}
		return ""
	}
	return abandonable{
		namespace: text("namespace"), name: text("name"), install: len(olds) == 0,
		patience: time.Duration(max(seconds(olds), seconds(news))) * time.Second,
	}
}

// settle returns when no revision of the release is in the way: because there is none, or its Helm has ended, or it was
// given up.
func settle(ctx context.Context, records *helmRecords, release abandonable, warn func(string)) error {
	for told := false; ; told = true {
		history, err := records.of(ctx, release.namespace, release.name)
		if err != nil {
			return err
		}
		last := latest(history)
		if !last.unfinished() || release.install && (len(history) > 1 || last.Info.Status != pendingInstall) {
			return nil // or not what a killed update leaves, and so not for the program to judge
		}
		what := fmt.Sprintf("release %q: revision %d is %s since %s", release.name, last.Version, last.Info.Status, last.since().Format(time.TimeOnly))
		over := last.since().Add(release.patience)
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
		giveUp, outcome := records.fail, "it counts as failed"
		if release.install {
			giveUp, outcome = records.forget, "it is installed anew"
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
