package cluster

import (
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"

	"example.com/acr-microservices/infra/helmrecovery"
)

func TestReleaseInputs(t *testing.T) {
	t.Parallel()
	inputs := func(timeout float64) resource.PropertyMap {
		return resource.PropertyMap{
			"name": resource.NewProperty("api"), "namespace": resource.NewProperty("api-test"), "timeout": resource.NewProperty(timeout),
		}
	}
	assert.Equal(t, helmrecovery.Release{Namespace: "api-test", Name: "api", Install: true, Timeout: time.Minute}, releaseInputs(nil, inputs(60)))
	assert.Equal(t, helmrecovery.Release{Namespace: "api-test", Name: "api", Timeout: time.Hour}, releaseInputs(inputs(3600), inputs(60)),
		"the Helm that was killed had the old timeout")
}
