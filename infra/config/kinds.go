package config

import (
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/distribution/reference"
	"golang.org/x/mod/semver"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Limits of names in Kubernetes.
const (
	maxLabel     = 63  // RFC 1123 label
	maxSubdomain = 253 // RFC 1123 subdomain
)

const (
	ruleLabel     = "is not an RFC 1123 label: at most 63 lower-case letters, digits and dashes, a letter or digit first and last"
	ruleSubdomain = "is not an RFC 1123 subdomain: at most 253 lower-case letters, digits, dashes and dots, a letter or digit first and last"
)

// Patterns. They use only syntax that Go and JavaScript share, because the JSON schema's patterns are JavaScript's.
const (
	dnsLabel  = `[a-z0-9]([-a-z0-9]*[a-z0-9])?`
	valuePath = `[^\s.,\[\]]+(\.[^\s.,\[\]]+)*`
	listPath  = valuePath + `(\[\])?`
	// notInGroup are the ASCII characters that the name of a resource group cannot have. Go and JavaScript share no class of all letters.
	notInGroup = `\x00-'*-,/:-@\[-^\x60{-\x7f`
	guid       = `[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`
	// keyVersion ends the address of a key or secret in a Key Vault.
	keyVersion = `(/[0-9a-f]{32})?`
)

var (
	labelPattern        = whole(dnsLabel)
	quantityPattern     = whole(`\+?(\d+\.?\d*|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][-+]?\d{1,2})?`)
	registryNamePattern = whole(`[a-zA-Z0-9]{5,50}`)
	guidPattern         = whole(guid)
	secretPattern       = whole(`https://([a-zA-Z0-9-]{3,24})\.vault\.[\w.]+/secrets/[a-zA-Z0-9-]{1,127}` + keyVersion)
)

// whole returns the pattern of texts that match from their beginning to their end.
func whole(pattern string) *regexp.Regexp { return regexp.MustCompile(`^` + pattern + `$`) }

// kind is a kind of text.
type kind struct {
	values  []string          // the allowed texts, besides those that match pattern
	pattern *regexp.Regexp    // which all other texts match
	min     int               // characters
	max     int               // characters; 0 means no limit
	check   func(string) bool // what pattern, min and max cannot express, and so the schema cannot
	rule    string            // what is wrong and what is allowed; empty lists values
	nearest bool              // the rule ends with the nearest of values
}

// fault returns what is wrong with a text, or an empty string if nothing is.
func (k kind) fault(text string) string {
	switch {
	case k.allows(text):
		return ""
	case k.rule == "":
		return "is not one of " + strings.Join(k.values, ", ")
	case k.nearest:
		return k.rule + "; " + suggest(text, k.values)
	}
	return k.rule
}

func (k kind) allows(text string) bool {
	if slices.Contains(k.values, text) {
		return true
	}
	if k.values != nil && k.pattern == nil {
		return false
	}
	length := utf8.RuneCountInString(text)
	return (k.pattern == nil || k.pattern.MatchString(text)) && length >= k.min && (k.max == 0 || length <= k.max) &&
		(k.check == nil || k.check(text))
}

// kinds are the kinds that a field's tags can name.
var kinds = map[string]kind{
	// Kubernetes and Helm
	"label":          {pattern: labelPattern, max: maxLabel, rule: ruleLabel},
	"subdomain":      {pattern: whole(dnsLabel + `(\.` + dnsLabel + `)*`), max: maxSubdomain, rule: ruleSubdomain},
	"labelName":      {pattern: regexp.MustCompile(`[A-Za-z0-9]$`), check: isQualifiedName, rule: ruleName},
	"annotationName": {pattern: regexp.MustCompile(`[A-Za-z0-9]$`), check: isAnnotationName, rule: ruleName},
	"labelValue": {
		pattern: regexp.MustCompile(`^$|^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`), max: maxLabel,
		rule: "is not a label's value: at most 63 letters, digits and -_., a letter or digit first and last",
	},
	"podSecurity": {values: podSecurityLevels},
	// https://github.com/kubernetes/kubernetes/blob/v1.34.4/pkg/apis/core/validation/validation.go
	"quotaResource": {
		values: quotaResources, pattern: regexp.MustCompile(`^(requests\.)?` + hugePages + `|/`), check: isQualifiedName, nearest: true,
		rule: ruleResource,
	},
	"limitResource": {
		values: limitResources, pattern: regexp.MustCompile(`/|^` + hugePages), check: isLimitResource, nearest: true,
		rule: ruleResource,
	},
	"quantity": {pattern: quantityPattern, check: isQuantity, rule: `is not an amount such as "4", "500m" or "2Gi"`},
	// A release has the service's name, and Helm allows at most 53 characters.
	"serviceName": {pattern: labelPattern, max: 53, rule: "is not a service's name: at most 53 lower-case letters, digits and dashes, a letter or digit first and last"},
	"exactVersion": {
		pattern: regexp.MustCompile(`^v?\d+\.\d+\.\d+`), check: isExactVersion,
		rule: `is not an exact version such as "1.2.3"; otherwise the same stack could deploy different charts`,
	},
	"chartRepository": {pattern: regexp.MustCompile(`^https?://[^/\s]`), check: isURL, rule: "is not the http or https address of a chart repository"},
	"ociChart": {
		pattern: regexp.MustCompile(`^oci://[^/\s]+/[^\s:@]+$`), check: isURL,
		rule: `is not a chart's address without a tag or digest, such as "oci://example.azurecr.io/charts/microservice"; version names the tag`,
	},
	"valuePaths": {
		pattern: whole(valuePath + `(\s*,\s*` + valuePath + `)*`),
		rule:    `is not the path of a chart's value, such as "orderService.image.tag", or several with commas between them`,
	},
	"listPaths": {
		pattern: whole(listPath + `(\s*,\s*` + listPath + `)*`),
		rule:    `is not the path of a chart's value, such as "image.pullSecrets", with [] at its end for a list of names, or several with commas between them`,
	},
	"projectPath": {
		pattern: regexp.MustCompile(`^[^/]`), check: filepath.IsLocal,
		rule: "is outside the project folder; such a path would differ from machine to machine",
	},

	// Azure and Entra
	"tagName":  {pattern: whole(`[^<>%&\\?/]{1,512}`), rule: `is not a tag name: 1 to 512 characters without < > % & \ ? /`},
	"tagValue": {max: 256, rule: "is longer than the 256 characters Azure allows"},
	// normalizeRegions converts all forms to one.
	"region": {pattern: whole(`[A-Za-z0-9 ]+`), rule: `is not an Azure region, such as northeurope or "North Europe"`},
	"resourceGroup": {
		pattern: whole(`[^` + notInGroup + `]*[^.` + notInGroup + `]`), max: maxGroupName, check: isGroupName,
		rule: "is not a resource group name: 1 to 90 letters, digits and -_.(), not ending with a dot",
	},
	"clusterName": {
		pattern: whole(`[a-zA-Z0-9]([-\w]{0,61}[a-zA-Z0-9])?`),
		rule:    "is not a cluster's name: 1 to 63 letters, digits and -_, a letter or digit first and last",
	},
	"guid":          {pattern: guidPattern, rule: "is not a GUID"},
	"principal":     {pattern: guidPattern, rule: "is not the object id of a principal in Entra, a GUID"},
	"principalType": {values: principalTypes},
	"vaultKey": {
		pattern: whole(`https://[a-zA-Z0-9-]{3,24}\.(vault|managedhsm)\.[\w.]+/keys/[a-zA-Z0-9-]{1,127}` + keyVersion),
		rule:    "is not the address of a Key Vault key, such as https://example.vault.azure.net/keys/name",
	},
	"vaultSecret": {
		pattern: secretPattern,
		rule:    "is not the address of a Key Vault secret, such as https://example.vault.azure.net/secrets/name",
	},
	"vaultId":     armID("Microsoft.KeyVault/vaults"),
	"identityId":  armID("Microsoft.ManagedIdentity/userAssignedIdentities"),
	"registryId":  armID("Microsoft.ContainerRegistry/registries"),
	"subnetId":    armID("Microsoft.Network/virtualNetworks/subnets"),
	"zoneId":      armID("Microsoft.Network/privateDnsZones"),
	"workspaceId": armID("Microsoft.OperationalInsights/workspaces"),

	// The registry
	"sku":           {values: skus},
	"registryName":  {pattern: registryNamePattern, rule: "is not a registry name: 5 to 50 letters and digits"},
	"pullMode":      {values: AllPullModes},
	"webhookName":   {pattern: registryNamePattern, rule: "is not a webhook name: 5 to 50 letters and digits"},
	"webhookAction": {values: webhookActions},
	"webhookScope":  {pattern: whole(`[a-z0-9._/-]+(:[\w.*-]+)?`), rule: `is not a repository, "repository:tag" or "repository:*"`},
	"webAddress":    {pattern: whole(`https?://[^/\s][^\s]*`), check: isURL, rule: "is not the http or https address of a service"},
	"headerName":    {pattern: whole("[\\w!#$%&'*+.^|~`-]+"), rule: ruleHeader},
	"headerValue":   {pattern: whole(`[^\r\n]*`), rule: ruleHeader},
	"ruleName":      {pattern: whole(`[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*`), min: 5, max: 50, rule: "is not a name of 5 to 50 letters and digits, with single dashes inside"},
	"cacheSource": {
		pattern: regexp.MustCompile(`/`), check: func(text string) bool { return isCachePath(text) && namesHost(text) },
		rule: `is not a repository with its host, such as "docker.io/library/nginx", or "docker.io/library/*"`,
	},
	"cacheTarget": {
		pattern: whole(`[^:@]+`), check: func(text string) bool { return text == "*" || isCachePath(text) },
		rule: `is not a repository in the stack's registry, such as "library/nginx", or "library/*", or "*"`,
	},
	"registryHost": {pattern: whole(`(localhost|[^/]*[.:][^/]*)`), rule: `is not a registry's host, such as "docker.io"`},
	"registryPath": {
		pattern: whole(`(localhost|[^/]*[.:][^/]*)(/[^/]+)*`), check: isRegistryPath,
		rule: `is not a registry host with an optional path, such as "docker.io/wolfgangofner"`,
	},
	"schedule": {
		pattern: whole(`[\dA-Za-z*/, -]+`), check: isSchedule,
		rule: `is not a schedule in cron's five fields that ever runs, such as "0 3 * * Sun"`,
	},
	"age": {pattern: whole(`(\d+d)?(\d+h)?(\d+m)?`), min: 2, rule: `is not an age such as "30d" or "7d12h"`},
	"purgeFilter": {
		pattern: whole(`[^'\s]+:[^'\s]+`), check: isPurgeFilter,
		rule: `is not repository:tags, both regular expressions without quotes and spaces, such as "customerapi:^dev-"`,
	},
	"ipRule": {
		pattern: whole(`[\d.]+(/\d+)?`), check: func(text string) bool { _, ok := publicIPv4(text); return ok },
		rule: "is not a public IPv4 address, or a CIDR range of public addresses without host bits",
	},
	"stack": {pattern: whole(`[\w.-]+/[\w.-]+/[\w.-]+`), rule: `is not a stack's full name, such as "organization/acr-microservices/dev"`},
	"moment": {
		pattern: regexp.MustCompile(`^\d{4}-\d\d-\d\dT`), check: isMoment,
		rule: `is not a time after 2020, such as "2026-11-23T12:00:00Z"`,
	},

	// Images
	"repository": {
		pattern: whole(`[a-z0-9][a-z0-9._/-]*`), check: isRepository,
		rule: `is not a repository in the registry, such as "customerapi"`,
	},
	"imageRepository": {
		pattern: whole(`[^@\s]+`), check: isImageRepository,
		rule: `is not an image repository: a lower-case path such as "customerapi", or with a host "docker.io/library/nginx"; tag and digest have keys of their own`,
	},
	"imageTag": {
		pattern: whole(reference.TagRegexp.String()),
		rule:    "is not an image tag: 1 to 128 letters, digits and _.-, not beginning with a dot or dash",
	},
	"imageDigest": {pattern: whole(`sha256:[0-9a-f]{64}`), rule: "is not a digest: sha256: and 64 hexadecimal digits"},
	"image": {
		pattern: regexp.MustCompile(`/.*[:@]`), check: isImage,
		rule: `is not an image with its host and its tag or digest, such as "docker.io/library/nginx:1.29"`,
	},
	// A git repository that ACR Tasks can read.
	"gitContext": {
		pattern: whole(`https://[^/\s#]+/[^\s#]+#[^\s#:]+(:[^\s#:]+)?`),
		rule:    `is not an https git repository with branch, tag or commit, such as "https://github.com/example/shop.git#v1.2.0:customerapi"`,
	},
	"contextPath": {pattern: regexp.MustCompile(`^[^/]`), check: filepath.IsLocal, rule: "is not a file in the context"},
	"platform":    {values: buildPlatforms},
	"taskValue": {
		pattern: whole(`[^'\x00-\x1f\x7f]*`), check: isTaskValue,
		rule: "cannot contain single quotes, line breaks, $$, or $ before the name of an ACR Tasks alias such as $ID; it is part of a command line in Azure",
	},
}

const (
	ruleName     = "is not a name of at most 63 letters, digits and -_., with an optional domain and / before it"
	ruleResource = "is not a resource that can be named here"
	ruleHeader   = "is not an HTTP header: a name without spaces and colons, and a value on one line"
)

// armID returns the kind of the ARM ids of a type such as "Microsoft.KeyVault/vaults". Azure ignores the case of all but the names.
func armID(resource string) kind {
	provider, types, _ := strings.Cut(resource, "/")
	form := "/subscriptions/<id>/resourceGroups/<name>/providers/" + provider
	for _, name := range strings.Split(types, "/") {
		form += "/" + name + "/<name>"
	}
	pattern := anyCase(strings.NewReplacer("<id>", guid, "<name>", `[^/]+`), form)
	return kind{pattern: whole(pattern), rule: "is not an ARM id " + form}
}

// anyCase returns a pattern that matches a text in any case, with some parts replaced by other patterns.
func anyCase(replace *strings.Replacer, text string) string {
	var b strings.Builder
	for _, part := range strings.SplitAfter(text, "/") {
		if replaced := replace.Replace(part); replaced != part {
			b.WriteString(replaced)
			continue
		}
		for _, letter := range part {
			if lower, upper := strings.ToLower(string(letter)), strings.ToUpper(string(letter)); lower != upper {
				b.WriteString("[" + upper + lower + "]")
			} else {
				b.WriteString(regexp.QuoteMeta(string(letter)))
			}
		}
	}
	return b.String()
}

// IsLabelValue reports whether a text can be the value of a label:
// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
func IsLabelValue(text string) bool { return kinds["labelValue"].allows(text) }

// isLabel accepts an RFC 1123 label.
func isLabel(text string) bool { return kinds["label"].allows(text) }

// isAnnotationName accepts the names of annotations. Their case does not matter:
// https://github.com/kubernetes/apimachinery/blob/v0.34.4/pkg/api/validation/objectmeta.go
func isAnnotationName(name string) bool { return isQualifiedName(strings.ToLower(name)) }

// isQualifiedName accepts the names of labels.
func isQualifiedName(name string) bool { return len(validation.IsQualifiedName(name)) == 0 }

// isGroupName accepts letters and digits of any script:
// https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftresources
func isGroupName(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.()", r)
	})
}

// isURL accepts an address with a host. The pattern checks scheme and path.
func isURL(text string) bool {
	at, err := url.Parse(text)
	return err == nil && at.Host != ""
}

// isExactVersion accepts a complete semantic version, with or without the leading v.
func isExactVersion(version string) bool {
	v := "v" + strings.TrimPrefix(version, "v")
	return semver.Canonical(v)+semver.Build(v) == v
}

// isMoment accepts a time in the form of RFC 3339 for which the passwords' periods are defined.
func isMoment(text string) bool {
	moment, err := time.Parse(time.RFC3339, text)
	return err == nil && moment.After(rotationEpoch.AddDate(1, 0, 0))
}

// isRegistryPath accepts a registry's host with an optional path.
func isRegistryPath(text string) bool {
	_, err := reference.ParseNormalizedNamed(text + "/name")
	return err == nil && namesHost(text+"/name")
}

// isRepository accepts a repository in the stack's own registry. Its path can begin with another registry's host, as the targets of
// cache rules often do.
func isRepository(name string) bool {
	named, err := reference.ParseNormalizedNamed("registry.azurecr.io/" + name)
	return err == nil && reference.IsNameOnly(named)
}

// isImageRepository accepts a repository in the stack's registry, or, with a host, in another registry.
func isImageRepository(name string) bool {
	if !namesHost(name) {
		name = "registry.azurecr.io/" + name
	}
	named, err := reference.ParseNormalizedNamed(name)
	return err == nil && reference.IsNameOnly(named)
}

// taskAlias matches what ACR Tasks replace in a step after they have inserted the values: "$$" by "$", and built-in aliases by
// their values.
// https://github.com/Azure/acr-builder/blob/main/graph/preprocessor.go and global-defaults-linux.go beside it
var taskAlias = regexp.MustCompile(
	`\$(\$|(ID|SharedVolume|Registry|RegistryName|Date|OS|Architecture|Commit|Branch|acr|az|bash|curl|cssc)([^a-zA-Z0-9]|$))`)

// isTaskValue accepts what reaches the command of an ACR Task's step unchanged, between single quotes.
func isTaskValue(value string) bool { return !taskAlias.MatchString(value) }

// isImage accepts an image with its host and its tag or digest.
func isImage(name string) bool {
	named, err := reference.ParseNormalizedNamed(name)
	return err == nil && namesHost(name) && !reference.IsNameOnly(named)
}
