// Command pulumi-resource-kubernetes is the Kubernetes provider, as the plugin that the Pulumi engine starts. The
// provider's own command needs a generated file that is not part of its module.
package main

import "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"

// version is linked in.
var version string

func main() {
	// The schema and the map to Terraform serve code generation only.
	provider.Serve("kubernetes", version, []byte("{}"), []byte("{}"))
}
