package config

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestNamespaceOf(t *testing.T) {
	t.Parallel()
	cfg, err := loadConfig(projecttest.ReadStack(t, "../testdata/valid-namespaces.yaml"))
	require.NoError(t, err)
	require.Equal(t, Namespace{
		PodSecurity: "baseline",
		Quota:       map[string]string{"requests.cpu": "4", "limits.memory": "8Gi", "pods": "5", "count/jobs.batch": "5"},
		Limits: Limits{
			Default:        map[string]string{"memory": "256Mi"},
			DefaultRequest: map[string]string{"cpu": "100m", "memory": "128Mi"},
		},
		Isolate:        ptr(false),
		AllowFrom:      []string{"ingress-nginx"},
		Labels:         map[string]string{"team": "legacy", "tier": "back"},
		Annotations:    map[string]string{"example.com/contact": "shop@example.com"},
		Adopt:          ptr(true),
		RetainOnDelete: ptr(true),
	}, cfg.NamespaceOf("legacy"))
	require.Equal(t, []string{"monitoring", "customerapi-dev"}, cfg.NamespaceOf("orderapi").AllowFrom)
	require.Equal(t, map[string]string{"team": "shop"}, cfg.Namespace.Labels, "the stack's settings are not changed")
}

// The stack refuses only the labels that it sets itself.
func TestNamespaceLabels(t *testing.T) {
	t.Parallel()
	const (
		enforce = "pod-security.kubernetes.io/enforce"
		part    = "app.kubernetes.io/part-of"
	)
	for name, test := range map[string]struct{ stack, service, want string }{
		"levels without podSecurity": {`labels: {` + enforce + `: baseline}`, `labels: {pod-security.kubernetes.io/warn: restricted}`, ""},
		"a version":                  {`podSecurity: baseline, labels: {` + enforce + `-version: v1.34}`, "", ""},
		"the service's podSecurity": {
			`labels: {` + enforce + `: baseline}`, `podSecurity: restricted`, `namespace.labels.` + enforce + `: is set by podSecurity; leave it out`,
		},
		"the stack's podSecurity": {
			`podSecurity: restricted`, `labels: {` + enforce + `: baseline}`, `services.api.namespace.labels.` + enforce + `: is set by podSecurity; leave it out`,
		},
		"the stack's own":      {``, `labels: {` + part + `: shop}`, `services.api.namespace.labels.` + part + `: is set by the stack; leave it out`},
		"adopted":              {`labels: {` + part + `: shop}`, `adopt: true`, ""},
		"Kubernetes' own":      {``, `adopt: true, labels: {kubernetes.io/metadata.name: x}`, `services.api.namespace.labels.kubernetes.io/metadata.name: is set by the stack; leave it out`},
		"an annotation's case": {`annotations: {Example.com/Contact: x}`, "", ""},
		"a label's case": {
			`labels: {Example.com/contact: x}`, "", `namespace.labels.Example.com/contact: ` + ruleName,
		},
		"hugepages": {`quota: {requests.hugepages-2Mi: 1Gi}, limits: {default: {hugepages-1Gi: 1Gi, nvidia.com/gpu: 1}}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := loadConfig(projecttest.ParseStack(t, []byte(`
config:
  azure-native:location: westeurope
  acr-microservices:namespace: {`+test.stack+`}
  acr-microservices:services: {api: {namespace: {`+test.service+`}}}
`)))
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, "configuration: "+test.want)
			}
		})
	}
}

// An amount can be a number, as in a manifest of Kubernetes.
func TestAmountsAsNumbers(t *testing.T) {
	t.Parallel()
	for amount, want := range map[string]string{
		"4": "4", "0.5": "0.5", "1.50": "1.5", ".5": "0.5", "1e3": "1000", "1e9": "1000000000", `".5"`: ".5", "1.Gi": "1.Gi", `"+2"`: "+2",
		"-1": "", "true": "", "[1]": "", "2024-05-01": "",
	} {
		cfg, err := loadConfig(projecttest.ParseStack(t, []byte(`
config:
  azure-native:location: westeurope
  acr-microservices:namespace: {quota: {requests.cpu: `+amount+`}}
  acr-microservices:services: {api: {}}
`)))
		if want == "" {
			require.ErrorContains(t, err, "configuration: namespace.quota.requests.cpu: ", amount)
			continue
		}
		require.NoError(t, err, amount)
		require.Equal(t, map[string]string{"requests.cpu": want}, cfg.Namespace.Quota, amount)
	}
}
