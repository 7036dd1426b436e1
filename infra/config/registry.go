package config

// Registry describes the Azure Container Registry, or the foreign registry used in its place. What each feature
// costs is in registryFeatures.
type Registry struct {
	// External, as in "docker.io/wolfgangofner", sends all services to a registry outside Azure. No Azure resource is
	// made then and the other fields are ignored.
	External string `json:"external"`
	// Name is the registry's name in azurecr.io, 5 to 50 letters and digits, unique in the world. Empty lets the
	// provider add random characters to the project's name.
	Name string `json:"name"`
	// Adopt is the ARM resource id of a registry that is there already. The stack takes it over, with its resource group
	// unless that is Existing, and changes it to what the configuration says; both names follow from it.
	Adopt string `json:"adopt"`
	// Existing is a registry that somebody else owns. The stack changes nothing about it, and only lets its cluster pull.
	Existing *Existing `json:"existing"`
	// Pull says how the cluster may pull.
	Pull Pull `json:"pull"`
	// ABAC says that the registry is in the mode "RBAC Registry + ABAC Repository Permissions", which the Azure API of the
	// SDK cannot set: roles are then given for single repositories.
	ABAC bool `json:"abac"`
	// SKU is Basic, Standard or Premium.
	SKU string `json:"sku"`
	// ResourceGroup is where the registry lives.
	ResourceGroup ResourceGroup `json:"resourceGroup"`
	// Replicas are the regions the registry is replicated to, besides its own.
	Replicas []Replica `json:"replicas"`
	// Webhooks are told of pushes and deletions, by name.
	Webhooks map[string]Webhook `json:"webhooks"`
	// RetentionDays is how long a manifest without a tag is kept, 0 to 365. Nil keeps it forever.
	RetentionDays *int `json:"retentionDays"`
	// SoftDeleteDays is how long something deleted can be restored, 1 to 90. Nil deletes at once.
	SoftDeleteDays *int `json:"softDeleteDays"`
	// AnonymousPull lets everybody pull everything without a login.
	AnonymousPull bool `json:"anonymousPull"`
	// Quarantine hides a pushed image until somebody with the role AcrQuarantineWriter releases it.
	Quarantine bool `json:"quarantine"`
	// PublicNetworkAccess opens the registry to the internet. Nil is true.
	PublicNetworkAccess *bool `json:"publicNetworkAccess"`
	// IPRules are the only IPv4 addresses and CIDR ranges that the registry answers from the internet. None: all.
	IPRules []string `json:"ipRules"`
	// TrustedServices lets Azure's own services past the network rules. Nil is true.
	TrustedServices *bool `json:"trustedServices"`
	// DataEndpoints gives layers hosts of their own, <name>.<region>.data.azurecr.io, for narrow firewall rules.
	DataEndpoints bool `json:"dataEndpoints"`
	// Exports lets artifacts leave the registry by import into another or by an export pipeline. Nil is true.
	Exports *bool `json:"exports"`
	// Identity of the registry itself.
	Identity Identity `json:"identity"`
	// Encryption with a key of one's own; nil uses Azure's.
	Encryption *Encryption `json:"encryption"`
	// PrivateEndpoint of the registry in a virtual network.
	PrivateEndpoint *PrivateEndpoint `json:"privateEndpoint"`
	// Cache holds copies of images from elsewhere.
	Cache Cache `json:"cache"`
	// Purge deletes old tags on a schedule.
	Purge *Purge `json:"purge"`
	// Diagnostics sends logs and metrics to a workspace.
	Diagnostics *Diagnostics `json:"diagnostics"`
	// Push lists who may push, besides pull.
	Push []Push `json:"push"`
	// Lock keeps everybody in Azure from deleting the registry and what belongs to it.
	Lock bool `json:"lock"`
	// Protect keeps Pulumi from deleting the registry and the resource group.
	Protect bool `json:"protect"`
}

// Existing says where an existing registry is found: by Name and ResourceGroup, or by Stack.
type Existing struct {
	// Name in azurecr.io.
	Name string `json:"name"`
	// ResourceGroup of the registry, in the subscription of the stack.
	ResourceGroup string `json:"resourceGroup"`
	// Stack of this program that owns the registry, as "organization/project/stack".
	Stack string `json:"stack"`
}

// Pull says how the cluster may pull from the registry.
type Pull struct {
	// Mode is one of pullModes. Empty is servicePrincipal.
	Mode string `json:"mode"`
	// Also lists modes that are in force besides, while a live stack changes from one to another.
	Also []string `json:"also"`
	// KubeletPrincipalID is the object id of the identity with which the cluster's nodes pull, for the mode kubeletIdentity.
	// Empty takes the one of cluster.aks.
	KubeletPrincipalID string `json:"kubeletPrincipalId"`
}

// ResourceGroup names the resource group to create or to use.
type ResourceGroup struct {
	// Name of the group. Empty lets the provider choose one.
	Name string `json:"name"`
	// Existing says that the group is there already and is not managed by this stack.
	Existing bool `json:"existing"`
}

// Replica is one geo-replica of a registry.
type Replica struct {
	// Location is the Azure region in its short form, such as "northeurope".
	Location string `json:"location"`
	// RegionEndpoint lets the replica answer. Nil is true; false still replicates to it.
	RegionEndpoint *bool `json:"regionEndpoint"`
}

// Webhook is one address that is told what happens in the registry.
type Webhook struct {
	// ServiceURI is the http or https address, treated as a secret because it often holds one.
	ServiceURI string `json:"serviceUri"`
	// Actions are some of webhookActions.
	Actions []string `json:"actions"`
	// Scope is a repository, "repository:tag" or "repository:*". Empty is the whole registry.
	Scope string `json:"scope"`
	// Location is the region, home or replica, whose events are sent. Empty is the home region.
	Location string `json:"location"`
	// Enabled, nil is true.
	Enabled *bool `json:"enabled"`
	// Headers of the request, treated as secrets.
	Headers map[string]string `json:"headers"`
}

// Identity says as whom the registry acts.
type Identity struct {
	// System gives the registry an identity that lives and dies with it.
	System bool `json:"system"`
	// User lists ARM ids of user-assigned identities.
	User []string `json:"user"`
}

// Encryption names the customer-managed key. It cannot be taken away again.
type Encryption struct {
	// KeyID is the key's Key Vault address; without a version Azure follows the key's rotation.
	KeyID string `json:"keyId"`
	// IdentityClientID is the client id of the user-assigned identity that may use the key.
	IdentityClientID string `json:"identityClientId"`
}

// PrivateEndpoint puts the registry into a virtual network.
type PrivateEndpoint struct {
	// SubnetID is the ARM id of the endpoint's subnet.
	SubnetID string `json:"subnetId"`
	// Location is the virtual network's region. Empty is the registry's.
	Location string `json:"location"`
	// DNSZoneID is the ARM id of the private DNS zone privatelink.azurecr.io. Empty leaves names to somebody else.
	DNSZoneID string `json:"dnsZoneId"`
}

// Cache holds artifact-cache rules and the credentials they use.
type Cache struct {
	// Rules by name.
	Rules map[string]CacheRule `json:"rules"`
	// Credentials by name.
	Credentials map[string]CacheCredentials `json:"credentials"`
}

// CacheRule copies images of another registry when they are first pulled.
type CacheRule struct {
	// Source is the repository with its host, such as "docker.io/library/nginx", or several: "docker.io/library/*".
	Source string `json:"source"`
	// Target is the repository in the own registry.
	Target string `json:"target"`
	// Credentials is one of Cache.Credentials. Empty pulls anonymously.
	Credentials string `json:"credentials"`
}

// CacheCredentials is a login at another registry, kept in a Key Vault.
type CacheCredentials struct {
	// LoginServer is the other registry's host, such as "docker.io".
	LoginServer string `json:"loginServer"`
	// UsernameSecretID and PasswordSecretID are the addresses of Key Vault secrets.
	UsernameSecretID string `json:"usernameSecretId"`
	PasswordSecretID string `json:"passwordSecretId"`
	// KeyVaultID is the vault's ARM id. With it the stack lets the credentials read the secrets.
	KeyVaultID string `json:"keyVaultId"`
}

// Purge deletes old tags with `acr purge` in an ACR Task.
type Purge struct {
	// Schedule in cron's five fields, UTC.
	Schedule string `json:"schedule"`
	// OlderThan is the age from which a tag is deleted, as in "30d" or "7d12h".
	OlderThan string `json:"olderThan"`
	// Keep is how many of the newest tags that would be deleted stay. Nil is 10.
	Keep *int `json:"keep"`
	// Untagged also deletes manifests without a tag.
	Untagged bool `json:"untagged"`
	// Filters in the form repository:tags, both regular expressions. None: the services' repositories, all tags but
	// those that the stack runs.
	Filters []string `json:"filters"`
}

// Diagnostics says where logs and metrics go.
type Diagnostics struct {
	// WorkspaceID is the ARM id of a Log Analytics workspace.
	WorkspaceID string `json:"workspaceId"`
}

// Push is somebody who may push.
type Push struct {
	// PrincipalID is the object id in Entra.
	PrincipalID string `json:"principalId"`
	// PrincipalType is one of principalTypes. Empty is ServicePrincipal.
	PrincipalType string `json:"principalType"`
}
