package azuredouble

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// request is a provider's request to Azure for one operation of the engine.
type request struct {
	operation string
	token     string // of the resource's or the function's type
	name      string // of the resource in the program
	id        string // of the resource; empty before its creation
	in        props  // the inputs, if any
	resource  string // the resource's name in Azure, if known
	tenant    string
}

// retrier is how a provider's HTTP client retries. Its waits are scaled: see haste. After the last try, both clients return the
// last response, or the broken connection.
type retrier struct {
	tries int
	waits []time.Duration // after the first try, the second, …
	// longest is the maximum Retry-After to wait for.
	longest time.Duration
	// again reports if the client retries after a response.
	again func(*cloudError) bool
	// same means that a retried creation finds the existing resource. In Microsoft Graph, it creates a second one.
	same bool
}

// haste divides the real providers' waits before a retry.
const haste = 100

// The providers' clients; neither reports its retries. azure-native's azcore retries broken connections and these responses three
// times, after 20, 60 and 120 seconds or the Retry-After, unless that is longer: initPipelineOpts in
// provider/pkg/azure/client_azcore.go of pulumi/pulumi-azure-native. azuread's go-retryablehttp retries broken connections and
// these responses four times, after 1, 2, 4 and 8 seconds or the Retry-After: msgraph/client.go of manicminer/hamilton, v0.71.0.
var (
	armRetrier = &retrier{
		tries: 4, waits: []time.Duration{20 * time.Second, 60 * time.Second, 120 * time.Second}, longest: 120 * time.Second, same: true,
		again: func(e *cloudError) bool {
			return e.code == anotherOperation || slices.Contains([]int{
				http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
				http.StatusServiceUnavailable, http.StatusGatewayTimeout,
			}, e.status)
		},
	}
	graphRetrier = &retrier{
		tries: 5, waits: []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}, longest: time.Hour,
		again: func(e *cloudError) bool {
			return e.status == http.StatusTooManyRequests || e.status == http.StatusFailedDependency ||
				e.status >= http.StatusInternalServerError && e.status != http.StatusNotImplemented
		},
	}
)

// anotherOperation is the code of ARM's only temporary conflict.
const anotherOperation = "AnotherOperationInProgress"

// do carries out a request, with any faults. Without faults, it checks the permissions and calls attempt. The id that attempt
// returns is that of the resource in question.
func (r *retrier) do(ctx context.Context, d *Double, q request, attempt func() (id string, err error)) error {
	id, carriedOut := q.id, false
	for try := 1; ; try++ {
		rule := d.faults.Load().strike(q.operation, q.token, q.name)
		if carriedOut && !r.same && q.unique() {
			return errSecondPrincipal(text(q.in, "clientId"))
		}
		if rule == nil {
			if carriedOut && r.same {
				return nil
			}
			if err := d.authorize(q); err != nil {
				return err
			}
			_, err := attempt()
			return err
		}
		var failure error // nil: the connection broke
		switch rule.Fault {
		case faultSlow:
			if err := pause(ctx, rule.duration()); err != nil {
				return err
			}
			_, err := attempt()
			return err
		case faultLost:
			if !carriedOut || !r.same {
				made, err := attempt()
				if err != nil {
					return err
				}
				id, carriedOut = made, true
			}
		default:
			failure = rule.refusal(d, q)
			if e := (*cloudError)(nil); !errors.As(failure, &e) || !r.again(e) {
				return failure
			}
		}
		wait := r.waits[min(try, len(r.waits))-1]
		if rule.Fault == faultThrottled {
			wait = rule.duration()
		}
		if try == r.tries || wait > r.longest {
			if failure == nil {
				return q.lost(id)
			}
			return failure
		}
		if err := pause(ctx, wait/haste); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// request describes a request to Azure for a resource.
func (p *provider) request(operation string, k *kind, urn resource.URN, id string, in props) request {
	return request{
		operation: operation, token: string(urn.Type()), name: urn.Name(), id: id, in: in, tenant: p.double.current().Tenant,
		resource: text(in, k.name.property),
	}
}

// unique reports creations that Microsoft Graph accepts once.
func (q request) unique() bool {
	return q.operation == opCreate && strings.HasSuffix(q.token, ":ServicePrincipal")
}

func (q request) graph() bool { return strings.HasPrefix(q.token, "azuread:") }

func (q request) method() string {
	switch {
	case q.operation == opRead:
		return http.MethodGet
	case q.operation == opDelete:
		return http.MethodDelete
	case q.operation == opInvoke && !strings.Contains(q.token, ":list"):
		return http.MethodGet
	case q.operation == opInvoke:
		return http.MethodPost
	case !q.graph():
		return http.MethodPut
	case q.operation == opUpdate:
		return http.MethodPatch
	}
	return http.MethodPost
}

// armTypes are the ARM types that are not in the providers' tokens.
var armTypes = map[string]string{
	"ResourceGroup":         "Microsoft.Resources/resourceGroups",
	"Registry":              registryType,
	"RoleAssignment":        roleAssignmentType,
	"ManagementLockByScope": lockType,
	"PrivateEndpoint":       privateEndpointType,
	"PrivateDnsZoneGroup":   privateEndpointType + "/privateDnsZoneGroups",
	"DiagnosticSetting":     "Microsoft.Insights/diagnosticSettings",
	"getResourceGroup":      "Microsoft.Resources/resourceGroups",
	"getRegistry":           registryType,
	"getManagedCluster":     "Microsoft.ContainerService/managedClusters",

	"listManagedClusterUserCredentials":  "Microsoft.ContainerService/managedClusters",
	"listManagedClusterAdminCredentials": "Microsoft.ContainerService/managedClusters",
}

// armType is the ARM type of the request's resource: if it is none of the others, a child of a registry.
func (q request) armType() string {
	short := q.token[strings.LastIndex(q.token, ":")+1:]
	if known, ok := armTypes[short]; ok {
		return known
	}
	return registryType + "/" + strings.ToLower(short[:1]) + short[1:] + "s"
}

// action is the permission that the request needs.
func (q request) action() string {
	verb := "write"
	switch q.operation {
	case opRead, opInvoke:
		verb = "read"
	case opDelete:
		verb = "delete"
	}
	if q.armType() == "Microsoft.Resources/resourceGroups" {
		return "Microsoft.Resources/subscriptions/resourcegroups/" + verb
	}
	return q.armType() + "/" + verb
}

// scope is where the permission is needed: the id of the resource, which can be missing.
func (q request) scope(s *state) string {
	group, registry, endpoint := text(q.in, "resourceGroupName"), text(q.in, "registryName"), text(q.in, "privateEndpointName")
	kind := q.armType()
	switch on := text(q.in, "scope") + text(q.in, "resourceUri"); {
	case q.id != "":
		return q.id
	case on != "":
		return on + "/providers/" + kind + "/" + q.resource
	case group == "":
		return s.subscriptionID()
	case strings.HasPrefix(kind, registryType+"/"):
		return registryID(s, group, registry) + strings.TrimPrefix(kind, registryType) + "/" + q.resource
	case kind == privateEndpointType+"/privateDnsZoneGroups":
		return resourceGroupID(s, group) + "/providers/" + privateEndpointType + "/" + endpoint + "/privateDnsZoneGroups/" + q.resource
	case kind == "Microsoft.Resources/resourceGroups":
		return resourceGroupID(s, group)
	}
	return resourceGroupID(s, group) + "/providers/" + kind + "/" + registry + endpoint + text(q.in, "resourceName")
}

// url is the request's address.
func (q request) url(id string) string {
	if !q.graph() {
		return "https://management.azure.com" + id
	}
	base := "https://graph.microsoft.com/v1.0/" + q.tenant
	switch short := q.token[strings.LastIndex(q.token, ":")+1:]; {
	case q.operation != opCreate:
		return base + "/" + strings.TrimPrefix(id, "/")
	case short == "Application":
		return base + "/applications"
	case short == "ServicePrincipal":
		return base + "/servicePrincipals"
	}
	return base + text(q.in, "applicationId") + "/addPassword"
}
