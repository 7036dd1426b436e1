package infra

import (
	"fmt"
	"maps"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/sdk"
)

const namespaceType = "acr-microservices:index:Namespace"

// NamespaceArgs are the inputs of a Namespace.
type NamespaceArgs struct {
	// Name of the namespace, an RFC 1123 label.
	Name string
	// Labels of everything that is made here.
	Labels pulumi.StringMap
	// config.Namespace, validated, is what the stack file says.
	config.Namespace
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
	maps.Copy(labels, pulumi.ToStringMap(n.Namespace.Labels))
	if n.PodSecurity != "" {
		for _, mode := range []string{"enforce", "warn", "audit"} {
			labels[config.PodSecurityLabelPrefix+mode] = pulumi.String(n.PodSecurity)
		}
	}
	metadata := &sdk.ObjectMeta{Name: n.Name, Labels: labels}
	if len(n.Annotations) > 0 {
		metadata.Annotations = pulumi.ToStringMap(n.Annotations)
	}
	// A patch owns the fields it sets and nothing else: when it goes, they go, and the namespace stays.
	kind, retain := "core/v1:NamespacePatch", false
	if !config.ValueOr(n.Adopt, false) {
		kind, retain = "core/v1:Namespace", config.ValueOr(n.RetainOnDelete, false)
	}
	made, err := sdk.NewObject(ctx, kind, name, metadata, nil, parent, pulumi.RetainOnDelete(retain))
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return made.Name(), nil
}
