package config

// Registry describes the Azure Container Registry, or the registry outside Azure that replaces it. registryFeatures lists the SKU
// that each feature needs.
type Registry struct {
	// External is a registry outside Azure for all services, such as `docker.io/wolfgangofner`. The stack then creates no Azure
	// resource, deletes a registry that it created before, with its images, and ignores the other keys of `registry`.
	External string `json:"external" is:"registryPath"`
	// Name is the registry's name: 5 to 50 letters and digits, globally unique. Default: the project's and the stack's name and eight
	// characters.
	Name string `json:"name" is:"registryName"`
	// Adopt is the ARM id of an existing registry. The stack becomes its owner, and the owner of its resource group unless that is
	// `existing`, and updates it to match the stack file.
	Adopt string `json:"adopt" is:"registryId"`
	// Existing is a registry that another team or another stack owns. The stack does not change it, and only gives its cluster the
	// permission to pull. Of the other keys of `registry`, only `pull` and `abac` are allowed with it.
	Existing *Existing `json:"existing"`
	// Pull says how the cluster pulls from the registry.
	Pull Pull `json:"pull"`
	// ABAC is `true` for a registry with the permissions mode *RBAC Registry + ABAC Repository Permissions*. The stack then assigns
	// roles for the services' repositories only.
	ABAC bool `json:"abac" default:"false"`
	// SKU is the registry's service tier.
	SKU string `json:"sku" is:"sku" default:"Basic"`
	// ResourceGroup is the resource group of the registry.
	ResourceGroup ResourceGroup `json:"resourceGroup"`
	// Replicas are the regions to which the registry is replicated, besides its own.
	Replicas []Replica `json:"replicas"`
	// Webhooks are endpoints that receive the registry's events, by name. A name is 5 to 50 letters and digits.
	Webhooks map[string]Webhook `json:"webhooks" keys:"webhookName"`
	// RetentionDays is the number of days after which Azure deletes a manifest without a tag, even if something pulls it by digest.
	// Default: never.
	RetentionDays *int `json:"retentionDays" min:"0" max:"365"`
	// SoftDeleteDays is the number of days for which deleted artifacts can be restored. It excludes `retentionDays` and `replicas`. A
	// preview feature of Azure. Default: no soft delete.
	SoftDeleteDays *int `json:"softDeleteDays" min:"1" max:"90"`
	// AnonymousPull allows everyone to pull all images without a login.
	AnonymousPull bool `json:"anonymousPull" default:"false"`
	// Quarantine hides a pushed image until a scanner with the role *AcrQuarantineWriter* releases it.
	Quarantine bool `json:"quarantine" default:"false"`
	// PublicNetworkAccess opens the registry to the internet.
	PublicNetworkAccess *bool `json:"publicNetworkAccess" default:"true"`
	// IPRules are the only public IPv4 addresses and CIDR ranges that are allowed to reach the registry from the internet, at most
	// 200. List the cluster's addresses, unless it uses a private endpoint, and with `purge` those of the service tag
	// `AzureContainerRegistry` in the region. Default: all addresses.
	IPRules []string `json:"ipRules" is:"ipRule" min:"1" max:"200" hint:"leave it out to allow all addresses, or set publicNetworkAccess false to allow none"`
	// TrustedServices allows Azure's trusted services to bypass these network rules.
	TrustedServices *bool `json:"trustedServices" default:"true"`
	// DataEndpoints serves layers from `<name>.<region>.data.azurecr.io`, so that a firewall need not allow all of Azure Storage.
	DataEndpoints bool `json:"dataEndpoints" default:"false"`
	// Exports allows artifacts to leave the registry, by an import into another registry or an export pipeline. `false` needs
	// `publicNetworkAccess: false`.
	Exports *bool `json:"exports" default:"true"`
	// Identity is the identity of the registry itself.
	Identity Identity `json:"identity"`
	// Encryption is your own key (customer-managed key). It can be set only for a new registry, and cannot be removed. Default:
	// Azure's key.
	Encryption *Encryption `json:"encryption"`
	// PrivateEndpoint gives the registry an address in a virtual network.
	PrivateEndpoint *PrivateEndpoint `json:"privateEndpoint"`
	// Cache keeps copies of images from other registries (artifact cache).
	Cache Cache `json:"cache"`
	// Purge deletes old tags on a schedule, with an ACR Task.
	Purge *Purge `json:"purge"`
	// Diagnostics sends the registry's logs and metrics to a workspace.
	Diagnostics *Diagnostics `json:"diagnostics"`
	// Push lists the principals that are allowed to push and pull.
	Push []Push `json:"push"`
	// Lock is an Azure lock that prevents everyone from deleting the registry and its webhooks, replicas and role assignments.
	Lock bool `json:"lock" default:"false"`
	// Protect prevents Pulumi from deleting the registry, with all its images, and the resource group. Before `pulumi destroy`, set it to
	// `false` and run `pulumi up`.
	Protect *bool `json:"protect" default:"true"`
}

// Existing identifies an existing registry: by Name and ResourceGroup, by ID, or by Stack.
type Existing struct {
	// Name is the registry's name, in the stack's subscription.
	Name string `json:"name" is:"registryName"`
	// ResourceGroup is the registry's resource group.
	ResourceGroup string `json:"resourceGroup" is:"resourceGroup"`
	// ID is the registry's ARM id, in place of `name` and `resourceGroup`. It can be in another subscription than the stack's.
	ID string `json:"id" is:"registryId"`
	// Stack is the stack of this program that owns the registry, `organization/project/stack`, in place of the other keys. Except in
	// Pulumi Cloud, the first part is the word `organization` itself.
	Stack string `json:"stack" is:"stack"`
}

// Pull holds the settings of the cluster's permission to pull.
type Pull struct {
	// Mode is how the cluster pulls: with one service principal for all services, with the nodes' own identity, or with a registry
	// token for each service. See [pull access](pull-access.md).
	Mode string `json:"mode" is:"pullMode" default:"servicePrincipal"`
	// Also lists additional modes, for the time in which a running stack changes from one mode to another.
	Also []string `json:"also" is:"pullMode"`
	// KubeletPrincipalID is the object id, a GUID, of the identity with which the cluster's nodes pull, for the pull mode
	// `kubeletIdentity`. Default: the kubelet identity of `cluster.aks`.
	KubeletPrincipalID string `json:"kubeletPrincipalId" is:"principal"`
	// Assigned is `true` if that identity already has the permission to pull, as after `az aks update --attach-acr` or through another
	// stack: Azure assigns a role only once, so this stack then assigns none.
	Assigned bool `json:"assigned" default:"false"`
	// Owners are the object ids, GUIDs, of the owners of the application and the service principal in Entra, besides whoever runs the
	// stack, for the pull mode `servicePrincipal`. List all pipelines and people that run the stack with
	// *Application.ReadWrite.OwnedBy* or as *Application Developer*. Default: whoever creates the application.
	Owners []string `json:"owners" is:"principal" max:"99"`
}

// ResourceGroup names the resource group to create or to use.
type ResourceGroup struct {
	// Name is the name of the resource group. Default: the project's and the stack's name and eight characters, with dashes.
	Name string `json:"name" is:"resourceGroup"`
	// Existing is `true` for an existing resource group, which the stack does not own.
	Existing bool `json:"existing" default:"false"`
}

// Replica is one geo-replica of a registry.
type Replica struct {
	// Location is the Azure region, such as `northeurope` or `North Europe`.
	Location string `json:"location" is:"region" required:"true"`
	// RegionEndpoint allows the replica to answer requests. With `false`, Azure replicates to it, but other regions answer.
	RegionEndpoint *bool `json:"regionEndpoint" default:"true"`
}

// Webhook is an endpoint that receives the registry's events.
type Webhook struct {
	// ServiceURI is the http or https address of the endpoint that receives the events. The program keeps it as a secret.
	ServiceURI string `json:"serviceUri" is:"webAddress" required:"true" secret:"true"`
	// Actions are the events that are sent.
	Actions []string `json:"actions" is:"webhookAction" required:"true"`
	// Scope limits the events to a repository's tag `latest` (`repository`), one tag (`repository:tag`) or all tags (`repository:*`).
	// Default: the whole registry.
	Scope string `json:"scope" is:"webhookScope"`
	// Location is the region whose events are sent, the registry's own or a replica's. Default: the registry's region.
	Location string `json:"location" is:"region"`
	// Enabled sends events (`true`) or disables the webhook (`false`).
	Enabled *bool `json:"enabled" default:"true"`
	// Headers are headers of the request, name to value. The program keeps them as secrets.
	Headers map[string]string `json:"headers" keys:"headerName" is:"headerValue" secret:"true"`
}

// Identity holds the identities of the registry itself.
type Identity struct {
	// System gives the registry an identity that is created and deleted with it.
	System bool `json:"system" default:"false"`
	// User lists the ARM ids of user-assigned identities.
	User []string `json:"user" is:"identityId"`
}

// Encryption names the customer-managed key. It cannot be removed.
type Encryption struct {
	// KeyID is the address of the key in a Key Vault. Without a version, Azure follows the key's rotation.
	KeyID string `json:"keyId" is:"vaultKey" required:"true"`
	// IdentityClientID is the client id of the identity in `identity.user` that can use the key (*Key Vault Crypto Service Encryption
	// User*).
	IdentityClientID string `json:"identityClientId" is:"guid" required:"true"`
}

// PrivateEndpoint puts the registry into a virtual network.
type PrivateEndpoint struct {
	// SubnetID is the ARM id of the subnet in which the registry gets an address.
	SubnetID string `json:"subnetId" is:"subnetId" required:"true"`
	// Location is the region of that network. Default: the registry's region.
	Location string `json:"location" is:"region"`
	// DNSZoneID is the ARM id of the private DNS zone that gets the registry's addresses: `privatelink.azurecr.io`; in Azure
	// Government `privatelink.azurecr.us`, in Azure China `privatelink.azurecr.cn`. Default: no DNS records.
	DNSZoneID string `json:"dnsZoneId" is:"zoneId"`
}

// Cache holds artifact-cache rules and the credentials they use.
// https://learn.microsoft.com/azure/container-registry/artifact-cache-overview
type Cache struct {
	// Rules are the cache rules by name, 5 to 50 letters and digits with single dashes inside. At most 1000.
	Rules map[string]CacheRule `json:"rules" keys:"ruleName" max:"1000"`
	// Credentials are the logins at other registries by name, 5 to 50 letters and digits with single dashes inside.
	Credentials map[string]CacheCredentials `json:"credentials" keys:"ruleName"`
}

// CacheRule copies images of another registry when they are first pulled.
type CacheRule struct {
	// Source is the repository in the other registry, such as `docker.io/library/nginx`, or several, such as `docker.io/library/*`.
	// For Docker Hub's official images, `library/` is optional.
	Source string `json:"source" is:"cacheSource" required:"true"`
	// Target is the repository in this registry that holds the copy, such as `library/nginx`, or `library/*`, or `*`. It can begin with
	// the source's host, such as `quay.io/*`, for images that a chart names itself: in `image.repository`, a host means that registry.
	Target string `json:"target" is:"cacheTarget" required:"true"`
	// Credentials is the name of one of `registry.cache.credentials`. `docker.io` requires one; `mcr.microsoft.com` and
	// `public.ecr.aws` do not allow one. Default: anonymous.
	Credentials string `json:"credentials"`
}

// CacheCredentials is a login at another registry, kept in a Key Vault.
type CacheCredentials struct {
	// LoginServer is the other registry's host, such as `docker.io`.
	LoginServer string `json:"loginServer" is:"registryHost" required:"true"`
	// UsernameSecretID is the address of the Key Vault secret that holds the user name.
	UsernameSecretID string `json:"usernameSecretId" is:"vaultSecret" required:"true"`
	// PasswordSecretID is the address of the Key Vault secret that holds the password.
	PasswordSecretID string `json:"passwordSecretId" is:"vaultSecret" required:"true"`
	// KeyVaultID is the ARM id of the vault, on which the stack then assigns *Key Vault Secrets User* to the identity of these
	// credentials. Default: none, and you assign that role.
	KeyVaultID string `json:"keyVaultId" is:"vaultId"`
}

// Purge deletes old tags with `acr purge` in an ACR Task.
type Purge struct {
	// Schedule is when old tags are deleted, in cron's five fields, in UTC, such as `0 3 * * Sun`.
	Schedule string `json:"schedule" is:"schedule" required:"true"`
	// OlderThan is the age at which a tag is deleted, such as `30d` or `7d12h`.
	OlderThan string `json:"olderThan" is:"age" required:"true"`
	// Keep is how many of the tags that are old enough to be deleted stay in each repository, the newest first.
	Keep *int `json:"keep" min:"0" default:"10"`
	// Untagged also deletes manifests without a tag, even if something pulls them by digest.
	Untagged bool `json:"untagged" default:"false"`
	// Filters are the tags to delete, each `repository:tags`, both regular expressions. Default: all tags in the services'
	// repositories except those that the stack runs. Tags that other stacks run are not excepted: name filters if stacks share the
	// registry.
	Filters []string `json:"filters" is:"purgeFilter" min:"1" hint:"leave it out for the default filters, or leave out registry.purge to delete nothing"`
}

// Diagnostics says where logs and metrics go.
type Diagnostics struct {
	// WorkspaceID is the ARM id of the Log Analytics workspace that receives logs and metrics.
	WorkspaceID string `json:"workspaceId" is:"workspaceId" required:"true"`
}

// Push is a principal that is allowed to push.
type Push struct {
	// PrincipalID is the principal's object id in Entra, a GUID.
	PrincipalID string `json:"principalId" is:"principal" required:"true"`
	// PrincipalType is the kind of principal. A managed identity is a `ServicePrincipal` as well.
	PrincipalType string `json:"principalType" is:"principalType" default:"ServicePrincipal"`
}
