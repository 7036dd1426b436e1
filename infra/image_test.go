package infra

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestImage(t *testing.T) {
	t.Parallel()
	hex := strings.Repeat("ab", 32)
	for name, test := range map[string]struct {
		image           ImageConfig
		reference       string
		chartRepository string
		chartTag        string
		foreign         bool
	}{
		"tag":              {ImageConfig{Repository: "customerapi", Tag: "1.0.0", Digest: ""}, "customerapi:1.0.0", "customerapi", "1.0.0", false},
		"digest":           {ImageConfig{Repository: "customerapi", Tag: "", Digest: "sha256:" + hex}, "customerapi@sha256:" + hex, "customerapi@sha256", hex, false},
		"tag and digest":   {ImageConfig{Repository: "a/b", Tag: "1", Digest: "sha256:" + hex}, "a/b:1@sha256:" + hex, "a/b", "1@sha256:" + hex, false},
		"Docker Hub":       {ImageConfig{Repository: "docker.io/wolfgangofner/customerapi", Tag: "1", Digest: ""}, "docker.io/wolfgangofner/customerapi:1", "docker.io/wolfgangofner/customerapi", "1", true},
		"port":             {ImageConfig{Repository: "registry:5000/x", Tag: "1", Digest: ""}, "registry:5000/x:1", "registry:5000/x", "1", true},
		"localhost":        {ImageConfig{Repository: "localhost/x", Tag: "1", Digest: ""}, "localhost/x:1", "localhost/x", "1", true},
		"folder, no host":  {ImageConfig{Repository: "shop/customerapi", Tag: "1", Digest: ""}, "shop/customerapi:1", "shop/customerapi", "1", false},
		"dotted, no slash": {ImageConfig{Repository: "customer.api", Tag: "1", Digest: ""}, "customer.api:1", "customer.api", "1", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.reference, test.image.reference(""))
			require.Equal(t, "host/"+test.reference, test.image.reference("host/"))
			repository, tag := test.image.forChart()
			require.Equal(t, test.chartRepository, repository)
			require.Equal(t, test.chartTag, tag)
			require.Equal(t, test.reference, repository+":"+tag, "what a chart makes of it")
			require.Equal(t, test.foreign, test.image.foreign())
			require.True(t, test.image.deployable())
		})
	}
	require.False(t, ImageConfig{Repository: "customerapi"}.deployable())
}
