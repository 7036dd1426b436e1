package infra

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/sdk"
)

// rulesName is the name of the quota, the limit range and the network policy. It says whose they are, for an adopted
// namespace may have others.
const rulesName = "pulumi"

// rules creates what pods in the namespace are subject to.
func (n *NamespaceArgs) rules(ctx *pulumi.Context, name string, namespace pulumi.StringOutput, parent pulumi.ResourceOption) ([]pulumi.Resource, error) {
	var rules []pulumi.Resource
	metadata := &sdk.ObjectMeta{Name: rulesName, Namespace: namespace, Labels: n.Labels}
	if len(n.Quota) > 0 {
		quota, err := sdk.NewObject(ctx, "core/v1:ResourceQuota", name, metadata, pulumi.Map{
			"spec": sdk.ResourceQuotaSpec{Hard: n.Quota},
		}, parent)
		if err != nil {
			return nil, fmt.Errorf("resource quota: %w", err)
		}
		rules = append(rules, quota)
	}
	if len(n.Limits.Default)+len(n.Limits.DefaultRequest) > 0 {
		limits, err := sdk.NewObject(ctx, "core/v1:LimitRange", name, metadata, pulumi.Map{
			"spec": sdk.LimitRangeSpec{Limits: []sdk.LimitRangeItem{{
				Type: "Container", Default: n.Limits.Default, DefaultRequest: n.Limits.DefaultRequest,
			}}},
		}, parent)
		if err != nil {
			return nil, fmt.Errorf("limit range: %w", err)
		}
		rules = append(rules, limits)
	}
	if config.ValueOr(n.Isolate, false) {
		policy, err := sdk.NewObject(ctx, "networking.k8s.io/v1:NetworkPolicy", name, metadata, pulumi.Map{
			"spec": isolation(n.AllowFrom),
		}, parent)
		if err != nil {
			return nil, fmt.Errorf("network policy: %w", err)
		}
		rules = append(rules, policy)
	}
	return rules, nil
}

// isolation lets only the namespace itself and the given others reach its pods.
func isolation(allowFrom []string) sdk.NetworkPolicySpec {
	from := []sdk.NetworkPolicyPeer{{PodSelector: &sdk.LabelSelector{}}}
	for _, other := range slices.Sorted(slices.Values(allowFrom)) {
		from = append(from, sdk.NetworkPolicyPeer{NamespaceSelector: &sdk.LabelSelector{MatchLabels: map[string]string{config.NamespaceNameLabel: other}}})
	}
	return sdk.NetworkPolicySpec{
		PodSelector: sdk.LabelSelector{}, // all pods
		PolicyTypes: []string{"Ingress"},
		Ingress:     []sdk.NetworkPolicyIngressRule{{From: from}},
	}
}
