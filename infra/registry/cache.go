package registry

import (
	"fmt"
	"maps"
	"slices"

	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/azure"
)

// cacheRules creates the credential sets and the rules. Services wait for them, because an image can come through a rule.
func (s *site) cacheRules() error {
	sets := map[string]pulumi.StringPtrInput{}
	for _, name := range slices.Sorted(maps.Keys(s.args.Cache.Credentials)) {
		login := s.args.Cache.Credentials[name]
		set, err := s.credentialSet(name, login)
		if err != nil {
			return fmt.Errorf("cache credentials %q: %w", name, err)
		}
		sets[name] = set.ID().ToStringOutput().ToStringPtrOutput()
		if login.KeyVaultID == "" {
			continue
		}
		if _, err := azure.NewRoleAssignment(s.ctx, s.name+"-"+name, &azure.RoleAssignmentArgs{
			Scope: pulumi.String(login.KeyVaultID),
			Role:  azure.RoleVaultSecretsUser,
			// In a preview, the provider returns the identity with an empty principal instead of an unknown one.
			Principal:     azure.After(set.Identity.PrincipalId().Elem(), set),
			PrincipalType: config.ServicePrincipal,
		}, s.Registry); err != nil {
			return fmt.Errorf("cache credentials %q: role assignment: %w", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.args.Cache.Rules)) {
		wanted := s.args.Cache.Rules[name]
		if _, err := acr.NewCacheRule(s.ctx, s.name+"-"+name, &acr.CacheRuleArgs{
			ResourceGroupName:       s.ResourceGroup,
			RegistryName:            s.Name,
			CacheRuleName:           pulumi.String(name),
			SourceRepository:        pulumi.String(wanted.Source),
			TargetRepository:        pulumi.String(wanted.Target),
			CredentialSetResourceId: sets[wanted.Credentials],
		}, s.inside, azure.ReplacedBy("sourceRepository", "targetRepository"), pulumi.DeleteBeforeReplace(true)); err != nil {
			return fmt.Errorf("cache rule %q: %w", name, err)
		}
	}
	return nil
}

// maxCredentialSet leaves room for the 8 characters that the provider appends.
const maxCredentialSet = azure.MaxName - 8

// credentialSet creates a login for another registry. It reads the Key Vault's secrets with its own identity. The provider chooses
// its name in Azure, because a set that a rule uses can only be replaced by one of another name.
func (s *site) credentialSet(name string, login config.CacheCredentials) (*acr.CredentialSet, error) {
	return acr.NewCredentialSet(s.ctx, azure.ResourceName(s.name+"-"+name, maxCredentialSet), &acr.CredentialSetArgs{
		ResourceGroupName: s.ResourceGroup,
		RegistryName:      s.Name,
		LoginServer:       pulumi.String(login.LoginServer),
		AuthCredentials: acr.AuthCredentialArray{&acr.AuthCredentialArgs{
			Name:                     pulumi.String("Credential1"), // the only name that Azure allows
			UsernameSecretIdentifier: pulumi.String(login.UsernameSecretID),
			PasswordSecretIdentifier: pulumi.String(login.PasswordSecretID),
		}},
		Identity: &acr.IdentityPropertiesArgs{Type: acr.ResourceIdentityTypeSystemAssigned},
	}, s.inside, azure.ReplacedBy("loginServer"))
}
