// Package kubernetes is a double of the parts of the generated SDK that the Kubernetes provider needs, used by a replace
// directive: the SDK takes 550 seconds of CPU to compile, and the provider calls one function of it. Only the provider's
// components, which this project does not use, run through this double: yaml/v2's ConfigGroup and ConfigFile, kustomize's
// Directory and helm.sh/v4's Chart create the same resources as with the SDK, but have untyped outputs, and a Chart ignores
// repositoryOpts and postRenderer.
package kubernetes

import "reflect"

// UntypedArgs are the properties of any resource.
type UntypedArgs map[string]any

// ElementType returns the resolved type, which is the same.
func (UntypedArgs) ElementType() reflect.Type { return reflect.TypeFor[map[string]any]() }
