package cluster

import (
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/helmrecovery"
)

// newRecovery returns the hook of releases in the cluster: before the provider installs or upgrades a release, the hook abandons
// what a killed update left of it. It does nothing in a preview.
func newRecovery(ctx *pulumi.Context, name string, server apiServer) (*pulumi.ResourceHook, error) {
	warn := func(text string) { _ = ctx.Log.Warn(text, nil) }
	return ctx.RegisterResourceHook("abandonedReleases-"+name, func(args *pulumi.ResourceHookArgs) error {
		client, err := server()
		if err == nil {
			err = helmrecovery.Settle(ctx.Context(), client, releaseInputs(args.OldInputs, args.NewInputs), warn)
		}
		if err != nil {
			// If this problem also affects Helm, Helm reports it.
			warn(fmt.Sprintf("release %q: cannot check whether an update was killed: %v", args.Name, err))
		}
		return nil
	}, nil)
}

// releaseInputs reads the inputs of a release. A release that is not installed yet has no old inputs.
func releaseInputs(olds, news resource.PropertyMap) helmrecovery.Release {
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
	return helmrecovery.Release{
		Namespace: text("namespace"), Name: text("name"), Install: len(olds) == 0,
		Timeout: time.Duration(max(seconds(olds), seconds(news))) * time.Second,
	}
}
