// Package kubernetes is a double of the little that the Kubernetes provider needs of its generated SDK, put in the SDK's place
// by a replace directive: the SDK takes 550 seconds of CPU to compile, and the provider calls one function of it. What runs
// through this double are the provider's components, which this project does not use: yaml/v2's ConfigGroup and ConfigFile,
// kustomize's Directory and helm.sh/v4's Chart make the same resources as with the SDK, but have outputs without types, and a
// Chart ignores repositoryOpts and postRenderer.
package kubernetes

import "reflect"

// UntypedArgs are the properties of any resource.
type UntypedArgs map[string]any

// ElementType tells Pulumi what the resolved form is: the same.
func (UntypedArgs) ElementType() reflect.Type { return reflect.TypeFor[map[string]any]() }
