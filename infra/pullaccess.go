package infra

import (
	"fmt"

	authorization "github.com/pulumi/pulumi-azure-native-sdk/authorization/v2/v20220401"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/sdk"
)

// pullAccess is all that lets the cluster pull from the registry.
type pullAccess struct {
	mode      string
	principal *PullIdentity         // in the mode servicePrincipal
	kubelet   *KubeletAccess        // in the mode kubeletIdentity
	logins    map[string]login      // of each service's pull secret
	rotation  config.RotationPeriod // of the logins
	parts     []pulumi.Resource     // what has been made below the registry
}

// login is a credential for the registry, known only once it may pull.
type login struct{ username, password pulumi.StringInput }

// newPullAccess creates what the mode of the stack takes, and what those take that are in force besides. The pull secrets
// hold the credential of the first that has one.
func newPullAccess(ctx *pulumi.Context, cfg *config.Config, registry *registryRef, azure *sdk.ClassicAzure) (*pullAccess, error) {
	now := cfg.Rotation.Now()
	access := &pullAccess{mode: cfg.Registry.Pull.Mode, logins: map[string]login{}, rotation: cfg.Rotation.At(now)}
	for _, mode := range cfg.PullModes() {
		var err error
		switch mode {
		case config.PullByServicePrincipal:
			err = access.addPrincipal(ctx, cfg, registry)
		case config.PullByKubeletIdentity:
			err = access.addKubelet(ctx, cfg, registry)
		case config.PullByToken:
			err = access.addTokens(ctx, cfg, registry, azure)
		}
		if err != nil {
			return nil, err
		}
	}
	if text := access.rotation.Warning(now); text != "" && len(access.logins) > 0 {
		if err := ctx.Log.Warn(text, nil); err != nil {
			return nil, fmt.Errorf("warning of the rotation: %w", err)
		}
	}
	return access, nil
}

func (a *pullAccess) addPrincipal(ctx *pulumi.Context, cfg *config.Config, registry *registryRef) (err error) {
	a.principal, err = NewPullIdentity(ctx, "pull", &PullIdentityArgs{
		DisplayName: fmt.Sprintf("%s-%s-pull", ctx.Project(), ctx.Stack()),
		Right:       newPullRight(cfg, registry),
		Rotation:    a.rotation,
	})
	if err != nil {
		return err
	}
	a.parts = append(a.parts, a.principal.grant)
	for _, service := range cfg.PullingServices() {
		a.addLogin(service, login{a.principal.Username, a.principal.Password})
	}
	return nil
}

func (a *pullAccess) addKubelet(ctx *pulumi.Context, cfg *config.Config, registry *registryRef) (err error) {
	principal := cfg.Registry.Pull.KubeletPrincipalID
	if principal == "" {
		if principal, err = aksKubeletPrincipal(ctx, cfg.Cluster.AKS); err != nil {
			return err
		}
	}
	a.kubelet, err = NewKubeletAccess(ctx, "kubelet", &KubeletAccessArgs{PrincipalID: principal, Right: newPullRight(cfg, registry)})
	if err != nil {
		return err
	}
	a.parts = append(a.parts, a.kubelet.grant)
	return nil
}

func (a *pullAccess) addTokens(ctx *pulumi.Context, cfg *config.Config, registry *registryRef, azure *sdk.ClassicAzure) error {
	for _, service := range cfg.PullingServices() {
		token, err := NewPullToken(ctx, service, &PullTokenArgs{
			Name:         cfg.NamespaceName(service),
			Registry:     registry,
			Repositories: cfg.RepositoriesOf(service),
			Rotation:     a.rotation,
		}, pulumi.Providers(azure))
		if err != nil {
			return err
		}
		a.parts = append(a.parts, token.parts...)
		a.addLogin(service, login{token.Username, token.Password})
	}
	return nil
}

func (a *pullAccess) addLogin(service string, credential login) {
	if _, taken := a.logins[service]; !taken {
		a.logins[service] = credential
	}
}

// waitFor is what a release waits for besides its pull secret.
func (a *pullAccess) waitFor() []pulumi.Resource {
	if a == nil || a.mode != config.PullByKubeletIdentity {
		return nil
	}
	return []pulumi.Resource{a.kubelet.grant}
}

// pullRight is the right to pull from a registry.
type pullRight struct {
	// registryID is the registry's ARM resource id.
	registryID pulumi.StringInput
	// repositories to which the right is limited, in a registry that knows such limits. None: no limit.
	repositories []string
}

// newPullRight returns the right that the stack's cluster needs.
func newPullRight(cfg *config.Config, registry *registryRef) pullRight {
	right := pullRight{registryID: registry.ID}
	if cfg.Registry.ABAC {
		right.repositories = cfg.PulledRepositories()
	}
	return right
}

// grant gives a principal the right.
func (r pullRight) grant(ctx *pulumi.Context, name string, parent pulumi.Resource, principal pulumi.StringInput) (*authorization.RoleAssignment, error) {
	args := &roleAssignmentArgs{scope: r.registryID, role: acrPullRole, principal: principal, principalType: config.ServicePrincipal}
	if len(r.repositories) > 0 {
		args.role, args.condition = repositoryReaderRole, config.RepositoryCondition(r.repositories)
	}
	return newRoleAssignment(ctx, name, parent, args)
}
