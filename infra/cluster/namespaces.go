package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/client-go/rest"

	"example.com/acr-microservices/infra/config"
)

// lookUpTimeout is how long the program waits for the API server's answer.
const lookUpTimeout = 10 * time.Second

// namespace holds the parts of an existing namespace that the program reads.
type namespace struct {
	Metadata struct {
		UID    string            `json:"uid"`
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
}

// lookUpNamespace returns the namespace, or nil if it does not exist. It uses plain HTTP, because the generated client would double
// the program's size.
func lookUpNamespace(ctx context.Context, cluster *rest.Config, name string) (*namespace, error) {
	limited := rest.CopyConfig(cluster)
	limited.Timeout = lookUpTimeout
	client, err := rest.HTTPClientFor(limited)
	if err != nil {
		return nil, err
	}
	server, _, err := rest.DefaultServerUrlFor(limited)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.JoinPath("api/v1/namespaces", name).String(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, nil //nolint:nilnil // there is none
	default:
		return nil, fmt.Errorf("the API server answers %s for the namespace %s", answer.Status, name)
	}
	var found namespace
	if err := json.NewDecoder(answer.Body).Decode(&found); err != nil {
		return nil, fmt.Errorf("namespace %s: %w", name, err)
	}
	return &found, nil
}

// newNamespaceGuard returns the hook that refuses, also in a preview, to create a namespace that exists. A provider before 4.29
// silently takes over such a namespace, and later deletes it with everything that others have in it.
func newNamespaceGuard(ctx *pulumi.Context, settings config.Cluster) (*pulumi.ResourceHook, error) {
	return ctx.RegisterResourceHook("newNamespace", func(args *pulumi.ResourceHookArgs) error {
		found, err := restConfig(settings)
		if err != nil {
			return nil //nolint:nilerr // The provider reports a cluster that cannot be used.
		}
		return checkNew(ctx.Context(), found, args.NewInputs)
	}, &pulumi.ResourceHookOptions{OnDryRun: true})
}

// checkNew refuses an existing namespace, unless a killed update left it behind.
func checkNew(ctx context.Context, cluster *rest.Config, inputs resource.PropertyMap) error {
	metadata := inputs["metadata"]
	if !metadata.IsObject() || !metadata.ObjectValue()["name"].IsString() {
		return nil
	}
	name := metadata.ObjectValue()["name"].StringValue()
	found, err := lookUpNamespace(ctx, cluster, name)
	if err != nil || found == nil || isOurs(found, metadata.ObjectValue()["labels"]) {
		return nil //nolint:nilerr // The provider reports a cluster that does not answer.
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
