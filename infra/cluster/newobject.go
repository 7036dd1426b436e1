package cluster

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/kubeapi"
)

// object holds the parts of an existing object that the program reads.
type object struct {
	Metadata struct {
		UID               string            `json:"uid"`
		DeletionTimestamp string            `json:"deletionTimestamp"`
		Labels            map[string]string `json:"labels"`
		Annotations       map[string]string `json:"annotations"`
	} `json:"metadata"`
}

// lookUp returns the object at a path of the API server, or nil if it does not exist.
func lookUp(ctx context.Context, server apiServer, path string) (*object, error) {
	client, err := server()
	if err != nil {
		return nil, err
	}
	found := &object{}
	if err = client.Call(ctx, http.MethodGet, path, nil, found); kubeapi.Answered(err, http.StatusNotFound) {
		return nil, nil //nolint:nilnil // there is none
	}
	return found, err
}

// lookUpNamespace returns the namespace, or nil if it does not exist.
func lookUpNamespace(ctx context.Context, server apiServer, name string) (*object, error) {
	return lookUp(ctx, server, "/api/v1/namespaces/"+name)
}

// newObjectGuard returns the hook that checks a namespace, also in a preview, before the stack creates or adopts it, and what the stack
// creates in an adopted one. The provider's preview does not say that an object exists (Create in its provider.go), its update refuses
// it since 4.29, and a provider before that silently takes it over, and later deletes it, a namespace with everything that others have
// in it.
func newObjectGuard(ctx *pulumi.Context, name string, server apiServer) (*pulumi.ResourceHook, error) {
	return ctx.RegisterResourceHook("newObject-"+name, func(args *pulumi.ResourceHookArgs) error {
		if resources, ok := inNamespace[args.Type]; ok {
			return checkObject(ctx.Context(), server, resources, args.NewInputs)
		}
		warning, err := checkNamespace(ctx.Context(), server, args.Type == adoptedType, args.NewInputs)
		if warning != "" {
			_ = ctx.Log.Warn(warning, nil)
		}
		return err
	}, &pulumi.ResourceHookOptions{OnDryRun: true})
}

// inNamespace holds the types of what the stack creates in a namespace, with their group and name in the API server's paths.
var inNamespace = map[tokens.Type][2]string{
	"kubernetes:core/v1:Secret":                     {"/api/v1", "secrets"},
	"kubernetes:core/v1:ResourceQuota":              {"/api/v1", "resourcequotas"},
	"kubernetes:core/v1:LimitRange":                 {"/api/v1", "limitranges"},
	"kubernetes:networking.k8s.io/v1:NetworkPolicy": {"/apis/networking.k8s.io/v1", "networkpolicies"},
}

// checkObject refuses to create an object in an adopted namespace that has one of that name already, unless it has the stack's own
// labels: in a preview, that can be the one that is replaced.
func checkObject(ctx context.Context, server apiServer, resources [2]string, inputs resource.PropertyMap) error {
	metadata := inputs["metadata"]
	if !metadata.IsObject() || !metadata.ObjectValue()["name"].IsString() || !metadata.ObjectValue()["namespace"].IsString() {
		return nil
	}
	name, namespace := metadata.ObjectValue()["name"].StringValue(), metadata.ObjectValue()["namespace"].StringValue()
	found, err := lookUp(ctx, server, fmt.Sprintf("%s/namespaces/%s/%s/%s", resources[0], namespace, resources[1], name))
	if err != nil || found == nil || isOurs(found, texts(metadata.ObjectValue()["labels"])) {
		return nil //nolint:nilerr // as in checkNamespace
	}
	advice := "delete it"
	if resources[1] == "secrets" {
		advice += ", or set pullSecretName to another name"
	}
	return fmt.Errorf("%s %q already exists in the adopted namespace %q, and is not the stack's: %s", resources[1], name, namespace, advice)
}

const (
	// adoptedType is the type of the resource that adopts a namespace. The provider does not preview it, creates the namespace if there
	// is none, and refuses to change what someone else has set, unless patchForce or the environment says that it may.
	adoptedType = "kubernetes:core/v1:NamespacePatch"
	// patchForce is an annotation:
	// https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/
	patchForce = "pulumi.com/patchForce"
)

// checkNamespace refuses to create an existing namespace, unless it has the stack's own labels, of which it warns, and to adopt one that
// does not exist, or that has other labels and annotations than the stack would set.
func checkNamespace(ctx context.Context, server apiServer, adopt bool, inputs resource.PropertyMap) (warning string, err error) {
	metadata := inputs["metadata"]
	if !metadata.IsObject() || !metadata.ObjectValue()["name"].IsString() {
		return "", nil
	}
	name := metadata.ObjectValue()["name"].StringValue()
	labels, annotations := texts(metadata.ObjectValue()["labels"]), texts(metadata.ObjectValue()["annotations"])
	found, err := lookUpNamespace(ctx, server, name)
	switch {
	case err != nil:
		return "", nil //nolint:nilerr // The provider reports a cluster that cannot be used.
	case found == nil && adopt:
		return "", fmt.Errorf("namespace.adopt: namespace %q does not exist: create it, or remove namespace.adopt", name)
	case found == nil:
		return "", nil
	case found.Metadata.DeletionTimestamp != "":
		return "", fmt.Errorf("namespace %q is being deleted: run again when it is gone", name)
	case adopt && annotations[patchForce] != "true" && !forcedByEnvironment():
		theirs := slices.Concat(differing("label", found.Metadata.Labels, labels), differing("annotation", found.Metadata.Annotations, annotations))
		if len(theirs) > 0 {
			return "", fmt.Errorf("namespace.adopt: namespace %q has other values than the stack file, which someone else has set: %s; "+
				`leave them out of the stack file, or, to overwrite them, set %s in namespace.annotations to "true"`,
				name, strings.Join(theirs, ", "), patchForce)
		}
	case adopt:
	case isOurs(found, labels): // In a preview, it can be the one that is replaced.
		return fmt.Sprintf("namespaces %q already exists with the labels that the stack gives it, and unless this replaces it, "+
			"the Kubernetes provider refuses to create it from 4.29 on: if retainOnDelete kept it, set namespace.adopt of the service to true; if a killed update left it, delete it; "+
			"if another stack has this service in this environment, rename one", name), nil
	default:
		return "", fmt.Errorf("namespaces %q already exists; to use it, set namespace.adopt of the service to true: the stack then never deletes it", name)
	}
	return "", nil
}

// forcedByEnvironment reports whether the generated package makes the provider overwrite what others have set.
func forcedByEnvironment() bool {
	forced, err := strconv.ParseBool(os.Getenv("PULUMI_K8S_ENABLE_PATCH_FORCE"))
	return err == nil && forced
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

// isOurs reports whether an object already has the stack's own labels, with the values that the stack would set.
func isOurs(found *object, labels map[string]string) bool {
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
