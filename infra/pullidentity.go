package infra

import (
	"fmt"
	"slices"
	"time"

	authorization "github.com/pulumi/pulumi-azure-native-sdk/authorization/v2/v20220401"
	"github.com/pulumi/pulumi-azuread/sdk/v5/go/azuread"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

const pullIdentityType = "acr-microservices:index:PullIdentity"

// acrPullRole is the id of the built-in role AcrPull:
// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/containers#acrpull
const acrPullRole = "7f951dda-4ed3-4680-a7ca-43fe172d538d"

// PullIdentityArgs are the inputs of a PullIdentity.
type PullIdentityArgs struct {
	// DisplayName of the application in Entra.
	DisplayName string
	// Right to pull, and to nothing else.
	Right pullRight
	// Rotation says which passwords there are, and which of them is the credential's.
	Rotation config.RotationPeriod
}

// PullIdentity is a service principal that may pull from one registry.
type PullIdentity struct {
	pulumi.ResourceState

	// ClientID of the service principal, plain: it identifies and does not open anything.
	ClientID pulumi.StringOutput
	// Username for the registry: the client id, secret and known only once the role is assigned.
	Username pulumi.StringOutput
	// Password for the registry, the current one, secret and known only once the role is assigned.
	Password pulumi.StringOutput

	grant pulumi.Resource // the role assignment on the registry
}

// NewPullIdentity creates the application, its service principal and passwords, and gives it the right to pull.
func NewPullIdentity(ctx *pulumi.Context, name string, args *PullIdentityArgs, opts ...pulumi.ResourceOption) (*PullIdentity, error) {
	identity := &PullIdentity{}
	if err := ctx.RegisterComponentResource(pullIdentityType, name, identity, opts...); err != nil {
		return nil, fmt.Errorf("pull identity %q: %w", name, err)
	}
	application, err := azuread.NewApplication(ctx, name, &azuread.ApplicationArgs{
		DisplayName: pulumi.String(args.DisplayName),
	}, pulumi.Parent(identity))
	if err != nil {
		return nil, fmt.Errorf("pull identity %q: application: %w", name, err)
	}
	principal, err := azuread.NewServicePrincipal(ctx, name, &azuread.ServicePrincipalArgs{
		ClientId: application.ClientId,
		// An application has one at most, and this application is the stack's own: where the answer to an earlier creation was
		// lost, it is there already.
		UseExisting: pulumi.Bool(true),
	}, pulumi.Parent(identity))
	if err != nil {
		return nil, fmt.Errorf("pull identity %q: service principal: %w", name, err)
	}
	password, err := newPasswords(ctx, name, application, args.Rotation, identity)
	if err != nil {
		return nil, fmt.Errorf("pull identity %q: %w", name, err)
	}
	grant, err := args.Right.grant(ctx, name, identity, principal.ObjectId)
	if err != nil {
		return nil, fmt.Errorf("pull identity %q: role assignment: %w", name, err)
	}

	identity.grant = grant
	identity.ClientID = application.ClientId
	identity.Username = onceGranted(grant, application.ClientId)
	identity.Password = onceGranted(grant, password)
	return identity, ctx.RegisterResourceOutputs(identity, pulumi.Map{
		"clientId": identity.ClientID,
		"username": identity.Username,
		"password": identity.Password,
	})
}

// newPasswords creates the application's passwords, and returns the current one. A password whose slot is due gets a later end,
// which Entra cannot change: the new one is made first, and the old one deleted when the update is through. The provider makes
// an application's passwords one at a time, some seconds each, so the one that the services wait for comes before the others.
func newPasswords(ctx *pulumi.Context, name string, application *azuread.Application, rotation config.RotationPeriod, parent pulumi.Resource) (pulumi.StringOutput, error) {
	password := func(term config.PasswordTerm, opts ...pulumi.ResourceOption) (*azuread.ApplicationPassword, error) {
		made, err := azuread.NewApplicationPassword(ctx, fmt.Sprintf("%s-%d", name, term.Slot), &azuread.ApplicationPasswordArgs{
			ApplicationId: application.ID(),
			DisplayName:   pulumi.String("image pull"),
			EndDate:       pulumi.String(term.Expires.Format(time.RFC3339)),
		}, append(opts, pulumi.Parent(parent))...)
		if err != nil {
			return nil, fmt.Errorf("password %d: %w", term.Slot, err)
		}
		return made, nil
	}
	terms := rotation.Terms(config.PasswordsAhead)
	current, err := password(terms[config.PasswordsKept])
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	for _, term := range slices.Delete(terms, config.PasswordsKept, config.PasswordsKept+1) {
		if _, err := password(term, pulumi.DependsOn([]pulumi.Resource{current})); err != nil {
			return pulumi.StringOutput{}, err
		}
	}
	return current.Value, nil
}

// onceGranted returns the value as a secret that is known only when the role assignment exists, so that whatever uses
// the credential waits for the permission as well.
func onceGranted(grant *authorization.RoleAssignment, value pulumi.StringOutput) pulumi.StringOutput {
	return pulumi.ToSecret(after(value, grant)).(pulumi.StringOutput)
}
