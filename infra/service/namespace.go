package service

import (
	"fmt"
	"maps"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

// createNamespace creates a new namespace, or adopts an existing one. It returns the name, known once the namespace exists.
func (s *site) createNamespace() (pulumi.StringOutput, error) {
	settings, labels := s.args.Namespace, pulumi.StringMap{}
	adopted := config.ValueOr(settings.Adopt, false)
	if !adopted { // Labels of an existing namespace that are not in the stack file belong to its owner.
		maps.Copy(labels, s.args.Labels)
	}
	maps.Copy(labels, pulumi.ToStringMap(settings.Labels))
	if settings.PodSecurity != "" {
		for _, label := range config.PodSecurityLabels {
			labels[label] = pulumi.String(settings.PodSecurity)
		}
	}
	var annotations pulumi.StringMapInput
	if len(settings.Annotations) > 0 {
		annotations = pulumi.ToStringMap(settings.Annotations)
	}
	name := pulumi.String(s.args.NamespaceName)
	check := pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeCreate: []*pulumi.ResourceHook{s.args.NewObject}})
	if adopted {
		// A patch owns only the fields that it sets: its deletion removes them, and the namespace stays.
		patch, err := corev1.NewNamespacePatch(s.ctx, s.name, &corev1.NamespacePatchArgs{
			Metadata: &metav1.ObjectMetaPatchArgs{Name: name, Labels: labels, Annotations: annotations},
		}, s.parent, check)
		if err != nil {
			return pulumi.StringOutput{}, fmt.Errorf("namespace: %w", err)
		}
		s.inside = pulumi.Composite(s.parent, check)
		return patch.Metadata.Name().Elem(), nil
	}
	retained := config.ValueOr(settings.RetainOnDelete, false)
	created, err := corev1.NewNamespace(s.ctx, s.name, &corev1.NamespaceArgs{
		Metadata: &metav1.ObjectMetaArgs{Name: name, Labels: labels, Annotations: annotations},
	}, s.parent, check, pulumi.RetainOnDelete(retained))
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("namespace: %w", err)
	}
	if !retained {
		s.inside = pulumi.Composite(s.parent, pulumi.DeletedWith(created))
	}
	return created.Metadata.Name().Elem(), nil
}
