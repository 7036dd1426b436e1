//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
)

// hand performs the stack's steps manually, as in the article: portal and az, then kubectl and helm, one after the other. The
// time to think, type and copy a password is not counted.
type hand struct {
	world   *World
	helm    string
	chart   string
	kubectl []string
	undo    []func(context.Context) error
}

// handTools finds the tools: kubectl is the sandbox's, helm is the machine's or, if missing, built from CI's module.
func (w *World) handTools(ctx context.Context, project string) (*hand, error) {
	h := &hand{
		world: w, chart: filepath.Join(project, "infra", "charts", "microservice"),
		kubectl: []string{w.Tools.Kubernetes, "kubectl"},
	}
	var err error
	if h.helm, err = exec.LookPath("helm"); err == nil {
		return h, nil
	}
	w.Console.Status("  building helm")
	h.helm = filepath.Join(w.Dir, "bench", "helm")
	cmd := exec.CommandContext(ctx, "go", "build", "-modfile="+filepath.Join(".ci", "tools", "go.mod"), "-o", h.helm, "helm.sh/helm/v3/cmd/helm")
	cmd.Dir = project
	return h, finish(ctx, cmd, "build helm")
}

// deploy deploys the services into an empty Azure and an empty cluster, returns the duration, and removes them again.
func (h *hand) deploy(ctx context.Context, services int, slow azuredouble.Conditions) (time.Duration, error) {
	if err := h.world.Services.SetConditions(ctx, slow); err != nil {
		return 0, err
	}
	began := time.Now()
	err := h.steps(ctx, services, slow)
	took := time.Since(began)
	err = errors.Join(err, h.world.Services.SetConditions(ctx, azuredouble.Conditions{}))
	for _, undo := range slices.Backward(h.undo) {
		err = errors.Join(err, undo(ctx))
	}
	h.undo = nil
	return took, err
}

func (h *hand) steps(ctx context.Context, services int, slow azuredouble.Conditions) error {
	login, err := h.registry(ctx, slow)
	if err != nil {
		return err
	}
	resources, err := json.Marshal(modest)
	if err != nil {
		return err
	}
	for i := range services {
		release := fmt.Sprintf("service%03d", i)
		namespace := release + "-by-hand"
		if err := h.run(ctx, append(h.kubectl, "create", "namespace", namespace)...); err != nil {
			return err
		}
		h.undo = append(h.undo, func(ctx context.Context) error {
			return h.run(ctx, append(h.kubectl, "delete", "namespace", namespace)...)
		})
		if err := h.run(ctx, append(h.kubectl, "create", "secret", "docker-registry", "acr-secret", "--namespace="+namespace,
			"--docker-server="+login.server, "--docker-username="+login.username, "--docker-password="+login.password)...); err != nil {
			return err
		}
		if err := h.run(ctx, h.helm, "upgrade", release, h.chart, "--install", "--wait", "--namespace="+namespace,
			"--set=image.repository="+login.server+"/customerapi,image.tag=1.0.0,image.pullPolicy=Always,imagePullSecrets[0].name=acr-secret",
			"--set-json=resources="+string(resources)); err != nil {
			return err
		}
	}
	return nil
}

type login struct{ server, username, password string }

// registry creates the registry, and a service principal that can pull.
func (h *hand) registry(ctx context.Context, slow azuredouble.Conditions) (l login, err error) {
	wait := func(name string) {
		if err != nil {
			return
		}
		select {
		case <-time.After(slow.Latency[name]):
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	azure := func(token string, inputs map[string]any) (string, resource.PropertyMap) {
		if err != nil {
			return "", nil
		}
		var id string
		var outputs resource.PropertyMap
		id, outputs, err = h.create(ctx, token, inputs)
		return id, outputs
	}
	text := func(outputs resource.PropertyMap, key resource.PropertyKey) string {
		if value := outputs[key]; value.IsString() {
			return value.StringValue()
		}
		return ""
	}
	wait(azuredouble.CommandLatency) // az group create
	azure("azure-native:resources/v20220901:ResourceGroup", map[string]any{"resourceGroupName": "byhand", "location": "westeurope"})
	wait(azuredouble.CommandLatency) // az acr create
	id, registry := azure("azure-native:containerregistry:Registry", map[string]any{
		"registryName": "byhand0815", "resourceGroupName": "byhand", "location": "westeurope", "sku": map[string]any{"name": "Basic"},
	})
	wait(azuredouble.CommandLatency) // az acr show --query id
	wait(azuredouble.CommandLatency) // az ad sp create-for-rbac --role acrpull: the next four requests
	applicationID, application := azure("azuread:index/application:Application", map[string]any{"displayName": "by hand"})
	_, principal := azure("azuread:index/servicePrincipal:ServicePrincipal", map[string]any{"clientId": text(application, "clientId")})
	_, password := azure("azuread:index/applicationPassword:ApplicationPassword", map[string]any{"applicationId": applicationID})
	wait(azuredouble.RetriesLatency)
	subscription, _, _ := strings.Cut(strings.TrimPrefix(id, "/subscriptions/"), "/")
	azure("azure-native:authorization/v20220401:RoleAssignment", map[string]any{
		"roleAssignmentName": "0f0e0d0c-0b0a-4908-8706-050403020100", "scope": id, "principalId": text(principal, "objectId"),
		"principalType":    "ServicePrincipal",
		"roleDefinitionId": "/subscriptions/" + subscription + "/providers/Microsoft.Authorization/roleDefinitions/" + azuredouble.RoleAcrPull,
	})
	wait(azuredouble.CommandLatency) // az ad sp list --query [].appId, as the password's command does not say it alone
	return login{text(registry, "loginServer"), text(application, "clientId"), text(password, "value")}, err
}

// create creates a resource in the Azure double, in place of the portal or az.
func (h *hand) create(ctx context.Context, token string, inputs map[string]any) (string, resource.PropertyMap, error) {
	address := h.world.Info.AzureNative
	if strings.HasPrefix(token, "azuread:") {
		address = h.world.Info.AzureAD
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", nil, err
	}
	provider := pulumirpc.NewResourceProviderClient(connection)
	properties, err := plugin.MarshalProperties(resource.NewPropertyMapFromMap(inputs), plugin.MarshalOptions{})
	if err != nil {
		return "", nil, err
	}
	urn := "urn:pulumi:bench::bench::" + token + "::by-hand"
	answer, err := provider.Create(ctx, &pulumirpc.CreateRequest{Urn: urn, Properties: properties})
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", token, errors.Join(err, connection.Close()))
	}
	h.undo = append(h.undo, func(ctx context.Context) error {
		_, err := provider.Delete(ctx, &pulumirpc.DeleteRequest{Id: answer.GetId(), Urn: urn, Properties: answer.GetProperties()})
		return errors.Join(err, connection.Close())
	})
	outputs, err := plugin.UnmarshalProperties(answer.GetProperties(), plugin.MarshalOptions{})
	return answer.GetId(), outputs, err
}

// run runs a kubectl or helm command.
func (h *hand) run(ctx context.Context, command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = h.world.env
	return finish(ctx, cmd, filepath.Base(command[0]))
}
