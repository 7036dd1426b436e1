package pull

import (
	"fmt"
	"maps"
	"slices"
	"time"

	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/azure"
	"example.com/acr-microservices/infra/sdk"
)

// maxTokenBase leaves room for the slot with which a token's name ends.
const maxTokenBase = azure.MaxName - len("-0")

// addTokens creates each service's tokens: credentials of the registry itself, without Entra, for the service's repositories only.
func (a *Access) addTokens(ctx *pulumi.Context, name string, args *Args) error {
	for _, service := range slices.Sorted(maps.Keys(args.Services)) {
		login, err := a.addToken(ctx, name+"-"+service, args.Services[service], args)
		if err != nil {
			return fmt.Errorf("token of %q: %w", service, err)
		}
		a.addLogin(service, login)
	}
	return nil
}

// addToken creates a service's scope map and tokens. Each token has one password: the provider creates a new one only after it has
// deleted the previous one.
func (a *Access) addToken(ctx *pulumi.Context, name string, service Service, args *Args) (current Login, err error) {
	base := azure.ResourceName(service.TokenName, maxTokenBase)
	scope, err := acr.NewScopeMap(ctx, name, &acr.ScopeMapArgs{
		ResourceGroupName: args.ResourceGroup,
		RegistryName:      args.RegistryName,
		ScopeMapName:      pulumi.String(base),
		Description:       pulumi.String("image pull"),
		Actions:           pulumi.ToStringArray(config.PullActions(service.Repositories)),
	}, pulumi.Parent(a))
	if err != nil {
		return current, fmt.Errorf("scope map: %w", err)
	}
	for _, term := range args.Rotation.Tokens() {
		slot := fmt.Sprintf("%s-%d", name, term.Slot)
		token, err := acr.NewToken(ctx, slot, &acr.TokenArgs{
			ResourceGroupName: args.ResourceGroup,
			RegistryName:      args.RegistryName,
			TokenName:         pulumi.Sprintf("%s-%d", base, term.Slot),
			ScopeMapId:        scope.ID(),
			Status:            pulumi.String("enabled"),
			// Azure returns the token's passwords among the properties that azure-native treats as inputs. An update without them deletes
			// them: https://github.com/Azure/acr/issues/667
		}, pulumi.Parent(a), pulumi.IgnoreChanges([]string{"credentials"}))
		if err != nil {
			return current, fmt.Errorf("token %d: %w", term.Slot, err)
		}
		password, err := sdk.NewTokenPassword(ctx, slot, token.ID().ToStringOutput(), term.Expires.Format(time.RFC3339), pulumi.Parent(a))
		if err != nil {
			return current, fmt.Errorf("password %d: %w", term.Slot, err)
		}
		if term.Current {
			current = Login{Username: azure.After(token.Name, password), Password: password.Value()}
		}
	}
	return current, nil
}
