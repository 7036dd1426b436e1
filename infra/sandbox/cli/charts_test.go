//go:build linux

package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOtherPeoplesCharts deploys unedited charts in the layouts of public charts: the test charts of the manifests' check. The
// stack file sets keys only if a chart's image and pull secrets are not where `helm create` puts them.
func TestOtherPeoplesCharts(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "charts")
	services := settings{}
	for name, keys := range map[string]settings{
		"create-2018": nil, "create-2020": nil, "create-2022": nil, "create-2024": nil, "hooks": nil, "stateful": nil, "label": nil,
		"podinfo":  {"pullSecrets": "image.pullSecrets"},
		"umbrella": {"repository": "api.image.repository", "tag": "api.image.tag", "pullSecrets": "api.imagePullSecrets"},
		"cron":     {"image": "job.image"},
		"global":   {"registry": "global.imageRegistry", "pullSecrets": "global.imagePullSecrets[]"},
		"account":  {"pullSecretName": "registry.secretName"},
	} {
		chart := settings{"path": "infra/manifest/testdata/" + name}
		if keys != nil {
			chart["keys"] = keys
		}
		services[name] = settings{"image": settings{"repository": "customerapi", "tag": "1.0.0"}, "chart": chart}
	}
	services["hooks"].(settings)["release"] = settings{"wait": false}
	b.configure(settings{"services": services})
	b.must("up")
	// Helm has not waited for these pods, because they need a post-install hook.
	b.awaitPods("hooks-test")
	require.Len(t, b.images("hooks-test"), 1)
	for name := range services {
		images := b.images(name + "-test")
		if name == "cron" {
			assert.Empty(t, images, "before its time")
			continue
		}
		require.NotEmpty(t, images, name)
		assert.Contains(t, images[0]+images[len(images)-1], ".azurecr.io/customerapi:1.0.0", name)
	}
	b.rests()
	b.must("down")
}
