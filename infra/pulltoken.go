package infra

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/sdk"
)

const (
	pullTokenType = "acr-microservices:index:PullToken"

	// What belongs to a registry has a name of 5 to 50 characters. A token's ends with its slot.
	minACRName, maxACRName = 5, 50
	maxTokenBase           = maxACRName - len("-0")
)

// PullTokenArgs are the inputs of a PullToken.
type PullTokenArgs struct {
	// Name that is the service's own in the registry, such as its namespace's.
	Name string
	// Registry to pull from.
	Registry *registryRef
	// Repositories from which the token may pull, and from no others.
	Repositories []string
	// Rotation says which passwords there are, and which of them is the credential's.
	Rotation config.RotationPeriod
}

// PullToken is a credential of the registry itself, without Entra, for some of its repositories.
type PullToken struct {
	pulumi.ResourceState

	// Username and Password for the registry, the current ones.
	Username, Password pulumi.StringOutput

	parts []pulumi.Resource // what belongs to the registry in Azure
}

// NewPullToken creates the scope map and the tokens. Each has one password: the provider makes a new one only after it has
// deleted the one before.
func NewPullToken(ctx *pulumi.Context, name string, args *PullTokenArgs, opts ...pulumi.ResourceOption) (*PullToken, error) {
	token := &PullToken{}
	if err := ctx.RegisterComponentResource(pullTokenType, name, token, opts...); err != nil {
		return nil, fmt.Errorf("pull token %q: %w", name, err)
	}
	base := acrName(args.Name, maxTokenBase)
	scope, err := acr.NewScopeMap(ctx, name, &acr.ScopeMapArgs{
		ResourceGroupName: args.Registry.ResourceGroup,
		RegistryName:      args.Registry.Name,
		ScopeMapName:      pulumi.String(base),
		Description:       pulumi.String("image pull"),
		Actions:           pulumi.ToStringArray(config.PullActions(args.Repositories)),
	}, pulumi.Parent(token))
	if err != nil {
		return nil, fmt.Errorf("pull token %q: scope map: %w", name, err)
	}
	token.parts = []pulumi.Resource{scope}
	for _, term := range args.Rotation.Terms(0) {
		slot := fmt.Sprintf("%s-%d", name, term.Slot)
		created, err := acr.NewToken(ctx, slot, &acr.TokenArgs{
			ResourceGroupName: args.Registry.ResourceGroup,
			RegistryName:      args.Registry.Name,
			TokenName:         pulumi.Sprintf("%s-%d", base, term.Slot),
			ScopeMapId:        scope.ID(),
			Status:            pulumi.String("enabled"),
		}, pulumi.Parent(token))
		if err != nil {
			return nil, fmt.Errorf("pull token %q: token %d: %w", name, term.Slot, err)
		}
		password, err := sdk.NewTokenPassword(ctx, slot, created.ID(), term.Expires.Format(time.RFC3339), pulumi.Parent(token))
		if err != nil {
			return nil, fmt.Errorf("pull token %q: password %d: %w", name, term.Slot, err)
		}
		token.parts = append(token.parts, created, password)
		if term.Number == args.Rotation.Current {
			token.Username, token.Password = after(created.Name, password), password.Value()
		}
	}
	return token, ctx.RegisterResourceOutputs(token, pulumi.Map{"username": token.Username, "password": token.Password})
}

// acrName gives a name the length that Azure allows, and keeps it apart from others that begin alike.
func acrName(name string, longest int) string {
	if len(name) >= minACRName && len(name) <= longest {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:min(len(name), longest-9)] + "-" + hex.EncodeToString(sum[:])[:8]
}
