package sdk

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// StackOutputs returns outputs of another stack by name. It reads each on its own, because one secret output would make all of them
// secret. The value of an output that the stack does not have, or that is secret, is nil.
func StackOutputs(ctx *pulumi.Context, stack string, names ...string) (map[string]any, error) {
	owner, err := pulumi.NewStackReference(ctx, stack, nil)
	if err != nil {
		return nil, err
	}
	outputs := map[string]any{}
	for _, name := range names {
		output, err := owner.GetOutputDetails(name)
		if err != nil {
			return nil, fmt.Errorf("output %s: %w", name, err)
		}
		outputs[name] = output.Value
	}
	return outputs, nil
}
