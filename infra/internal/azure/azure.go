// Package azure is what the components that make resources in Azure share: where the stack works, names that a registry takes,
// role assignments, and options of resources.
package azure

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/pulumi/pulumi-azure-native-sdk/v2/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// What belongs to a registry has a name of 5 to 50 characters.
const (
	MinName = 5
	MaxName = 50
)

// Ask calls a function of azure-native by its token, such as "containerservice:getManagedCluster", and returns the plain answer, in
// a preview as well. The generated functions refuse an answer that holds a secret, as a kubeconfig does, unless it is taken as
// an output. Ask returns it in plain text: the caller has to keep it secret.
func Ask[T any](ctx *pulumi.Context, function string, args any, opts ...pulumi.InvokeOption) (T, error) {
	var answer T
	_, err := ctx.InvokePackageRaw("azure-native:"+function, args, &answer, "", utilities.PkgInvokeDefaultOpts(opts)...)
	if err != nil {
		return answer, fmt.Errorf("%s: %w", function, err)
	}
	return answer, nil
}

// Subscription returns the id of the subscription in which azure-native works. The generated function is in the package of the
// default version, which takes the compiler 16 seconds of CPU for this one field.
func Subscription(ctx *pulumi.Context, opts ...pulumi.InvokeOption) (string, error) {
	client, err := Ask[struct {
		SubscriptionID string `pulumi:"subscriptionId"`
	}](ctx, "authorization:getClientConfig", nil, opts...)
	return client.SubscriptionID, err
}

// After returns the value, known only when the resources exist.
func After(value pulumi.StringInput, resources ...pulumi.CustomResource) pulumi.StringOutput {
	all := []any{value}
	for _, resource := range resources {
		all = append(all, resource.ID())
	}
	return pulumi.All(all...).ApplyT(func(all []any) string { return all[0].(string) }).(pulumi.StringOutput)
}

// Optional is nil for an empty string, so that the provider chooses.
func Optional(s string) pulumi.StringPtrInput {
	if s == "" {
		return nil
	}
	return pulumi.String(s)
}

// ReplacedBy replaces a resource when one of the inputs changes. Azure does not change them in place, and the provider does not
// know that.
func ReplacedBy(inputs ...string) pulumi.ResourceOption { return pulumi.ReplaceOnChanges(inputs) }

// ResourceName shortens or lengthens a name to what Azure allows, at most longest characters, and keeps it different from other
// names that begin alike.
func ResourceName(name string, longest int) string {
	if len(name) >= MinName && len(name) <= longest {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:min(len(name), longest-9)] + "-" + hex.EncodeToString(sum[:])[:8]
}
