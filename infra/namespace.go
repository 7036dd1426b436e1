package infra

import (
	"fmt"
	"maps"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const namespaceType = "acr-microservices:index:Namespace"

// NamespaceArgs are the inputs of a Namespace.
type NamespaceArgs struct {
	// Name of the namespace, an RFC 1123 label.
	Name string
	// Labels of everything that is made here.
	Labels pulumi.StringMap
	// NamespaceConfig, validated.
	NamespaceConfig
}

// Namespace is the Kubernetes namespace of one service in one environment.
type Namespace struct {
	pulumi.ResourceState

	// Name of the namespace, known once it exists with all that pods in it are subject to.
	Name pulumi.StringOutput
}

// NewNamespace creates the namespace, for which one that exists already is an error, or adopts it, for which one that
// does not is.
func NewNamespace(ctx *pulumi.Context, name string, args *NamespaceArgs, opts ...pulumi.ResourceOption) (*Namespace, error) {
	namespace := &Namespace{}
	if err := ctx.RegisterComponentResource(namespaceType, name, namespace, opts...); err != nil {
		return nil, fmt.Errorf("namespace %q: %w", args.Name, err)
	}
	made, err := args.make(ctx, name, pulumi.Parent(namespace))
	if err != nil {
		return nil, fmt.Errorf("namespace %q: %w", args.Name, err)
	}
	rules, err := args.rules(ctx, name, made, pulumi.Parent(namespace))
	if err != nil {
		return nil, fmt.Errorf("namespace %q: %w", args.Name, err)
	}
	namespace.Name = after(made, rules...)
	return namespace, ctx.RegisterResourceOutputs(namespace, pulumi.Map{"name": namespace.Name})
}

// make creates or adopts the namespace itself, and returns its name.
func (n *NamespaceArgs) make(ctx *pulumi.Context, name string, parent pulumi.ResourceOption) (pulumi.StringOutput, error) {
	labels := maps.Clone(n.Labels)
	maps.Copy(labels, pulumi.ToStringMap(n.NamespaceConfig.Labels))
	if n.PodSecurity != "" {
		for _, mode := range []string{"enforce", "warn", "audit"} {
			labels[podSecurityLabel+mode] = pulumi.String(n.PodSecurity)
		}
	}
	var annotations pulumi.StringMapInput
	if len(n.Annotations) > 0 {
		annotations = pulumi.ToStringMap(n.Annotations)
	}
	if or(n.Adopt, false) {
		// A patch owns the fields it sets and nothing else: when it goes, they go, and the namespace stays.
		adopted, err := corev1.NewNamespacePatch(ctx, name, &corev1.NamespacePatchArgs{
			Metadata: &metav1.ObjectMetaPatchArgs{Name: pulumi.String(n.Name), Labels: labels, Annotations: annotations},
		}, parent)
		if err != nil {
			return pulumi.StringOutput{}, err
		}
		return adopted.Metadata.Name().Elem(), nil
	}
	created, err := corev1.NewNamespace(ctx, name, &corev1.NamespaceArgs{
		Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String(n.Name), Labels: labels, Annotations: annotations},
	}, parent, pulumi.RetainOnDelete(or(n.RetainOnDelete, false)))
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return created.Metadata.Name().Elem(), nil
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
