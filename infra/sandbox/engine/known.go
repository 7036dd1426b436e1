package engine

import "github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

// Known returns the resources in the states of all stacks in dir.
func Known(dir string) ([]apitype.ResourceV3, error) { return resourcesOfAll(dir) }
