package infra

import (
	"fmt"
	"slices"

	authorization "github.com/pulumi/pulumi-azure-native-sdk/authorization/v2/v20220401"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Modes in which a cluster pulls.
const (
	// A service principal of the stack pulls for all services; its password is in each namespace's pull secret.
	pullByServicePrincipal = "servicePrincipal"
	// The cluster's nodes pull as themselves, without any secret.
	pullByKubeletIdentity = "kubeletIdentity"
	// Each service has a token for its own repositories; its password is in the namespace's pull secret.
	pullByToken = "token"
)

var pullModes = []string{pullByServicePrincipal, pullByKubeletIdentity, pullByToken}

// pullAccess is all that lets the cluster pull from the registry.
type pullAccess struct {
	mode      string
	principal *PullIdentity     // in the mode servicePrincipal
	kubelet   *KubeletAccess    // in the mode kubeletIdentity
	logins    map[string]login  // of each service's pull secret
	rotation  rotation          // of the logins
	parts     []pulumi.Resource // what has been made below the registry
}

// login is a credential for the registry, known only once it may pull.
type login struct{ username, password pulumi.StringInput }

// newPullAccess creates what the mode of the stack takes, and what those take that are in force besides. The pull secrets
// hold the credential of the first that has one.
func newPullAccess(ctx *pulumi.Context, cfg *Config, registry *registryRef, azure *classicAzure) (*pullAccess, error) {
	now := cfg.Rotation.now()
	access := &pullAccess{mode: cfg.Registry.Pull.Mode, logins: map[string]login{}, rotation: cfg.Rotation.at(now)}
	for _, mode := range cfg.pullModes() {
		var err error
		switch mode {
		case pullByServicePrincipal:
			err = access.addPrincipal(ctx, cfg, registry)
		case pullByKubeletIdentity:
			err = access.addKubelet(ctx, cfg, registry)
		case pullByToken:
			err = access.addTokens(ctx, cfg, registry, azure)
		}
		if err != nil {
			return nil, err
		}
	}
	if text := access.rotation.warning(now); text != "" && len(access.logins) > 0 {
		if err := ctx.Log.Warn(text, nil); err != nil {
			return nil, fmt.Errorf("warning of the rotation: %w", err)
		}
	}
	return access, nil
}

// pullModes returns the stack's mode and then those in force besides.
func (c *Config) pullModes() []string {
	return append([]string{c.Registry.Pull.Mode}, c.Registry.Pull.Also...)
}

func (a *pullAccess) addPrincipal(ctx *pulumi.Context, cfg *Config, registry *registryRef) (err error) {
	a.principal, err = NewPullIdentity(ctx, "pull", &PullIdentityArgs{
		DisplayName: fmt.Sprintf("%s-%s-pull", ctx.Project(), ctx.Stack()),
		Right:       cfg.pullRight(registry),
		Rotation:    a.rotation,
	})
	if err != nil {
		return err
	}
	a.parts = append(a.parts, a.principal.grant)
	for _, service := range cfg.pullingServices() {
		a.addLogin(service, login{a.principal.Username, a.principal.Password})
	}
	return nil
}

func (a *pullAccess) addKubelet(ctx *pulumi.Context, cfg *Config, registry *registryRef) (err error) {
	principal := cfg.Registry.Pull.KubeletPrincipalID
	if principal == "" {
		if principal, err = cfg.Cluster.AKS.kubeletPrincipal(ctx); err != nil {
			return err
		}
	}
	a.kubelet, err = NewKubeletAccess(ctx, "kubelet", &KubeletAccessArgs{PrincipalID: principal, Right: cfg.pullRight(registry)})
	if err != nil {
		return err
	}
	a.parts = append(a.parts, a.kubelet.grant)
	return nil
}

func (a *pullAccess) addTokens(ctx *pulumi.Context, cfg *Config, registry *registryRef, azure *classicAzure) error {
	for _, service := range cfg.pullingServices() {
		token, err := NewPullToken(ctx, service, &PullTokenArgs{
			Name:         cfg.namespace(service),
			Registry:     registry,
			Repositories: cfg.repositoriesOf(service),
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
	if a == nil || a.mode != pullByKubeletIdentity {
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

// pullRight is the right that the stack's cluster needs.
func (c *Config) pullRight(registry *registryRef) pullRight {
	right := pullRight{registryID: registry.ID}
	if c.Registry.ABAC {
		right.repositories = c.pulledRepositories()
	}
	return right
}

// pulledRepositories are those from which any service pulls, sorted.
func (c *Config) pulledRepositories() []string {
	var repositories []string
	for _, service := range c.pullingServices() {
		repositories = append(repositories, c.repositoriesOf(service)...)
	}
	slices.Sort(repositories)
	return slices.Compact(repositories)
}

// grant gives a principal the right.
func (r pullRight) grant(ctx *pulumi.Context, name string, parent pulumi.Resource, principal pulumi.StringInput) (*authorization.RoleAssignment, error) {
	args := &roleAssignmentArgs{scope: r.registryID, role: acrPullRole, principal: principal, principalType: principalService}
	if len(r.repositories) > 0 {
		args.role, args.condition = repositoryReaderRole, repositoryCondition(r.repositories)
	}
	return newRoleAssignment(ctx, name, parent, args)
}

// pullingServices are those whose image is in the registry.
func (c *Config) pullingServices() []string {
	return slices.DeleteFunc(c.serviceNames(), func(name string) bool { return c.Services[name].Image.foreign() })
}

// repositoriesOf returns the repositories from which a service pulls, sorted.
func (c *Config) repositoriesOf(service string) []string {
	repositories := append([]string{c.Services[service].Image.Repository}, c.Services[service].PullRepositories...)
	slices.Sort(repositories)
	return slices.Compact(repositories)
}
