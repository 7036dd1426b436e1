package infra

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/sdk"
)

const pullSecretType = "acr-microservices:index:PullSecret"

// PullSecretArgs are the inputs of a PullSecret.
type PullSecretArgs struct {
	// Name of the secret, an RFC 1123 subdomain.
	Name string
	// Namespace it is made in.
	Namespace pulumi.StringInput
	// Labels of the secret.
	Labels pulumi.StringMapInput
	// Server is the registry's host.
	Server pulumi.StringInput
	// Username and Password for the registry.
	Username, Password pulumi.StringInput
}

// PullSecret is an image pull secret: the registry credential in the form in which kubelet reads it.
type PullSecret struct {
	pulumi.ResourceState

	// Name of the secret, known once it exists, so that what names it waits for it.
	Name pulumi.StringOutput
}

// NewPullSecret creates the secret of type kubernetes.io/dockerconfigjson.
func NewPullSecret(ctx *pulumi.Context, name string, args *PullSecretArgs, opts ...pulumi.ResourceOption) (*PullSecret, error) {
	secret := &PullSecret{}
	if err := ctx.RegisterComponentResource(pullSecretType, name, secret, opts...); err != nil {
		return nil, fmt.Errorf("pull secret %q: %w", name, err)
	}
	content := pulumi.All(args.Server, args.Username, args.Password).ApplyT(func(all []any) (string, error) {
		config, err := dockerConfigJSON(all[0].(string), all[1].(string), all[2].(string))
		return base64.StdEncoding.EncodeToString(config), err
	}).(pulumi.StringOutput)
	created, err := sdk.NewObject(ctx, "core/v1:Secret", name, &sdk.ObjectMeta{Name: args.Name, Namespace: args.Namespace, Labels: args.Labels}, pulumi.Map{
		"type": pulumi.String("kubernetes.io/dockerconfigjson"),
		"data": pulumi.ToSecret(pulumi.StringMap{".dockerconfigjson": content}).(pulumi.StringMapOutput),
	}, pulumi.Parent(secret), pulumi.AdditionalSecretOutputs([]string{"data", "stringData"}))
	if err != nil {
		return nil, fmt.Errorf("pull secret %q: %w", name, err)
	}
	secret.Name = created.Name()
	return secret, ctx.RegisterResourceOutputs(secret, pulumi.Map{"name": secret.Name})
}

// dockerConfigJSON returns the credential as `kubectl create secret docker-registry` writes it:
// https://kubernetes.io/docs/concepts/configuration/secret/#docker-config-secrets
func dockerConfigJSON(server, username, password string) ([]byte, error) {
	type login struct {
		Username string `json:"username"`
		Password string `json:"password"`
		Auth     string `json:"auth"`
	}
	auth := base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
	config, err := json.Marshal(map[string]map[string]login{"auths": {server: {username, password, auth}}}) //nolint:gosec // G117: handing on the password is the point.
	if err != nil {
		return nil, fmt.Errorf("docker config: %w", err)
	}
	return config, nil
}
