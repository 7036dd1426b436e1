package azuredouble

import (
	"net/http"
	"slices"
	"strings"
)

// keptTypes are the resource types that the double stores, in lower case. A resource of any other type, such as a virtual
// network, is another user's and is treated as existing wherever its id is used.
var keptTypes = []string{
	"microsoft.authorization", "microsoft.containerregistry", "microsoft.insights/diagnosticsettings",
	"microsoft.network/privateendpoints",
}

// armType returns the resource type of an id, such as Microsoft.Network/virtualNetworks/subnets, or "" if the id is not that of
// a resource in a resource group. For an extension, it is the extension's type.
func armType(id string) string {
	parts := strings.Split(id, "/")
	if len(parts) < 9 || parts[0] != "" || !strings.EqualFold(parts[1], "subscriptions") ||
		!strings.EqualFold(parts[3], "resourceGroups") || slices.Contains(parts[1:], "") {
		return ""
	}
	rest := parts[5:]
	if !strings.EqualFold(rest[0], "providers") {
		return ""
	}
	for i := len(rest) - 1; i > 0; i-- {
		if strings.EqualFold(rest[i], "providers") {
			rest = rest[i:] // an extension: use its own namespace
			break
		}
	}
	if len(rest)%2 != 0 || len(rest) < 4 { // "providers", the namespace, and pairs of type and name
		return ""
	}
	kind := rest[1]
	for i := 2; i < len(rest); i += 2 {
		kind += "/" + rest[i]
	}
	return kind
}

// isExtension reports whether an id is that of an extension of the given type, on any scope.
func isExtension(id, kind string) bool {
	parts := strings.Split(id, "/")
	at := len(parts) - 4
	return at > 0 && strings.EqualFold(strings.Join(parts[at:at+3], "/"), "providers/"+kind)
}

// foreign reports whether an id has a resource type that the double does not store.
func foreign(id string) bool {
	kind := strings.ToLower(armType(id))
	return kind != "" && !slices.ContainsFunc(keptTypes, func(kept string) bool { return kind == kept || strings.HasPrefix(kind, kept+"/") })
}

// checkReference rejects an id that is not that of a resource of the given type. It does not check whether the resource exists.
func checkReference(path, id, kind string) error {
	switch got := armType(id); {
	case got == "":
		return armError(http.StatusBadRequest, "LinkedInvalidPropertyId", "Property id '%s' at path '%s' is invalid. Expect fully"+
			" qualified resource Id that start with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.", id, path)
	case !strings.EqualFold(got, kind):
		return armError(http.StatusBadRequest, "InvalidResourceReference", "Property id '%s' at path '%s' is of the type '%s', not '%s'.",
			id, path, got, kind)
	}
	return nil
}

// oneOf is a setting with few allowed values. If it is missing, the service uses its default.
type oneOf struct {
	path    []string
	allowed []string
}

func checkOneOf(in props, settings []oneOf) error {
	for _, o := range settings {
		if v := text(in, o.path...); v != "" && !slices.Contains(o.allowed, v) {
			return armError(http.StatusBadRequest, "InvalidParameter", "The value '%s' of %s is invalid. Allowed values: %s.",
				v, strings.Join(o.path, "."), strings.Join(o.allowed, ", "))
		}
	}
	return nil
}

func badRequest(code, format string, args ...any) error {
	return armError(http.StatusBadRequest, code, format, args...)
}

// strings of an array setting.
func texts(in props, path ...string) []string {
	var out []string
	list, _ := at(in, path...).([]any)
	for _, v := range list {
		if s, is := v.(string); is {
			out = append(out, s)
		}
	}
	return out
}

// objects of an array setting.
func objects(in props, path ...string) []props {
	var out []props
	list, _ := at(in, path...).([]any)
	for _, v := range list {
		if o, is := v.(props); is {
			out = append(out, o)
		}
	}
	return out
}
