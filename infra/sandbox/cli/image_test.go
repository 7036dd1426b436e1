//go:build linux

package cli

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFirstImages brings up services whose images are not pushed: one is imported and the other built.
func TestFirstImages(t *testing.T) {
	runInParallel(t)
	b := newBox(t, "images")
	made := func(source, ref string) settings {
		return settings{"services": settings{
			"customerapi": settings{"image": settings{"tag": "first", "import": settings{"source": source}}},
			"orderapi": settings{"image": settings{"tag": "first", "build": settings{
				"context": "https://github.com/example/shop.git#" + ref + ":orderapi", "platform": "linux/" + runtime.GOARCH,
			}}},
		}}
	}
	const public = "docker.io/wolfgangofner/customerapi:"

	// The build fails: the release does not start, and the next update resumes.
	b.configure(made(public+"1.0.0", "v3.0.0"))
	out, err := b.run("up", "--keep")
	require.Error(t, err)
	assert.Contains(t, out, "unexpected state 'Failed', wanted target 'Succeeded'")
	assert.Contains(t, out, "couldn't find remote ref v3.0.0")
	assert.NotContains(t, out, "create   kubernetes:Release            orderapi")
	b.configure(made(public+"1.0.0", "v1.0.0"))
	b.must("up")
	b.rests() // no task runs again
	for _, image := range b.images(customer, order) {
		assert.Regexp(t, `\.azurecr\.io/(customerapi|orderapi):first$`, image)
	}

	// Another source updates the task in place, which a lock on the registry allows, and runs it again.
	b.configure(made(public+"1.1.0", "v1.0.0"))
	changed := ops(b.must("up"))
	assert.Contains(t, changed, "update azure-native:Task customerapi")
	runs := slices.DeleteFunc(slices.Clone(changed), func(op string) bool { return !strings.HasPrefix(op, "create azure:RegistryTaskScheduleRunNow ") })
	require.Len(t, runs, 1)
	assert.Contains(t, runs[0], " customerapi-")

	b.configure(made("docker.io/wolfgangofner/nothing:1.0.0", "v1.0.0"))
	out, err = b.run("up")
	require.Error(t, err)
	assert.Contains(t, out, "source image docker.io/wolfgangofner/nothing:1.0.0")
	b.configure(made(public+"1.1.0", "v1.0.0"))
	b.must("up")
	b.must("down")
}
