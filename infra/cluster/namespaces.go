package cluster

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/kubeapi"
)

// namespace holds the parts of an existing namespace that the program reads.
type namespace struct {
	Metadata struct {
		UID               string            `json:"uid"`
		DeletionTimestamp string            `json:"deletionTimestamp"`
		Labels            map[string]string `json:"labels"`
		Annotations       map[string]string `json:"annotations"`
	} `json:"metadata"`
}

// lookUpNamespace returns the namespace, or nil if it does not exist.
func lookUpNamespace(ctx context.Context, server apiServer, name string) (*namespace, error) {
	client, err := server()
	if err != nil {
		return nil, err
	}
	found := &namespace{}
	if err = client.Call(ctx, http.MethodGet, "/api/v1/namespaces/"+name, nil, found); kubeapi.Answered(err, http.StatusNotFound) {
		return nil, nil //nolint:nilnil // there is none
	}
	return found, err
}

// newNamespaceGuard returns the hook that checks a namespace, also in a preview, before the stack creates or adopts it. A provider
// before 4.29 silently takes over an existing namespace, and later deletes it with everything that others have in it.
func newNamespaceGuard(ctx *pulumi.Context, name string, server apiServer) (*pulumi.ResourceHook, error) {
	return ctx.RegisterResourceHook("newNamespace-"+name, func(args *pulumi.ResourceHookArgs) error {
		return checkNamespace(ctx.Context(), server, args.Type == adoptedType, args.NewInputs)
	}, &pulumi.ResourceHookOptions{OnDryRun: true})
}

const (
	// adoptedType is the type of the resource that adopts a namespace. The provider does not preview it, creates the namespace if there
	// is none, and refuses to change what someone else has set, unless patchForce or the environment says that it may.
	adoptedType = "kubernetes:core/v1:NamespacePatch"
	// patchForce is an annotation:
	// https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/
	patchForce = "pulumi.com/patchForce"
)

// checkNamespace refuses to create an existing namespace, unless a killed update left it behind, and to adopt one that does not exist,
// or that has other labels and annotations than the stack would set.
func checkNamespace(ctx context.Context, server apiServer, adopt bool, inputs resource.PropertyMap) error {
	metadata := inputs["metadata"]
	if !metadata.IsObject() || !metadata.ObjectValue()["name"].IsString() {
		return nil
	}
	name := metadata.ObjectValue()["name"].StringValue()
	labels, annotations := texts(metadata.ObjectValue()["labels"]), texts(metadata.ObjectValue()["annotations"])
	found, err := lookUpNamespace(ctx, server, name)
	switch {
	case err != nil:
		return nil //nolint:nilerr // The provider reports a cluster that cannot be used.
	case found == nil && adopt:
		return fmt.Errorf("namespace.adopt: namespace %q does not exist: create it, or remove namespace.adopt", name)
	case found == nil:
		return nil
	case found.Metadata.DeletionTimestamp != "":
		return fmt.Errorf("namespace %q is being deleted: run again when it is gone", name)
	case adopt && annotations[patchForce] != "true" && os.Getenv("PULUMI_K8S_ENABLE_PATCH_FORCE") == "":
		theirs := slices.Concat(differing("label", found.Metadata.Labels, labels), differing("annotation", found.Metadata.Annotations, annotations))
		if len(theirs) > 0 {
			return fmt.Errorf("namespace.adopt: namespace %q has other values than the stack file, which someone else has set: %s; "+
				`leave them out of the stack file, or, to overwrite them, set %s in namespace.annotations to "true"`,
				name, strings.Join(theirs, ", "), patchForce)
		}
	case !adopt && !isOurs(found, labels):
		return fmt.Errorf("namespaces %q already exists; to use it, set namespace.adopt of the service to true: the stack then never deletes it", name)
	}
	return nil
}

// differing lists what the namespace has with another value than the stack would set.
func differing(kind string, found, wanted map[string]string) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if value, ok := found[name]; ok && value != wanted[name] {
			list = append(list, fmt.Sprintf("%s %s %q", kind, name, value))
		}
	}
	return list
}

// isOurs reports whether a namespace already has the stack's own labels, with the values that the stack would set.
func isOurs(found *namespace, labels map[string]string) bool {
	for name := range config.ServiceLabels("", "", "") {
		if wanted, ok := labels[name]; !ok || found.Metadata.Labels[name] != wanted {
			return false
		}
	}
	return true
}

// texts returns the known texts in an object.
func texts(object resource.PropertyValue) map[string]string {
	found := map[string]string{}
	if object.IsObject() {
		for name, value := range object.ObjectValue() {
			if value.IsString() {
				found[string(name)] = value.StringValue()
			}
		}
	}
	return found
}
