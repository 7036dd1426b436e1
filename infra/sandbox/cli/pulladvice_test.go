//go:build linux

package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
)

// TestPullAdvice: waiting is advised only if a new role can be the cause.
func TestPullAdvice(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	refused := func(image string) []string {
		return []string{`shop-test pod/shop-1: Failed: Failed to pull image "` + image + `": unauthorized: authentication required`}
	}
	state := func(assigned time.Duration) []apitype.ResourceV3 {
		created := now.Add(-assigned)
		return []apitype.ResourceV3{
			{Type: "pulumi:pulumi:Stack", Outputs: map[string]any{"loginServer": "own.azurecr.io"}},
			{Type: "kubernetes:core/v1:Secret"},
			{
				Type: "azure-native:authorization/v20220401:RoleAssignment", Created: &created,
				URN:    resource.URN("urn:pulumi:dev::acr::azure-native:authorization/v20220401:RoleAssignment::pull"),
				Inputs: map[string]any{"roleDefinitionId": "/subscriptions/1/providers/Microsoft.Authorization/roleDefinitions/" + azuredouble.RoleAcrPull},
			},
		}
	}
	for name, test := range map[string]struct {
		resources []apitype.ResourceV3
		pods      []pod
		image     string
		want      string
		never     bool // waiting is not advised
	}{
		"new role":       {state(2 * time.Minute), nil, "own.azurecr.io/shop:1", "assigned 2 minutes ago and can take 10 minutes", false},
		"old role":       {state(time.Hour), nil, "own.azurecr.io/shop:1", "own.azurecr.io/shop:1: the role was assigned 60 minutes ago, so it has reached the registry: push the image", true},
		"another host":   {state(2 * time.Minute), nil, "other.azurecr.io/shop:1", "other.azurecr.io/shop:1 is not in the stack's registry own.azurecr.io", true},
		"no pull secret": {state(2 * time.Minute), []pod{{Image: "own.azurecr.io/shop:1"}}, "own.azurecr.io/shop:1", "its pod names no pull secret", true},
		"a pull secret":  {state(time.Hour), []pod{{Image: "own.azurecr.io/shop:1", PullSecret: true}}, "own.azurecr.io/shop:1", "If the registry is in the mode", true},
		"tokens":         {state(0)[:2], nil, "own.azurecr.io/shop:1", "own.azurecr.io/shop:1: push the image", true},
		"outside Azure":  {nil, nil, "docker.io/me/shop:1", "docker.io/me/shop:1: the registry requires a login", true},
	} {
		advised := factsOf(test.resources, test.pods, now).advise(refused(test.image))
		if assert.Len(t, advised, 1, name) {
			assert.Contains(t, advised[0], test.want, name)
			assert.Equal(t, test.never, !strings.Contains(advised[0], "up again"), name)
		}
	}
	assert.Empty(t, factsOf(nil, nil, now).advise([]string{"no space left on device"}))
}
