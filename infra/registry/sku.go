package registry

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

// newSKUGuard returns the registry's hook that refuses, also in a preview, a change from Premium that Azure would refuse: Pulumi
// changes the registry first, and deletes the resources that need Premium only at the end.
func newSKUGuard(ctx *pulumi.Context, name string) (*pulumi.ResourceHook, error) {
	return ctx.RegisterResourceHook("downFromPremium-"+name, func(args *pulumi.ResourceHookArgs) error {
		if skuOf(args.OldInputs) != config.SKUPremium || skuOf(args.NewInputs) == config.SKUPremium {
			return nil
		}
		var state struct {
			Outputs map[string]any `pulumi:"outputs"`
		}
		// The resources that need Premium are not part of the registry's inputs. Only the stack's state lists them.
		if _, err := ctx.InvokePackageRaw("pulumi:pulumi:readStackResourceOutputs", &struct {
			StackName string `pulumi:"stackName"`
		}{ctx.Organization() + "/" + ctx.Project() + "/" + ctx.Stack()}, &state, ""); err != nil {
			return fmt.Errorf("registry.sku: cannot read the registry's resources from the stack's state: %w", err)
		}
		return downFromPremium(skuOf(args.NewInputs), slices.Sorted(maps.Keys(state.Outputs)))
	}, &pulumi.ResourceHookOptions{OnDryRun: true})
}

func skuOf(inputs resource.PropertyMap) string {
	sku := inputs["sku"]
	if !sku.IsObject() || !sku.ObjectValue()["name"].IsString() {
		return ""
	}
	return sku.ObjectValue()["name"].StringValue()
}

// onlyPremium are the types of resources that need Premium, with the keys that create them.
var onlyPremium = map[string]string{
	"Replication":     "registry.replicas",
	"PrivateEndpoint": "registry.privateEndpoint",
}

// downFromPremium returns the error about the resources that must be deleted before the registry changes to another SKU.
func downFromPremium(sku string, urns []string) error {
	var keys []string
	for _, urn := range urns {
		parts := strings.Split(string(resource.URN(urn).Type()), ":")
		if key, ok := onlyPremium[parts[len(parts)-1]]; ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	if keys = slices.Compact(keys); len(keys) == 0 {
		return nil
	}
	return fmt.Errorf("registry.sku: Azure changes a registry from Premium to %s only when it has no replicas and no private endpoints, but an update "+
		"deletes them after it changes the registry; run two updates: one that removes %s and leaves registry.sku Premium, then one with registry.sku %s",
		sku, strings.Join(keys, " and "), sku)
}
