package pull

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi-azuread/sdk/v5/go/azuread"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/azure"
)

// addPrincipal creates an application, its service principal and its passwords. The principal's only permission is to pull from the
// registry.
func (a *Access) addPrincipal(ctx *pulumi.Context, name string, args *Args) error {
	owners, keep := owners(ctx, args.Owners, pulumi.Parent(a))
	application, err := azuread.NewApplication(ctx, name, &azuread.ApplicationArgs{
		DisplayName: pulumi.String(args.DisplayName),
		Owners:      owners,
	}, pulumi.Parent(a), keep)
	if err != nil {
		return fmt.Errorf("application: %w", err)
	}
	principal, err := azuread.NewServicePrincipal(ctx, name, &azuread.ServicePrincipalArgs{
		ClientId: application.ClientId,
		// An application has at most one, and this application is the stack's own: an existing one is left over from an earlier
		// creation whose response was lost.
		UseExisting: pulumi.Bool(true),
		Owners:      owners,
	}, pulumi.Parent(a), keep, pulumi.DeletedWith(application))
	if err != nil {
		return fmt.Errorf("service principal: %w", err)
	}
	password, err := a.addPasswords(ctx, name, application, args.Rotation)
	if err != nil {
		return err
	}
	permission, err := a.assignRole(ctx, name, args, principal.ObjectId)
	if err != nil {
		return err
	}
	a.ClientID = application.ClientId
	// Because the login is known only when the role is assigned, whatever uses it waits for the permission as well.
	login := Login{Username: secretAfter(application.ClientId, permission), Password: secretAfter(password, permission)}
	for service := range args.Services {
		a.addLogin(service, login)
	}
	return nil
}

// owners returns the owners of the stack's objects in Entra: whoever runs the stack, and the listed ones. Without owners, the
// provider takes the caller's ownership away right after the creation, and with it, under Application.ReadWrite.OwnedBy, all
// permissions:
// https://github.com/hashicorp/terraform-provider-azuread/blob/v2.53.1/internal/services/applications/application_resource.go
//
// If the stack file lists no owners, the owners at the creation stay, so that an update by another caller changes nothing.
func owners(ctx *pulumi.Context, listed []string, opts ...pulumi.InvokeOption) (pulumi.StringArrayInput, pulumi.ResourceOption) {
	keep := pulumi.Composite()
	if len(listed) == 0 {
		keep = pulumi.IgnoreChanges([]string{"owners"})
	}
	caller := azuread.GetClientConfigOutput(ctx, opts...).ObjectId()
	return caller.ApplyT(func(caller string) []string {
		all := []string{strings.ToLower(caller)}
		for _, owner := range listed {
			all = append(all, strings.ToLower(owner))
		}
		slices.Sort(all)
		return slices.Compact(all)
	}).(pulumi.StringArrayOutput), keep
}

// addPasswords creates the application's current password and the next one, and returns the current one. The provider creates an
// application's passwords one at a time, in a few seconds each, so the one that the services wait for comes first.
func (a *Access) addPasswords(ctx *pulumi.Context, name string, application *azuread.Application, rotation config.RotationPeriod) (pulumi.StringOutput, error) {
	create := func(password config.Password, opts ...pulumi.ResourceOption) (*azuread.ApplicationPassword, error) {
		created, err := azuread.NewApplicationPassword(ctx, name+"-"+password.Name, &azuread.ApplicationPasswordArgs{
			ApplicationId: application.ID(),
			DisplayName:   pulumi.String("image pull"),
			EndDate:       pulumi.String(password.Expires.Format(time.RFC3339)),
		}, append(opts, pulumi.Parent(a), pulumi.DeletedWith(application))...)
		if err != nil {
			return nil, fmt.Errorf("password %s: %w", password.Name, err)
		}
		return created, nil
	}
	now, later := rotation.Passwords()
	current, err := create(now)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	if _, err := create(later, pulumi.DependsOn([]pulumi.Resource{current})); err != nil {
		return pulumi.StringOutput{}, err
	}
	return current.Value, nil
}

// secretAfter returns the value as a secret that is known only when the resource exists.
func secretAfter(value pulumi.StringOutput, resource pulumi.CustomResource) pulumi.StringOutput {
	return pulumi.ToSecret(azure.After(value, resource)).(pulumi.StringOutput)
}
