// Package azure holds what the components with resources in Azure share: the subscription, names that a registry allows, role
// assignments, and options of resources.
package azure

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-azure-native-sdk/v2/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Ask calls a function of azure-native by its token, such as "containerservice:getManagedCluster", and returns the plain answer,
// also in a preview. The generated functions refuse an answer that contains a secret, such as a kubeconfig, unless the caller uses
// it as an output. Ask returns it in plain text: the caller must keep it secret.
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

// After returns the value, known only when the resource exists.
func After(value pulumi.StringInput, resource pulumi.CustomResource) pulumi.StringOutput {
	return pulumi.All(value, resource.ID()).ApplyT(func(all []any) string { return all[0].(string) }).(pulumi.StringOutput)
}

// Optional returns nil for an empty string, so that the provider chooses.
func Optional(s string) pulumi.StringPtrInput {
	if s == "" {
		return nil
	}
	return pulumi.String(s)
}

// ReplacedBy replaces a resource when one of the inputs changes. Azure does not change them in place, and the provider does not
// know that.
func ReplacedBy(inputs ...string) pulumi.ResourceOption { return pulumi.ReplaceOnChanges(inputs) }

// The name of a resource below a registry has 5 to 50 characters.
const (
	minName = 5
	MaxName = 50
)

// ResourceName shortens or lengthens a name to what Azure allows, at most longest characters, and keeps it different from other
// names with the same beginning.
func ResourceName(name string, longest int) string {
	if len(name) >= minName && len(name) <= longest {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:min(len(name), longest-9)], "-") + "-" + hex.EncodeToString(sum[:])[:8]
}
