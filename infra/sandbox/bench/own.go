package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra"
)

// ownCPU runs the program for so many services against the SDK's mock of an engine, and returns the CPU time that this takes,
// the mock's share included.
func ownCPU(project string, services int) (time.Duration, error) {
	text, err := json.Marshal(sameServices(services, settings{"image": settings{"tag": "1.0.0"}}))
	if err != nil {
		return 0, err
	}
	here, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	// The program and its relative paths are at home in the project.
	if err := os.Chdir(project); err != nil {
		return 0, err
	}
	runtime.GC()
	before, err := usedCPU()
	if err != nil {
		return 0, err
	}
	err = pulumi.RunErr(infra.Deploy, pulumi.WithMocks("acr-microservices", "dev", mockedProviders{}), func(info *pulumi.RunInfo) {
		info.RootDirectory = project
		info.Config = map[string]string{"azure-native:location": "westeurope", "acr-microservices:services": string(text)}
	})
	if err != nil {
		return 0, fmt.Errorf("the program with mocks: %w", err)
	}
	after, err := usedCPU()
	if err != nil {
		return 0, err
	}
	return after - before, os.Chdir(here)
}

// usedCPU is the CPU time that this process has used.
func usedCPU() (time.Duration, error) {
	var used syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), err
}

// mockedProviders answer with the inputs and, of the outputs, those on which the program depends.
type mockedProviders struct{}

func (mockedProviders) NewResource(made pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	outputs := made.Inputs.Copy()
	for _, key := range []resource.PropertyKey{"name", "loginServer", "clientId", "objectId", "value"} {
		if _, given := outputs[key]; !given {
			outputs[key] = resource.NewProperty("mocked")
		}
	}
	return made.Name + "-id", outputs, nil
}

func (mockedProviders) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return resource.PropertyMap{"subscriptionId": resource.NewProperty("mocked")}, nil
}
