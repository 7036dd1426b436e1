package sdk

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// TokenPassword is the password of a registry's token:
// https://www.pulumi.com/registry/packages/azure/api-docs/containerservice/tokenpassword
type TokenPassword struct {
	pulumi.CustomResourceState

	// Password1 is the first of the two that a token may have, with "value" and "expiry".
	Password1 pulumi.MapOutput `pulumi:"password1"`
}

// NewTokenPassword lets the registry make a password for a token that has none. Expires is in the form of RFC 3339.
func NewTokenPassword(ctx *pulumi.Context, name string, token pulumi.IDOutput, expires string, opts ...pulumi.ResourceOption) (*TokenPassword, error) {
	password := &TokenPassword{}
	return password, ctx.RegisterResource("azure:containerservice/tokenPassword:TokenPassword", name, pulumi.Map{
		"containerRegistryTokenId": token,
		"password1":                pulumi.Map{"expiry": pulumi.String(expires)},
	}, password, append(opts,
		pulumi.Version(classicAzureVersion),
		// The provider refuses to make a password beside the one that is there. What is replaced is not in use.
		pulumi.DeleteBeforeReplace(true),
		pulumi.AdditionalSecretOutputs([]string{"password1"}),
	)...)
}

// Value is the password, a secret, and not known before there is one: a preview shows the object around it.
func (p *TokenPassword) Value() pulumi.StringOutput {
	value := pulumi.All(p.Password1, p.ID()).ApplyT(func(all []any) (string, error) {
		value, ok := all[0].(map[string]any)["value"].(string)
		if !ok {
			return "", errors.New("the registry has not told the token's password")
		}
		return value, nil
	})
	return pulumi.ToSecret(value).(pulumi.StringOutput)
}
