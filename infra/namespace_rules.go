package infra

import (
	"fmt"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// rulesName is the name of the quota, the limit range and the network policy. It says whose they are, for an adopted
// namespace may have others.
const rulesName = "pulumi"

// namespaceNameLabel is the label that Kubernetes itself gives each namespace.
const namespaceNameLabel = "kubernetes.io/metadata.name"

// rules creates what pods in the namespace are subject to.
func (n *NamespaceArgs) rules(ctx *pulumi.Context, name string, namespace pulumi.StringOutput, parent pulumi.ResourceOption) ([]pulumi.Resource, error) {
	var rules []pulumi.Resource
	metadata := &metav1.ObjectMetaArgs{Name: pulumi.String(rulesName), Namespace: namespace, Labels: n.Labels}
	if len(n.Quota) > 0 {
		quota, err := corev1.NewResourceQuota(ctx, name, &corev1.ResourceQuotaArgs{
			Metadata: metadata,
			Spec:     &corev1.ResourceQuotaSpecArgs{Hard: pulumi.ToStringMap(n.Quota)},
		}, parent)
		if err != nil {
			return nil, fmt.Errorf("resource quota: %w", err)
		}
		rules = append(rules, quota)
	}
	if len(n.Limits.Default)+len(n.Limits.DefaultRequest) > 0 {
		limits, err := corev1.NewLimitRange(ctx, name, &corev1.LimitRangeArgs{
			Metadata: metadata,
			Spec: &corev1.LimitRangeSpecArgs{Limits: corev1.LimitRangeItemArray{&corev1.LimitRangeItemArgs{
				Type:           pulumi.String("Container"),
				Default:        pulumi.ToStringMap(n.Limits.Default),
				DefaultRequest: pulumi.ToStringMap(n.Limits.DefaultRequest),
			}}},
		}, parent)
		if err != nil {
			return nil, fmt.Errorf("limit range: %w", err)
		}
		rules = append(rules, limits)
	}
	if or(n.Isolate, false) {
		policy, err := newNetworkPolicy(ctx, name, namespace, n.Labels, n.AllowFrom, parent)
		if err != nil {
			return nil, fmt.Errorf("network policy: %w", err)
		}
		rules = append(rules, policy)
	}
	return rules, nil
}

// newNetworkPolicy lets only the namespace itself and the given others reach its pods. It is registered by its type token,
// because the generated package, all of networking/v1, adds a quarter of a minute to a cold build.
func newNetworkPolicy(ctx *pulumi.Context, name string, namespace pulumi.StringOutput, labels pulumi.StringMap, allowFrom []string, parent pulumi.ResourceOption) (pulumi.Resource, error) {
	from := pulumi.Array{pulumi.Map{"podSelector": pulumi.Map{}}}
	for _, other := range slices.Sorted(slices.Values(allowFrom)) {
		from = append(from, pulumi.Map{"namespaceSelector": pulumi.Map{
			"matchLabels": pulumi.StringMap{namespaceNameLabel: pulumi.String(other)},
		}})
	}
	policy := &pulumi.CustomResourceState{}
	return policy, ctx.RegisterResource("kubernetes:networking.k8s.io/v1:NetworkPolicy", name, pulumi.Map{
		"apiVersion": pulumi.String("networking.k8s.io/v1"),
		"kind":       pulumi.String("NetworkPolicy"),
		"metadata":   pulumi.Map{"name": pulumi.String(rulesName), "namespace": namespace, "labels": labels},
		"spec": pulumi.Map{
			"podSelector": pulumi.Map{}, // all pods
			"policyTypes": pulumi.ToStringArray([]string{"Ingress"}),
			"ingress":     pulumi.Array{pulumi.Map{"from": from}},
		},
	}, policy, append(utilities.PkgResourceDefaultOpts(nil), parent)...)
}
