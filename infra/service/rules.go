package service

import (
	"fmt"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

// rulesName is the name of the quota, the limit range and the network policy. It names their owner, because an adopted namespace can
// have others.
const rulesName = "pulumi"

// rules creates the quota, the limit range and the network policy of the namespace.
func (s *site) rules() ([]pulumi.Resource, error) {
	var rules []pulumi.Resource
	settings := s.args.Namespace
	metadata := &metav1.ObjectMetaArgs{Name: pulumi.String(rulesName), Namespace: s.namespace, Labels: s.args.Labels}
	if len(settings.Quota) > 0 {
		quota, err := corev1.NewResourceQuota(s.ctx, s.name, &corev1.ResourceQuotaArgs{
			Metadata: metadata, Spec: &corev1.ResourceQuotaSpecArgs{Hard: pulumi.ToStringMap(settings.Quota)},
		}, s.inside)
		if err != nil {
			return nil, fmt.Errorf("resource quota: %w", err)
		}
		rules = append(rules, quota)
	}
	if limits := settings.Limits; len(limits.Default)+len(limits.DefaultRequest) > 0 {
		limitRange, err := corev1.NewLimitRange(s.ctx, s.name, &corev1.LimitRangeArgs{
			Metadata: metadata, Spec: &corev1.LimitRangeSpecArgs{Limits: corev1.LimitRangeItemArray{&corev1.LimitRangeItemArgs{
				Type:           pulumi.String("Container"),
				Default:        pulumi.ToStringMap(limits.Default),
				DefaultRequest: pulumi.ToStringMap(limits.DefaultRequest),
			}}},
		}, s.inside)
		if err != nil {
			return nil, fmt.Errorf("limit range: %w", err)
		}
		rules = append(rules, limitRange)
	}
	if config.ValueOr(settings.Isolate, false) {
		policy, err := networkingv1.NewNetworkPolicy(s.ctx, s.name, &networkingv1.NetworkPolicyArgs{
			Metadata: metadata, Spec: isolation(settings.AllowFrom),
		}, s.inside)
		if err != nil {
			return nil, fmt.Errorf("network policy: %w", err)
		}
		rules = append(rules, policy)
	}
	return rules, nil
}

// isolation allows only pods of the namespace itself and of the given others to connect to its pods.
func isolation(allowFrom []string) *networkingv1.NetworkPolicySpecArgs {
	from := networkingv1.NetworkPolicyPeerArray{&networkingv1.NetworkPolicyPeerArgs{PodSelector: &metav1.LabelSelectorArgs{}}}
	for _, other := range slices.Sorted(slices.Values(allowFrom)) {
		from = append(from, &networkingv1.NetworkPolicyPeerArgs{NamespaceSelector: &metav1.LabelSelectorArgs{
			MatchLabels: pulumi.StringMap{config.NamespaceNameLabel: pulumi.String(other)},
		}})
	}
	return &networkingv1.NetworkPolicySpecArgs{
		PodSelector: &metav1.LabelSelectorArgs{}, // all pods
		PolicyTypes: pulumi.ToStringArray([]string{"Ingress"}),
		Ingress:     networkingv1.NetworkPolicyIngressRuleArray{&networkingv1.NetworkPolicyIngressRuleArgs{From: from}},
	}
}
