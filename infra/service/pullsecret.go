package service

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// PullSecret is an image pull secret: the registry's credential in the form in which kubelet reads it.
type PullSecret struct {
	// Name of the secret, an RFC 1123 subdomain.
	Name string
	// Username and Password for the registry.
	Username, Password pulumi.StringInput
	// Unused creates the secret for pods of earlier releases, and leaves it out of the chart's values.
	Unused bool
}

// pullSecret creates the secret, of type kubernetes.io/dockerconfigjson, and returns its name, known once it exists.
func (s *site) pullSecret() (pulumi.StringInput, error) {
	wanted := s.args.PullSecret
	if wanted == nil {
		return pulumi.String(""), nil
	}
	content := pulumi.All(s.args.Registry, wanted.Username, wanted.Password).ApplyT(func(all []any) (string, error) {
		config, err := dockerConfigJSON(all[0].(string), all[1].(string), all[2].(string))
		return base64.StdEncoding.EncodeToString(config), err
	}).(pulumi.StringOutput)
	created, err := corev1.NewSecret(s.ctx, s.name, &corev1.SecretArgs{
		Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String(wanted.Name), Namespace: s.namespace, Labels: s.args.Labels},
		Type:     pulumi.String("kubernetes.io/dockerconfigjson"),
		// The whole map is a secret, not only the output inside it.
		Data: pulumi.ToSecret(pulumi.StringMap{".dockerconfigjson": content}).(pulumi.StringMapOutput),
	}, s.inside)
	if err != nil {
		return nil, fmt.Errorf("pull secret: %w", err)
	}
	if wanted.Unused {
		return pulumi.String(""), nil
	}
	return created.Metadata.Name().Elem(), nil
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
