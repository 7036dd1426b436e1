package infra

import (
	"fmt"
	"sync"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/helm"
)

// newAbandonedReleases returns the hook of releases in the cluster: before the provider installs or upgrades one, it gives up
// what a killed update has left of it. It does nothing in a preview.
func newAbandonedReleases(ctx *pulumi.Context, cluster config.Cluster) (*pulumi.ResourceHook, error) {
	connect := sync.OnceValues(func() (*helm.Records, error) {
		found, err := restConfig(cluster)
		if err != nil {
			return nil, err
		}
		return helm.NewRecords(found)
	})
	warn := func(text string) { _ = ctx.Log.Warn(text, nil) }
	return ctx.RegisterResourceHook("abandonedReleases", func(args *pulumi.ResourceHookArgs) error {
		records, err := connect()
		if err == nil {
			err = records.Settle(ctx.Context(), releaseInputs(args.OldInputs, args.NewInputs), warn)
		}
		if err != nil {
			// What is wrong with the cluster or the release, Helm is about to say as well, or has no trouble with.
			warn(fmt.Sprintf("release %q: whether an update was killed cannot be told: %v", args.Name, err))
		}
		return nil
	}, nil)
}

// releaseInputs reads the inputs of a release, which has no old ones when it is to be installed.
func releaseInputs(olds, news resource.PropertyMap) helm.Release {
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
	return helm.Release{
		Namespace: text("namespace"), Name: text("name"), Install: len(olds) == 0,
		Patience: time.Duration(max(seconds(olds), seconds(news))) * time.Second,
	}
}
