package sdk

import (
	"maps"
	"reflect"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Object is an object of Kubernetes. The generated packages for the few that the stack makes hold whole groups of the API:
// core/v1 alone takes half a minute and 3 GB to compile, more than an agent of a pipeline may have.
type Object struct {
	pulumi.CustomResourceState

	// Metadata as the cluster has it.
	Metadata pulumi.MapOutput `pulumi:"metadata"`
}

// Name is the object's name, known once it exists.
func (o *Object) Name() pulumi.StringOutput {
	return o.Metadata.ApplyT(func(metadata map[string]any) string {
		name, _ := metadata["name"].(string)
		return name
	}).(pulumi.StringOutput)
}

// ObjectMeta is the metadata of an object.
type ObjectMeta struct {
	Name                string
	Namespace           pulumi.StringInput    // nil for an object outside namespaces
	Labels, Annotations pulumi.StringMapInput // nil for none
}

// NewObject registers an object by its type in the SDK, such as "core/v1:Namespace", with what objects of its kind have
// besides metadata, by the names of Kubernetes' API. A type that ends in Patch changes an object that is there already. The
// SDK's options pin the provider's version, as the generated packages do.
func NewObject(ctx *pulumi.Context, kind, name string, meta *ObjectMeta, fields pulumi.Map, opts ...pulumi.ResourceOption) (*Object, error) {
	group, kindName, _ := strings.Cut(strings.TrimSuffix(kind, "Patch"), ":")
	inputs := pulumi.Map{
		"apiVersion": pulumi.String(strings.TrimPrefix(group, "core/")), // Kubernetes has no name for this group
		"kind":       pulumi.String(kindName),
		"metadata": pulumi.Map{
			"name":        pulumi.String(meta.Name),
			"namespace":   meta.Namespace,
			"labels":      meta.Labels,
			"annotations": meta.Annotations,
		},
	}
	maps.Copy(inputs, fields)
	created := &Object{}
	return created, ctx.RegisterResource("kubernetes:"+kind, name, inputs, created, utilities.PkgResourceDefaultOpts(opts)...)
}

// ResourceQuotaSpec limits what all pods of a namespace take together:
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/resource-quota-v1/
type ResourceQuotaSpec struct {
	// Hard are the limits, quantities by the name of the resource.
	Hard map[string]string `pulumi:"hard"`
}

// ElementType makes it a pulumi.Input.
func (ResourceQuotaSpec) ElementType() reflect.Type { return reflect.TypeFor[ResourceQuotaSpec]() }

// LimitRangeSpec says what containers get that do not say it themselves:
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/limit-range-v1/
type LimitRangeSpec struct {
	Limits []LimitRangeItem `pulumi:"limits"`
}

// ElementType makes it a pulumi.Input.
func (LimitRangeSpec) ElementType() reflect.Type { return reflect.TypeFor[LimitRangeSpec]() }

// LimitRangeItem is what objects of one type get.
type LimitRangeItem struct {
	// Type is "Container" or "Pod".
	Type string `pulumi:"type"`
	// Default are the limits, and DefaultRequest the requests, quantities by the name of the resource.
	Default        map[string]string `pulumi:"default"`
	DefaultRequest map[string]string `pulumi:"defaultRequest"`
}

// NetworkPolicySpec says who may reach pods:
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
type NetworkPolicySpec struct {
	// PodSelector selects the pods.
	PodSelector LabelSelector `pulumi:"podSelector"`
	// PolicyTypes are "Ingress", "Egress" or both.
	PolicyTypes []string `pulumi:"policyTypes"`
	// Ingress are the rules, of which one has to let a connection in.
	Ingress []NetworkPolicyIngressRule `pulumi:"ingress"`
}

// ElementType makes it a pulumi.Input.
func (NetworkPolicySpec) ElementType() reflect.Type { return reflect.TypeFor[NetworkPolicySpec]() }

// NetworkPolicyIngressRule lets connections in.
type NetworkPolicyIngressRule struct {
	// From are the peers; with none, everybody.
	From []NetworkPolicyPeer `pulumi:"from"`
}

// NetworkPolicyPeer is pods, of the policy's own namespace unless NamespaceSelector selects others.
type NetworkPolicyPeer struct {
	PodSelector       *LabelSelector `pulumi:"podSelector"`
	NamespaceSelector *LabelSelector `pulumi:"namespaceSelector"`
}

// LabelSelector selects what has all its labels; without any, everything.
type LabelSelector struct {
	MatchLabels map[string]string `pulumi:"matchLabels"`
}
