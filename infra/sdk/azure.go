package sdk

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-azure-native-sdk/v2/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// AzureResource is a resource of azure-native whose generated package the program would compile and link for it alone, network
// hundreds of thousands of lines, for the few inputs that the stack sets.
type AzureResource struct {
	pulumi.CustomResourceState

	// Name of the resource.
	Name pulumi.StringOutput `pulumi:"name"`
	// Identity of the resource, if it has one.
	Identity pulumi.MapOutput `pulumi:"identity"`
}

// Principal is the object id of the resource's own identity, known once the resource exists.
func (r *AzureResource) Principal() pulumi.StringOutput {
	return pulumi.All(r.Identity, r.ID()).ApplyT(func(all []any) (string, error) {
		principal, ok := all[0].(map[string]any)["principalId"].(string)
		if !ok {
			return "", errors.New("the resource has no identity of its own")
		}
		return principal, nil
	}).(pulumi.StringOutput)
}

// NewAzureResource registers a resource by its type token, such as "azure-native:network:PrivateEndpoint", with inputs by
// the names of the provider. The SDK's options pin the provider's version, as the generated packages do.
func NewAzureResource(ctx *pulumi.Context, kind, name string, inputs pulumi.Map, opts ...pulumi.ResourceOption) (*AzureResource, error) {
	resource := &AzureResource{}
	return resource, ctx.RegisterResource("azure-native:"+kind, name, inputs, resource, utilities.PkgResourceDefaultOpts(opts)...)
}

// AskAzure calls a function of azure-native by its token, such as "containerservice:getManagedCluster". The answer may be
// secret, which the caller has to know: a plain call refuses such answers.
func AskAzure[T any](ctx *pulumi.Context, function string, args any) (T, error) {
	var answer T
	_, err := ctx.InvokePackageRaw("azure-native:"+function, args, &answer, "", utilities.PkgInvokeDefaultOpts(nil)...)
	if err != nil {
		return answer, fmt.Errorf("%s: %w", function, err)
	}
	return answer, nil
}

// AzureSubscription is the id of the subscription in which azure-native works. The program does not wait for it.
func AzureSubscription(ctx *pulumi.Context, opts ...pulumi.InvokeOption) pulumi.StringOutput {
	client := ctx.InvokeOutput("azure-native:authorization:getClientConfig", nil, pulumi.StringMapOutput{},
		pulumi.InvokeOutputOptions{InvokeOptions: utilities.PkgInvokeDefaultOpts(opts)}).(pulumi.StringMapOutput)
	return client.MapIndex(pulumi.String("subscriptionId"))
}
