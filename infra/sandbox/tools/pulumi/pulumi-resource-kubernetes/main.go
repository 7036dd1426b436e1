// Command pulumi-resource-kubernetes is the Kubernetes provider, as the plugin that the Pulumi engine starts. The
// provider's own command needs a generated file that is not part of its module.
package main

import (
	"os"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"golang.org/x/sys/unix"
)

// version is linked in: the engine compares it with the version of the SDK that the program uses.
var version string

func main() {
	// An engine that is killed cannot end its plugins any more, and one that goes on alone would go on changing the
	// cluster. So this one ends with its engine, also if that has ended already.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil || os.Getppid() == 1 {
		os.Exit(1)
	}
	// The schema and the map to Terraform serve code generation only.
	provider.Serve("kubernetes", version, []byte("{}"), []byte("{}"))
}
