package infra

import (
	"fmt"
	"maps"
	"slices"

	acr "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20231101preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

// vaultUserRole is the id of the built-in role Key Vault Secrets User, which may read secrets:
// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/security#key-vault-secrets-user
const vaultUserRole = "4633458b-17de-408a-b874-0445c86b69e6"

// cacheRules creates the credential sets and the rules. A service may run an image that comes through one.
func (s *registrySite) cacheRules() error {
	sets := map[string]pulumi.StringPtrInput{}
	for _, name := range slices.Sorted(maps.Keys(s.args.Cache.Credentials)) {
		login := s.args.Cache.Credentials[name]
		set, err := s.credentialSet(name, login)
		if err != nil {
			return fmt.Errorf("cache credentials %q: %w", name, err)
		}
		s.parts = append(s.parts, set)
		sets[name] = set.ID().ToStringOutput().ToStringPtrOutput()
		if login.KeyVaultID == "" {
			continue
		}
		grant, err := newRoleAssignment(s.ctx, s.name+"-"+name, s.component, &roleAssignmentArgs{
			scope: pulumi.String(login.KeyVaultID),
			role:  vaultUserRole,
			// The provider's preview shows the identity without its principal, as if that were empty, not unknown.
			principal:     after(set.Identity.PrincipalId().Elem(), set),
			principalType: config.ServicePrincipal,
		})
		if err != nil {
			return fmt.Errorf("cache credentials %q: role assignment: %w", name, err)
		}
		s.pulledThrough = append(s.pulledThrough, grant) // on the vault, so no part of the registry
	}
	for _, name := range slices.Sorted(maps.Keys(s.args.Cache.Rules)) {
		wanted := s.args.Cache.Rules[name]
		rule, err := acr.NewCacheRule(s.ctx, s.name+"-"+name, &acr.CacheRuleArgs{
			ResourceGroupName:       s.group,
			RegistryName:            s.registry,
			CacheRuleName:           pulumi.String(name),
			SourceRepository:        pulumi.String(wanted.Source),
			TargetRepository:        pulumi.String(wanted.Target),
			CredentialSetResourceId: sets[wanted.Credentials],
		}, s.parent, replacedBy("sourceRepository", "targetRepository"), pulumi.DeleteBeforeReplace(true))
		if err != nil {
			return fmt.Errorf("cache rule %q: %w", name, err)
		}
		s.parts, s.pulledThrough = append(s.parts, rule), append(s.pulledThrough, rule)
	}
	return nil
}

// credentialSet creates a login at another registry. It reads the Key Vault's secrets with an identity of its own. The provider
// chooses its name in Azure: while a rule uses a set, that can only be replaced by one of another name.
func (s *registrySite) credentialSet(name string, login config.CacheCredentials) (*acr.CredentialSet, error) {
	return acr.NewCredentialSet(s.ctx, name, &acr.CredentialSetArgs{
		ResourceGroupName: s.group,
		RegistryName:      s.registry,
		LoginServer:       pulumi.String(login.LoginServer),
		AuthCredentials: acr.AuthCredentialArray{&acr.AuthCredentialArgs{
			Name:                     pulumi.String("Credential1"), // the only name that Azure knows
			UsernameSecretIdentifier: pulumi.String(login.UsernameSecretID),
			PasswordSecretIdentifier: pulumi.String(login.PasswordSecretID),
		}},
		Identity: &acr.IdentityPropertiesArgs{Type: acr.ResourceIdentityTypeSystemAssigned},
	}, s.parent, replacedBy("loginServer"))
}

// replacedBy replaces a resource when one of the inputs changes: Azure does not change them in place, and the provider does
// not know.
func replacedBy(inputs ...string) pulumi.ResourceOption { return pulumi.ReplaceOnChanges(inputs) }
