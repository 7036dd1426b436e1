package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestImage(t *testing.T) {
	t.Parallel()
	hex := strings.Repeat("ab", 32)
	for name, test := range map[string]struct {
		image           Image
		reference       string
		chartRepository string
		chartTag        string
		foreign         bool
	}{
		"tag":              {Image{Repository: "customerapi", Tag: "1.0.0", Digest: ""}, "customerapi:1.0.0", "customerapi", "1.0.0", false},
		"digest":           {Image{Repository: "customerapi", Tag: "", Digest: "sha256:" + hex}, "customerapi@sha256:" + hex, "customerapi@sha256", hex, false},
		"tag and digest":   {Image{Repository: "a/b", Tag: "1", Digest: "sha256:" + hex}, "a/b:1@sha256:" + hex, "a/b", "1@sha256:" + hex, false},
		"Docker Hub":       {Image{Repository: "docker.io/wolfgangofner/customerapi", Tag: "1", Digest: ""}, "docker.io/wolfgangofner/customerapi:1", "docker.io/wolfgangofner/customerapi", "1", true},
		"port":             {Image{Repository: "registry:5000/x", Tag: "1", Digest: ""}, "registry:5000/x:1", "registry:5000/x", "1", true},
		"localhost":        {Image{Repository: "localhost/x", Tag: "1", Digest: ""}, "localhost/x:1", "localhost/x", "1", true},
		"folder, no host":  {Image{Repository: "shop/customerapi", Tag: "1", Digest: ""}, "shop/customerapi:1", "shop/customerapi", "1", false},
		"dotted, no slash": {Image{Repository: "customer.api", Tag: "1", Digest: ""}, "customer.api:1", "customer.api", "1", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.reference, test.image.Reference(""))
			if test.foreign {
				require.Equal(t, test.reference, test.image.Reference("host"))
			} else {
				require.Equal(t, "host/"+test.reference, test.image.Reference("host"))
			}
			repository, tag := test.image.forChart()
			require.Equal(t, test.chartRepository, repository)
			require.Equal(t, test.chartTag, tag)
			require.Equal(t, test.reference, repository+":"+tag, "what a chart makes of it")
			require.Equal(t, test.foreign, test.image.Foreign())
			require.True(t, test.image.Deployable())
		})
	}
	require.False(t, Image{Repository: "customerapi"}.Deployable())
}

// What must be pushed is what the registry neither makes nor caches.
func TestPushedImages(t *testing.T) {
	t.Parallel()
	cfg := Config{
		Registry: Registry{Cache: Cache{Rules: map[string]CacheRule{"hub": {Target: "library/*"}, "one": {Target: "base"}}}},
		Services: map[string]Service{
			"api":     {Image: Image{Repository: "api", Tag: "1"}},
			"worker":  {Image: Image{Repository: "api", Tag: "1"}},
			"cached":  {Image: Image{Repository: "library/nginx", Tag: "1"}},
			"base":    {Image: Image{Repository: "base", Tag: "1"}},
			"later":   {Image: Image{Repository: "later"}},
			"foreign": {Image: Image{Repository: "ghcr.io/a/b", Tag: "1"}},
			"copy":    {Image: Image{Repository: "copy", Tag: "1", Import: &Import{}}},
			"same":    {Image: Image{Repository: "copy", Tag: "1"}},
		},
	}
	require.Equal(t, []string{"api:1"}, cfg.PushedImages())
}
