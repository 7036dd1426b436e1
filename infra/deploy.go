// Package infra is the Pulumi program: it deploys microservices from a private Azure Container Registry to an existing cluster, as
// one resource graph.
//
//	resource group ─► registry ──────────────┐
//	application ─► service principal ─► AcrPull on the registry ─► login
//	for each image that the stack imports or builds: a task of the registry
//	for each service: namespace ─► pull secret (of the login) ─► Helm release
//
// Deploy reads the configuration, which package config describes, creates one component for each concern, each in a package of its
// own, and exports the outputs. registry.go and args.go turn the configuration into the arguments of the components.
package infra

import (
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/cluster"
	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/image"
	"example.com/acr-microservices/infra/pull"
	"example.com/acr-microservices/infra/registry"
	"example.com/acr-microservices/infra/service"
)

// Deploy is the Pulumi program. If the stack's configuration has problems, it returns an error that lists all of them, before it
// registers any resource.
func Deploy(ctx *pulumi.Context) error {
	cfg, err := loadConfig(ctx)
	if err != nil {
		return err
	}
	s := &stack{ctx: ctx, cfg: cfg, now: cfg.Rotation.Now(), images: map[string]*image.Task{}, services: map[string]*service.Service{}}
	if s.cluster, err = cluster.New(ctx, "cluster", &cluster.Args{Cluster: cfg.Cluster}); err != nil {
		return err
	}
	if cfg.UsesACR() {
		if err := s.deployRegistry(); err != nil {
			return err
		}
	}
	for _, name := range cfg.ServiceNames() {
		args, err := s.serviceArgs(name)
		if err != nil {
			return err
		}
		if s.services[name], err = service.New(ctx, name, args, pulumi.Providers(s.cluster.Provider)); err != nil {
			return err
		}
	}
	s.export()
	return nil
}

// deployRegistry creates the registry, or finds an existing one, and creates the cluster's permission to pull and the images that
// the stack imports or builds.
func (s *stack) deployRegistry() error {
	if err := s.openRegistry(); err != nil {
		return err
	}
	args, err := s.pullArgs()
	if err != nil {
		return err
	}
	providers := pulumi.Providers(s.providers...)
	if s.access, err = pull.New(s.ctx, "pull", args, providers); err != nil {
		return err
	}
	for _, name := range s.cfg.Makers() {
		if s.images[name], err = image.New(s.ctx, name, s.imageArgs(name), providers); err != nil {
			return err
		}
	}
	if s.own != nil && s.cfg.Registry.Lock {
		_, err = registry.NewLock(s.ctx, "registry", &registry.LockArgs{Scope: s.registry.ID, Belongings: s.belongings()})
	}
	return err
}

// stack holds the configuration and the components that are created from it.
type stack struct {
	ctx       *pulumi.Context
	cfg       *config.Config
	now       time.Time // read once, so that every part of a run sees the same period of the rotation
	cluster   *cluster.Cluster
	own       *registry.Registry        // nil for an existing registry, and for one outside Azure
	registry  *registry.Ref             // own or existing; nil for a registry outside Azure
	providers []pulumi.ProviderResource // the explicit ones of what belongs to registry
	access    *pull.Access              // to registry
	images    map[string]*image.Task    // by the name of the service that declares how the image is made
	services  map[string]*service.Service
}
