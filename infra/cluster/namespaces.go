package cluster

import (
	"context"
	"fmt"
	"net/http"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/kubeapi"
)

// namespace holds the parts of an existing namespace that the program reads.
type namespace struct {
	Metadata struct {
		UID    string            `json:"uid"`
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
}

// lookUpNamespace returns the namespace, or nil if it does not exist.
func lookUpNamespace(ctx context.Context, settings config.Cluster, name string) (*namespace, error) {
	server, err := connect(settings)
	if err != nil {
		return nil, err
	}
	found := &namespace{}
	if err = server.Call(ctx, http.MethodGet, "/api/v1/namespaces/"+name, nil, found); kubeapi.Answered(err, http.StatusNotFound) {
		return nil, nil //nolint:nilnil // there is none
	}
	return found, err
}

// newNamespaceGuard returns the hook that refuses, also in a preview, to create a namespace that exists. A provider before 4.29
// silently takes over such a namespace, and later deletes it with everything that others have in it.
func newNamespaceGuard(ctx *pulumi.Context, name string, settings config.Cluster) (*pulumi.ResourceHook, error) {
	return ctx.RegisterResourceHook("newNamespace-"+name, func(args *pulumi.ResourceHookArgs) error {
		return checkNew(ctx.Context(), settings, args.NewInputs)
	}, &pulumi.ResourceHookOptions{OnDryRun: true})
}

// checkNew refuses an existing namespace, unless a killed update left it behind.
func checkNew(ctx context.Context, settings config.Cluster, inputs resource.PropertyMap) error {
	metadata := inputs["metadata"]
	if !metadata.IsObject() || !metadata.ObjectValue()["name"].IsString() {
		return nil
	}
	name := metadata.ObjectValue()["name"].StringValue()
	found, err := lookUpNamespace(ctx, settings, name)
	if err != nil || found == nil || isOurs(found, metadata.ObjectValue()["labels"]) {
		return nil //nolint:nilerr // The provider reports a cluster that cannot be used.
	}
	return fmt.Errorf("namespaces %q already exists; to use it, set namespace.adopt of the service to true: the stack then never deletes it", name)
}

// isOurs reports whether a namespace already has the stack's own labels, with the values that the stack would set.
func isOurs(found *namespace, labels resource.PropertyValue) bool {
	if !labels.IsObject() {
		return false
	}
	for name := range config.ServiceLabels("", "", "") {
		wanted := labels.ObjectValue()[resource.PropertyKey(name)]
		if !wanted.IsString() || found.Metadata.Labels[name] != wanted.StringValue() {
			return false
		}
	}
	return true
}
