package infra

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/cluster"
	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/image"
	"example.com/acr-microservices/infra/pull"
	"example.com/acr-microservices/infra/service"
)

func (s *stack) pullArgs() (*pull.Args, error) {
	args := &pull.Args{
		Modes:      s.cfg.PullModes(),
		RegistryID: s.registry.ID, RegistryName: s.registry.Name, ResourceGroup: s.registry.ResourceGroup,
		Services: map[string]pull.Service{}, ABAC: s.cfg.Registry.ABAC,
		DisplayName: fmt.Sprintf("%s-%s-pull", s.ctx.Project(), s.ctx.Stack()), Owners: s.cfg.Registry.Pull.Owners,
		Rotation: s.cfg.Rotation.At(s.now),
	}
	for _, name := range s.cfg.PullingServices() {
		args.Services[name] = pull.Service{TokenName: s.cfg.TokenName(name, s.ctx.Stack()), Repositories: s.cfg.RepositoriesOf(name)}
	}
	if slices.Contains(args.Modes, config.PullByKubeletIdentity) && !s.cfg.Registry.Pull.Assigned {
		principal := s.cfg.Registry.Pull.KubeletPrincipalID
		if principal == "" {
			var err error
			if principal, err = cluster.KubeletPrincipal(s.ctx, s.cfg.Cluster.AKS); err != nil {
				return nil, err
			}
		}
		args.KubeletPrincipalID = pulumi.String(principal)
	}
	return args, nil
}

func (s *stack) imageArgs(name string) *image.Args {
	cloud := ""
	if !s.cfg.Cloud.Public() {
		cloud = s.cfg.Cloud.CLIName
	}
	return &image.Args{
		Cloud:      cloud,
		RegistryID: s.registry.ID, RegistryName: s.registry.Name, ResourceGroup: s.registry.ResourceGroup, Location: s.registry.Location,
		Image: s.cfg.Services[name].Image, Private: s.cfg.IsSecret("services"), Tags: tags(s.cfg.Tags),
	}
}

// belongings returns the resources that the stack creates below the registry.
func (s *stack) belongings() []pulumi.Resource {
	resources := slices.Concat(s.own.Resources(), s.access.Resources())
	for _, name := range slices.Sorted(maps.Keys(s.images)) {
		resources = append(resources, s.images[name].Resources()...)
	}
	return resources
}

func (s *stack) serviceArgs(name string) (*service.Args, error) {
	args := &service.Args{
		NamespaceName: s.cfg.NamespaceName(name), Namespace: s.cfg.NamespaceOf(name),
		Labels:    pulumi.ToStringMap(config.ServiceLabels(name, s.cfg.Environment, s.ctx.Project())),
		NewObject: s.cluster.NewObject,
		Image:     s.cfg.Services[name].Image, Registry: pulumi.String(s.cfg.Registry.External),
	}
	if s.registry != nil {
		args.Registry = s.hostFor(name)
		if login, ok := s.access.Logins[name]; ok {
			args.PullSecret = &service.PullSecret{
				Name: s.cfg.PullSecretName, Username: login.Username, Password: login.Password,
				Unused: s.cfg.Registry.Pull.Mode == config.PullByKubeletIdentity,
			}
		}
	}
	if !args.Image.Deployable() {
		return args, nil
	}
	values, err := s.cfg.ValuesOf(name)
	if err != nil {
		return nil, fmt.Errorf("service %q: %w", name, err)
	}
	chart, err := s.cfg.ChartOf(name)
	if err != nil {
		return nil, fmt.Errorf("service %q: %w", name, err)
	}
	args.Release = &service.Release{
		Name: name, Chart: chart, PlannedRegistry: s.cfg.RenderHost(), Values: values, PrivateValues: s.cfg.IsSecret("services"), Settings: s.cfg.ReleaseOf(name),
		After: s.beforeRelease(name), Recovery: s.cluster.Recovery,
	}
	return args, nil
}

// hostFor returns the registry's host for a service, or an empty string if the image names a host outside Azure. If the image names
// a host in Azure, that must not be the stack's own registry, so both are compared as soon as the registry's host is known.
func (s *stack) hostFor(name string) pulumi.StringInput {
	image := s.cfg.Services[name].Image
	switch {
	case !image.Foreign():
		return s.registry.LoginServer
	case !s.cfg.InAzure(image):
		return pulumi.String("")
	}
	return s.registry.LoginServer.ApplyT(func(host string) (string, error) { return host, s.cfg.CheckHost(name, host) }).(pulumi.StringOutput)
}

// beforeRelease returns what a service's release waits for besides its namespace and its pull secret: the stack's own registry with
// everything in it, the nodes' permission to pull, and the task that makes the image.
func (s *stack) beforeRelease(name string) []pulumi.Resource {
	var resources []pulumi.Resource
	if s.own != nil {
		resources = append(resources, s.own.Resources()...)
	}
	if s.access != nil && s.cfg.Registry.Pull.Mode == config.PullByKubeletIdentity {
		resources = append(resources, s.access.Resources()...) // in other modes, the pull secret waits for them
	}
	if made := s.images[s.cfg.MakerOf(name)]; made != nil {
		resources = append(resources, made.Resources()...)
	}
	return resources
}

// tags returns nil if there are no tags, because an empty object would differ from Azure's answer.
func tags(tags map[string]string) pulumi.StringMapInput {
	if len(tags) == 0 {
		return nil
	}
	return pulumi.ToStringMap(tags)
}
