package infra

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const namespaceType = "acr-microservices:index:Namespace"

// NamespaceArgs are the inputs of a Namespace.
type NamespaceArgs struct {
	// Name of the namespace, an RFC 1123 label.
	Name string
	// Labels of the namespace.
	Labels pulumi.StringMapInput
}

// Namespace is the Kubernetes namespace of one service in one environment.
type Namespace struct {
	pulumi.ResourceState

	// Name of the namespace, known once it exists.
	Name pulumi.StringOutput
}

// NewNamespace creates the namespace. One that exists already is an error.
func NewNamespace(ctx *pulumi.Context, name string, args *NamespaceArgs, opts ...pulumi.ResourceOption) (*Namespace, error) {
	namespace := &Namespace{}
	if err := ctx.RegisterComponentResource(namespaceType, name, namespace, opts...); err != nil {
		return nil, fmt.Errorf("namespace %q: %w", args.Name, err)
	}
	created, err := corev1.NewNamespace(ctx, name, &corev1.NamespaceArgs{
		Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String(args.Name), Labels: args.Labels},
	}, pulumi.Parent(namespace))
	if err != nil {
		return nil, fmt.Errorf("namespace %q: %w", args.Name, err)
	}
	namespace.Name = created.Metadata.Name().Elem()
	return namespace, ctx.RegisterResourceOutputs(namespace, pulumi.Map{"name": namespace.Name})
}

// serviceLabels are the recommended labels of everything the stack makes for a service.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
func serviceLabels(service, environment, project string) pulumi.StringMap {
	return pulumi.StringMap{
		"app.kubernetes.io/name":       pulumi.String(service),
		"app.kubernetes.io/instance":   pulumi.String(service + "-" + environment),
		"app.kubernetes.io/part-of":    pulumi.String(project),
		"app.kubernetes.io/managed-by": pulumi.String("pulumi"),
	}
}
