package infra

import (
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/registry"
)

// statusNoImage is the release status of a service that has neither tag nor digest.
const statusNoImage = "no release yet: set image.tag or image.digest"

// export exports the stack's outputs.
func (s *stack) export() {
	namespaces, images, releases := pulumi.StringMap{}, pulumi.StringMap{}, pulumi.StringMap{}
	for name, service := range s.services {
		namespaces[name], releases[name] = service.Namespace, pulumi.String(statusNoImage)
		if service.Status != nil {
			images[name], releases[name] = service.Image, service.Status
		}
	}
	s.ctx.Export("namespaces", namespaces)
	s.ctx.Export("images", images)
	s.ctx.Export("releases", releases)
	if s.registry == nil {
		return
	}
	s.ctx.Export("loginServer", s.registry.LoginServer)
	s.ctx.Export("registryName", s.registry.Name)
	s.ctx.Export("registryId", s.registry.ID)
	if s.access.ClientID != nil {
		s.ctx.Export("servicePrincipalClientId", s.access.ClientID)
	}
	if s.cfg.HasPullSecrets() {
		rotation := s.cfg.Rotation.At(s.now)
		s.ctx.Export("pullSecretName", pulumi.String(s.cfg.PullSecretName))
		s.ctx.Export("credentialExpires", pulumi.String(rotation.Expires.Format(time.RFC3339)))
		s.ctx.Export("credentialRotates", pulumi.String(rotation.Next.Format(time.RFC3339)))
	}
	if s.own != nil {
		s.ctx.Export("registryPrice", registry.Price(s.cfg.Registry.SKU, len(s.cfg.Registry.Replicas)))
	}
}
