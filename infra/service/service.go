// Package service deploys one microservice to a cluster: its namespace with the rules in it, its pull secret, and its Helm release.
package service

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

const componentType = "acr-microservices:index:Service"

// Args are the inputs of a Service.
type Args struct {
	// NamespaceName is the namespace's name, an RFC 1123 label.
	NamespaceName string
	// Namespace holds the validated settings of the namespace.
	Namespace config.Namespace
	// Labels of all objects that the component creates.
	Labels pulumi.StringMap
	// Registry is the host in front of the image's repository, such as "example.azurecr.io". It is required. The release of a foreign
	// image, which has its own host, only waits until this one is known.
	Registry pulumi.StringInput
	// PullSecret for Registry; nil for none.
	PullSecret *PullSecret
	// Image to run. Without a tag and a digest the service gets no release yet.
	Image config.Image
	// NewObject runs before a namespace is created or adopted, and before something is created in an adopted one, and can refuse that; nil
	// for none.
	NewObject *pulumi.ResourceHook
	// Release to install; nil for none yet.
	Release *Release
}

// Service is one microservice. Its release is complete when its pods are ready, unless its settings do not wait.
type Service struct {
	pulumi.ResourceState

	// Namespace of the service, known once it exists.
	Namespace pulumi.StringOutput
	// Image that the release runs, such as "example.azurecr.io/customerapi:1.0.0"; nil without a release.
	Image pulumi.StringInput
	// Status of the release, such as "deployed"; nil without a release.
	Status pulumi.StringInput
}

// site is what the functions that create the service's parts share.
type site struct {
	ctx       *pulumi.Context
	name      string
	args      *Args
	parent    pulumi.ResourceOrInvokeOption
	namespace pulumi.StringOutput
	inside    pulumi.ResourceOption // for what the cluster deletes together with the namespace
}

// New creates the namespace, the pull secret and the release, in this order.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Service, error) {
	service := &Service{}
	if err := ctx.RegisterComponentResource(componentType, name, service, opts...); err != nil {
		return nil, fmt.Errorf("service %q: %w", name, err)
	}
	parent := pulumi.Parent(service)
	if err := service.create(&site{ctx: ctx, name: name, args: args.withDefaults(), parent: parent, inside: parent}); err != nil {
		return nil, fmt.Errorf("service %q: %w", name, err)
	}
	return service, ctx.RegisterResourceOutputs(service, pulumi.Map{
		"namespace": service.Namespace, "image": service.Image, "status": service.Status,
	})
}

// withDefaults returns args with the layout of values that charts have by default.
func (a *Args) withDefaults() *Args {
	if a.Release == nil {
		return a
	}
	filled, release := *a, *a.Release
	release.Chart.Keys = release.Chart.Keys.WithDefaults(func(string) bool { return false })
	filled.Release = &release
	return &filled
}

func (s *Service) create(site *site) (err error) {
	if s.Namespace, err = site.createNamespace(); err != nil {
		return err
	}
	site.namespace = s.Namespace
	rules, err := site.rules()
	if err != nil {
		return err
	}
	pullSecret, err := site.pullSecret()
	if err != nil || site.args.Release == nil || !site.args.Image.Deployable() {
		return err
	}
	s.Image, s.Status, err = site.release(pullSecret, rules)
	return err
}
