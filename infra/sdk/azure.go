package sdk

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// TaskRun is one successful run of an ACR Task:
// https://www.pulumi.com/registry/packages/azure/api-docs/containerservice/registrytaskschedulerunnow
type TaskRun struct{ pulumi.CustomResourceState }

// NewTaskRun runs a task, and waits for its end. The next update repeats a run that failed.
func NewTaskRun(ctx *pulumi.Context, name string, task pulumi.StringInput, opts ...pulumi.ResourceOption) (*TaskRun, error) {
	run := &TaskRun{}
	return run, ctx.RegisterResource("azure:containerservice/registryTaskScheduleRunNow:RegistryTaskScheduleRunNow", name, pulumi.Map{
		"containerRegistryTaskId": task,
	}, run, append(opts, pulumi.Version(classicAzureVersion))...)
}

// TokenPassword is the password of a registry's token:
// https://www.pulumi.com/registry/packages/azure/api-docs/containerservice/tokenpassword
type TokenPassword struct {
	pulumi.CustomResourceState

	// Password1 is the first of the two that a token can have, with "value" and "expiry".
	Password1 pulumi.MapOutput `pulumi:"password1"`
}

// NewTokenPassword creates a password for a token that has none. Expires is in the form of RFC 3339.
func NewTokenPassword(ctx *pulumi.Context, name string, token pulumi.StringInput, expires string, opts ...pulumi.ResourceOption) (*TokenPassword, error) {
	password := &TokenPassword{}
	return password, ctx.RegisterResource("azure:containerservice/tokenPassword:TokenPassword", name, pulumi.Map{
		"containerRegistryTokenId": token,
		"password1":                pulumi.Map{"expiry": pulumi.String(expires)},
	}, password, append(opts,
		pulumi.Version(classicAzureVersion),
		// The provider refuses to create a password beside an existing one. A password that is replaced is not in use.
		pulumi.DeleteBeforeReplace(true),
		pulumi.AdditionalSecretOutputs([]string{"password1"}),
	)...)
}

// Value is the password, a secret. It is unknown until the password exists: a preview shows the object around it.
func (p *TokenPassword) Value() pulumi.StringOutput {
	value := pulumi.All(p.Password1, p.ID()).ApplyT(func(all []any) (string, error) {
		value, ok := all[0].(map[string]any)["value"].(string)
		if !ok {
			return "", errors.New("the registry's answer has no password for the token")
		}
		return value, nil
	})
	return pulumi.ToSecret(value).(pulumi.StringOutput)
}
