// Command mocked runs the program once against the SDK's mock of an engine, in the project's folder, with the services that it
// reads as JSON. It uses the program's own share of a preview, plus the mock's.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	services, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	project, err := os.Getwd()
	if err != nil {
		return err
	}
	return pulumi.RunErr(infra.Deploy, pulumi.WithMocks("acr-microservices", "dev", providers{}), func(info *pulumi.RunInfo) {
		info.RootDirectory = project
		info.Config = map[string]string{"azure-native:location": "westeurope", "acr-microservices:services": string(services)}
	})
}

// providers return the inputs and the outputs on which the program depends.
type providers struct{}

const registryType = "azure-native:containerregistry/v20231101preview:Registry"

func (providers) NewResource(made pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	outputs := made.Inputs.Copy()
	for _, key := range []resource.PropertyKey{"name", "loginServer", "clientId", "objectId", "value"} {
		if _, given := outputs[key]; !given {
			outputs[key] = resource.NewProperty("mocked")
		}
	}
	if name := outputs["registryName"]; name.IsString() && made.TypeToken == registryType {
		outputs["loginServer"] = resource.NewProperty(name.StringValue() + ".azurecr.io")
	}
	return made.Name + "-id", outputs, nil
}

func (providers) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return resource.PropertyMap{"subscriptionId": resource.NewProperty("mocked")}, nil
}
