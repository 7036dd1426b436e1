// Package infra is the program: from a cluster to microservices that run in it from a private Azure Container Registry,
// as one graph.
//
//	resource group ─► registry ──────────────┐
//	application ─► service principal ─► AcrPull on the registry ─► credential (of the current password)
//	for each service: namespace ─► pull secret (of the credential) ─► Helm release
//
// Deploy reads the configuration, which package config describes, wires the components and exports the outputs. Each component
// is in the file that bears its name.
package infra

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/sdk"
)

// Deploy is the Pulumi program. It returns an error, before any resource is registered, that lists all problems of the
// stack's configuration.
func Deploy(ctx *pulumi.Context) error {
	cfg, err := loadConfig(ctx)
	if err != nil {
		return err
	}
	images, err := newImageSource(ctx, cfg)
	if err != nil {
		return err
	}
	cluster, err := newCluster(ctx, "cluster", cfg.Cluster)
	if err != nil {
		return err
	}
	services := serviceOutputs{namespaces: pulumi.StringMap{}, images: pulumi.StringMap{}, releases: pulumi.StringMap{}}
	for _, name := range cfg.ServiceNames() {
		if err := deployService(ctx, cfg, name, images, services, cluster); err != nil {
			return err
		}
	}
	images.export(ctx, cfg)
	services.export(ctx)
	return nil
}

// imageSource is where the services' images come from: the stack's own registry, an existing one, or a foreign one.
type imageSource struct {
	host     pulumi.StringInput    // what stands before a service's repository, as in "example.azurecr.io"
	registry *registryRef          // nil for a foreign registry
	access   *pullAccess           // to registry
	made     map[string]*ImageTask // by the image that it makes, as "repository:tag"
}

// newImageSource creates the registry, unless it exists, what lets the cluster pull from it, and the images that the stack
// itself brings there; for a foreign registry it creates nothing.
func newImageSource(ctx *pulumi.Context, cfg *config.Config) (*imageSource, error) {
	if !cfg.UsesACR() {
		return &imageSource{host: pulumi.String(cfg.Registry.External)}, nil
	}
	azure, err := newClassicAzure(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Registry.Existing != nil {
		registry, err := existingRegistry(ctx, cfg.Registry.Existing)
		if err != nil {
			return nil, err
		}
		access, err := newPullAccess(ctx, cfg, registry, azure)
		return &imageSource{host: registry.LoginServer, registry: registry, access: access}, err
	}
	registry, err := NewRegistry(ctx, registryBase(ctx.Project()), &RegistryArgs{
		Registry:     cfg.Registry,
		Location:     cfg.Location,
		PurgeFilters: cfg.PurgeFilters(),
		Tags:         tags(cfg.Tags),
	})
	if err != nil {
		return nil, err
	}
	access, err := newPullAccess(ctx, cfg, &registry.registryRef, azure)
	if err != nil {
		return nil, err
	}
	made, err := newImageTasks(ctx, cfg, registry, azure)
	if err != nil {
		return nil, err
	}
	source := &imageSource{host: registry.LoginServer, registry: &registry.registryRef, access: access, made: made}
	return source, shareAndLock(ctx, cfg, registry, access, made)
}

// newImageTasks brings the images into the registry of those services that say from where.
func newImageTasks(ctx *pulumi.Context, cfg *config.Config, registry *Registry, azure *sdk.ClassicAzure) (map[string]*ImageTask, error) {
	made := map[string]*ImageTask{}
	for _, name := range cfg.PullingServices() {
		image := cfg.Services[name].Image
		if !image.Made() || made[image.Reference("")] != nil {
			continue
		}
		task, err := NewImageTask(ctx, name, &ImageTaskArgs{
			Registry: &registry.registryRef, Location: registry.location, Image: image,
			Private: cfg.IsSecret("services"), Tags: tags(cfg.Tags),
		}, pulumi.Providers(azure))
		if err != nil {
			return nil, err
		}
		made[image.Reference("")] = task
	}
	return made, nil
}

// shareAndLock lets others push to the registry, and locks it when all that belongs to it is there.
func shareAndLock(ctx *pulumi.Context, cfg *config.Config, registry *Registry, access *pullAccess, made map[string]*ImageTask) error {
	belongings := slices.Concat(access.parts, registry.parts)
	for _, image := range slices.Sorted(maps.Keys(made)) {
		belongings = append(belongings, made[image].parts...)
	}
	if len(cfg.Registry.Push) > 0 {
		push, err := NewPushAccess(ctx, "push", &PushAccessArgs{
			RegistryID: registry.ID, ABAC: cfg.Registry.ABAC, Principals: cfg.Registry.Push,
		})
		if err != nil {
			return err
		}
		belongings = append(belongings, push.grants...)
	}
	if !cfg.Registry.Lock {
		return nil
	}
	_, err := NewLock(ctx, "registry", registry.ID, belongings)
	return err
}

// deployService creates a service's namespace, the pull secret in it if the service pulls with one, and the release once
// there is an image to run.
func deployService(ctx *pulumi.Context, cfg *config.Config, name string, source *imageSource, out serviceOutputs, cluster *cluster) error {
	image := cfg.Services[name].Image
	labels := pulumi.ToStringMap(config.ServiceLabels(name, cfg.Environment, ctx.Project()))
	namespace, err := NewNamespace(ctx, name, &NamespaceArgs{
		Name: cfg.NamespaceName(name), Labels: labels, Namespace: cfg.NamespaceOf(name),
	}, cluster.provider)
	if err != nil {
		return err
	}
	out.namespaces[name] = namespace.Name

	pullSecret, err := source.pullSecret(ctx, name, &PullSecretArgs{
		Name: cfg.PullSecretName, Namespace: namespace.Name, Labels: labels,
	}, cluster.provider)
	if err != nil {
		return err
	}
	if !image.Deployable() {
		out.releases[name] = pulumi.String(statusNoImage)
		return nil
	}
	values, err := cfg.ValuesOf(name)
	if err != nil {
		return fmt.Errorf("service %q: %w", name, err)
	}
	chart, err := cfg.ChartOf(name)
	if err != nil {
		return fmt.Errorf("service %q: %w", name, err)
	}
	service, err := NewMicroservice(ctx, name, &MicroserviceArgs{
		ReleaseName:   name,
		Namespace:     namespace.Name,
		Registry:      source.host,
		Image:         image,
		PullSecret:    pullSecret,
		WaitFor:       source.waitFor(image),
		Chart:         chart,
		Values:        values,
		PrivateValues: cfg.IsSecret("services"),
		Settings:      cfg.ReleaseOf(name),
		Abandoned:     cluster.abandoned,
	}, cluster.provider)
	if err != nil {
		return err
	}
	out.images[name], out.releases[name] = service.Image, service.Status
	return nil
}

// waitFor is what a release waits for besides its pull secret: the nodes' right to pull, and its image, whichever service says
// from what to make that.
func (s *imageSource) waitFor(image config.Image) []pulumi.Resource {
	resources := s.access.waitFor()
	if task := s.made[image.Reference("")]; task != nil {
		resources = append(resources, task.run)
	}
	return resources
}

// pullSecret creates the pull secret of a service if there is a login for it, and returns its name if the service's pods
// are to use it: where the nodes pull by themselves, it is there for the pods of before.
func (s *imageSource) pullSecret(ctx *pulumi.Context, service string, args *PullSecretArgs, cluster pulumi.ResourceOption) (pulumi.StringInput, error) {
	if s.access == nil {
		return nil, nil
	}
	login, ok := s.access.logins[service]
	if !ok {
		return nil, nil
	}
	args.Server, args.Username, args.Password = s.registry.LoginServer, login.username, login.password
	secret, err := NewPullSecret(ctx, service, args, cluster)
	if err != nil || s.access.mode == config.PullByKubeletIdentity {
		return nil, err
	}
	return secret.Name, nil
}

// statusNoImage is the release status of a service that has neither tag nor digest.
const statusNoImage = "no release yet: set image.tag or image.digest"

// serviceOutputs are the stack's outputs by service.
type serviceOutputs struct{ namespaces, images, releases pulumi.StringMap }

func (o serviceOutputs) export(ctx *pulumi.Context) {
	ctx.Export("namespaces", o.namespaces)
	ctx.Export("images", o.images)
	ctx.Export("releases", o.releases)
}

// export gives out where the images come from, who pulls them until when, and what that costs.
func (s *imageSource) export(ctx *pulumi.Context, cfg *config.Config) {
	if s.registry == nil {
		return
	}
	ctx.Export("loginServer", s.registry.LoginServer)
	ctx.Export("registryName", s.registry.Name)
	ctx.Export("registryId", s.registry.ID)
	if s.access.principal != nil {
		ctx.Export("servicePrincipalClientId", s.access.principal.ClientID)
	}
	if len(s.access.logins) > 0 {
		ctx.Export("pullSecretName", pulumi.String(cfg.PullSecretName))
		ctx.Export("credentialExpires", pulumi.String(s.access.rotation.Expires.Format(time.RFC3339)))
		ctx.Export("credentialRotates", pulumi.String(s.access.rotation.Next.Format(time.RFC3339)))
	}
	if cfg.Registry.Existing != nil {
		return
	}
	ctx.Export("registryPrice", pulumi.Map{
		"usdPerMonth": pulumi.Float64(pricePerMonth(cfg.Registry.SKU, len(cfg.Registry.Replicas))),
		"sku":         pulumi.String(cfg.Registry.SKU),
		"replicas":    pulumi.Int(len(cfg.Registry.Replicas)),
		"pricesAsOf":  pulumi.String(pricesAsOf),
	})
}
