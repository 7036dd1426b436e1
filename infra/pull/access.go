// Package pull gives a cluster the permission to pull from a registry: as a service principal, as the identity of its nodes, or
// with tokens of the registry.
package pull

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/azure"
	"example.com/acr-microservices/infra/internal/component"
)

const componentType = "acr-microservices:index:PullAccess"

// Args are the inputs of an Access.
type Args struct {
	// Modes in which the cluster pulls, of config.AllPullModes. The logins are those of the first mode that has logins.
	Modes []string
	// RegistryID is the registry's ARM resource id. RegistryName and ResourceGroup are needed for tokens only.
	RegistryID, RegistryName, ResourceGroup pulumi.StringInput
	// Services that pull, by name.
	Services map[string]Service
	// ABAC limits the permission to the services' repositories, at least one, in a registry in the mode "RBAC Registry + ABAC
	// Repository Permissions".
	ABAC bool
	// DisplayName of the application in Entra.
	DisplayName string
	// Owners of the application and the service principal in Entra, object ids, besides whoever runs the program.
	Owners []string
	// KubeletPrincipalID is the object id in Entra of the identity with which the cluster's nodes pull; nil if it already has the
	// permission.
	KubeletPrincipalID pulumi.StringInput
	// Rotation says which passwords exist, and which of them is the current one. It comes from config.Rotation.At; the zero value is not
	// valid.
	Rotation config.RotationPeriod
}

// Service is one service that pulls.
type Service struct {
	// TokenName is unique in the registry, such as the names of the service and the stack.
	TokenName string
	// Repositories from which the service pulls.
	Repositories []string
}

// Access is the permission of a cluster to pull from one registry.
type Access struct {
	pulumi.ResourceState
	component.Children

	// ClientID of the service principal. It is not secret, because it only identifies the principal. Nil in other modes.
	ClientID pulumi.StringInput
	// Logins by service, for their pull secrets. Without an entry, a service needs none.
	Logins map[string]Login
}

// Login is a credential for the registry: secret, and known only once it has the permission to pull.
type Login struct{ Username, Password pulumi.StringOutput }

// New creates what each mode needs.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Access, error) {
	access := &Access{Logins: map[string]Login{}}
	if err := access.create(ctx, name, args, opts); err != nil {
		return nil, fmt.Errorf("pull access %q: %w", name, err)
	}
	return access, ctx.RegisterResourceOutputs(access, pulumi.Map{})
}

func (a *Access) create(ctx *pulumi.Context, name string, args *Args, opts []pulumi.ResourceOption) error {
	for _, mode := range args.Modes {
		if !slices.Contains(config.AllPullModes, mode) {
			return fmt.Errorf("args.Modes: %q is not one of %s", mode, strings.Join(config.AllPullModes, ", "))
		}
	}
	if args.ABAC && len(args.repositories()) == 0 {
		return errors.New("args.ABAC: needs a service with repositories, to which it limits the permission")
	}
	if err := component.Register(ctx, componentType, name, a, &a.Children, opts); err != nil {
		return err
	}
	for _, mode := range args.Modes {
		var err error
		switch mode {
		case config.PullByServicePrincipal:
			err = a.addPrincipal(ctx, name, args)
		case config.PullByKubeletIdentity:
			if args.KubeletPrincipalID != nil {
				_, err = a.assignRole(ctx, name+"-kubelet", args, args.KubeletPrincipalID)
			}
		case config.PullByToken:
			err = a.addTokens(ctx, name, args)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addLogin keeps the login of the first mode that has one.
func (a *Access) addLogin(service string, login Login) {
	if _, taken := a.Logins[service]; !taken {
		a.Logins[service] = login
	}
}

// assignRole gives a principal the permission to pull.
func (a *Access) assignRole(ctx *pulumi.Context, name string, args *Args, principal pulumi.StringInput) (pulumi.CustomResource, error) {
	assignment := &azure.RoleAssignmentArgs{
		Scope: args.RegistryID, Role: azure.RoleAcrPull, Principal: principal, PrincipalType: config.ServicePrincipal,
	}
	if args.ABAC {
		assignment.Role, assignment.Condition = azure.RoleRepositoryReader, config.RepositoryCondition(args.repositories())
	}
	// Not DeletedWith the registry: assumed is that Azure keeps the assignments of a deleted registry for a while, and then refuses a new
	// one for the same principal on a registry of the same name.
	created, err := azure.NewRoleAssignment(ctx, name, assignment, a)
	if err != nil {
		return nil, fmt.Errorf("role assignment: %w", err)
	}
	return created, nil
}

// repositories returns the repositories from which any service pulls, some of them perhaps twice.
func (a *Args) repositories() []string {
	var repositories []string
	for _, service := range a.Services {
		repositories = append(repositories, service.Repositories...)
	}
	return repositories
}
