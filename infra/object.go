package infra

import (
	"maps"
	"reflect"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// object is an object of Kubernetes. The generated packages for the few that the stack makes hold whole groups of the API:
// core/v1 alone takes half a minute and 3 GB to compile, more than an agent of a pipeline may have.
type object struct {
	pulumi.CustomResourceState

	Metadata pulumi.MapOutput `pulumi:"metadata"`
}

// name is the object's name, known once it exists.
func (o *object) name() pulumi.StringOutput {
	return o.Metadata.ApplyT(func(metadata map[string]any) string {
		name, _ := metadata["name"].(string)
		return name
	}).(pulumi.StringOutput)
}

// objectMeta is the metadata of an object.
type objectMeta struct {
	name                string
	namespace           pulumi.StringInput    // nil for an object outside namespaces
	labels, annotations pulumi.StringMapInput // nil for none
}

// newObject registers an object by its type in the SDK, such as "core/v1:Namespace", with what objects of its kind have
// besides metadata, by the names of Kubernetes' API. A type that ends in Patch changes an object that is there already. The
// SDK's options pin the provider's version, as the generated packages do.
func newObject(ctx *pulumi.Context, kind, name string, meta *objectMeta, fields pulumi.Map, opts ...pulumi.ResourceOption) (*object, error) {
	group, kindName, _ := strings.Cut(strings.TrimSuffix(kind, "Patch"), ":")
	inputs := pulumi.Map{
		"apiVersion": pulumi.String(strings.TrimPrefix(group, "core/")), // Kubernetes has no name for this group
		"kind":       pulumi.String(kindName),
		"metadata": pulumi.Map{
			"name":        pulumi.String(meta.name),
			"namespace":   meta.namespace,
			"labels":      meta.labels,
			"annotations": meta.annotations,
		},
	}
	maps.Copy(inputs, fields)
	created := &object{}
	return created, ctx.RegisterResource("kubernetes:"+kind, name, inputs, created, utilities.PkgResourceDefaultOpts(opts)...)
}

// resourceQuotaSpec limits what all pods of a namespace take together:
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/resource-quota-v1/
type resourceQuotaSpec struct {
	Hard map[string]string `pulumi:"hard"`
}

// ElementType makes it a pulumi.Input.
func (resourceQuotaSpec) ElementType() reflect.Type { return reflect.TypeFor[resourceQuotaSpec]() }

// limitRangeSpec says what containers get that do not say it themselves:
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/limit-range-v1/
type limitRangeSpec struct {
	Limits []limitRangeItem `pulumi:"limits"`
}

// ElementType makes it a pulumi.Input.
func (limitRangeSpec) ElementType() reflect.Type { return reflect.TypeFor[limitRangeSpec]() }

type limitRangeItem struct {
	Type           string            `pulumi:"type"`
	Default        map[string]string `pulumi:"default"`
	DefaultRequest map[string]string `pulumi:"defaultRequest"`
}

// networkPolicySpec says who may reach pods:
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
type networkPolicySpec struct {
	PodSelector labelSelector              `pulumi:"podSelector"`
	PolicyTypes []string                   `pulumi:"policyTypes"`
	Ingress     []networkPolicyIngressRule `pulumi:"ingress"`
}

// ElementType makes it a pulumi.Input.
func (networkPolicySpec) ElementType() reflect.Type { return reflect.TypeFor[networkPolicySpec]() }

type networkPolicyIngressRule struct {
	From []networkPolicyPeer `pulumi:"from"`
}

type networkPolicyPeer struct {
	PodSelector       *labelSelector `pulumi:"podSelector"`
	NamespaceSelector *labelSelector `pulumi:"namespaceSelector"`
}

// labelSelector selects what has all its labels; without any, everything.
type labelSelector struct {
	MatchLabels map[string]string `pulumi:"matchLabels"`
}
