package azuredouble

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// request is what a provider asks of Azure for one operation of the engine.
type request struct {
	operation string
	token     string // of the resource's or the function's type
	name      string // of the resource in the program
	id        string // of the resource; empty before its creation
	in        props  // what is asked for, if anything
	tenant    string
}

// retrier is how the HTTP client of a provider repeats what has failed. Its waits are scaled: see haste.
type retrier struct {
	tries int
	waits []time.Duration // after the first try, the second, …
	// longest is the longest Retry-After that is waited for.
	longest time.Duration
	// same says that a repeated creation finds what the one before has made. In Microsoft Graph it makes a second one.
	same bool
	// spent words the error when all tries have failed.
	spent func(q request, id string, err error) error
}

// haste is how much faster than the real providers the double waits before it tries again.
const haste = 100

// The providers' clients. azure-native has azcore repeat 408, 429, 500, 502, 503, 504 and broken connections three times, after
// 20, 60 and 120 seconds or the Retry-After, unless that is longer. azuread has go-retryablehttp repeat 429, 500 and above and
// broken connections four times, after 1, 2, 4 and 8 seconds or the Retry-After. Both give no sign of it.
var (
	armRetrier = &retrier{
		tries: 4, waits: []time.Duration{20 * time.Second, 60 * time.Second, 120 * time.Second}, longest: 120 * time.Second, same: true,
		spent: func(q request, id string, err error) error {
			if err == nil {
				return q.lost(id)
			}
			return err
		},
	}
	graphRetrier = &retrier{
		tries: 5, waits: []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}, longest: time.Hour,
		spent: func(q request, id string, err error) error {
			method, url := q.method(), q.url(id)
			spent := fmt.Errorf("%s%s %q: %[1]s%s %s giving up after 5 attempt(s)", method[:1], strings.ToLower(method[1:]), url, method[1:], url)
			if err == nil {
				return fmt.Errorf("%w: %w", spent, q.lost(id))
			}
			return spent
		},
	}
)

// do carries out a request, through whatever faults there are. Without any it is attempt and no more. The id that attempt
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
			_, err := attempt()
			return err
		}
		var failure error // nil: the connection has died
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
			if !retriable(failure) {
				return failure
			}
		}
		wait := r.waits[min(try, len(r.waits))-1]
		if rule.Fault == faultThrottled {
			wait = rule.duration()
		}
		if try == r.tries || wait > r.longest {
			return r.spent(q, id, failure)
		}
		if err := pause(ctx, wait/haste); err != nil {
			return err
		}
	}
}

// retriable tells the answers after which both clients try again.
func retriable(err error) bool {
	var e *cloudError
	return errors.As(err, &e) && slices.Contains([]int{
		http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	}, e.status)
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

// request describes what is asked of Azure for a resource.
func (p *provider) request(operation string, urn resource.URN, id string, in props) request {
	return request{
		operation: operation, token: string(urn.Type()), name: urn.Name(), id: id, in: in, tenant: p.double.current().Tenant,
	}
}

// unique tells creations that Microsoft Graph refuses to repeat.
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

// armTypes are the types of ARM that the providers' tokens do not tell of.
var armTypes = map[string]string{
	"ResourceGroup":         "Microsoft.Resources/resourceGroups",
	"Registry":              registryType,
	"RoleAssignment":        roleAssignmentType,
	"ManagementLockByScope": lockType,
	"PrivateEndpoint":       "Microsoft.Network/privateEndpoints",
	"DiagnosticSetting":     "Microsoft.Insights/diagnosticSettings",
	"getResourceGroup":      "Microsoft.Resources/resourceGroups",
	"getRegistry":           registryType,
	"getManagedCluster":     "Microsoft.ContainerService/managedClusters",
}

// armType is the type in ARM of what the request is about: of a registry's belongings, if it is none of the others.
func (q request) armType() string {
	short := q.token[strings.LastIndex(q.token, ":")+1:]
	if known, ok := armTypes[short]; ok {
		return known
	}
	return registryType + "/" + strings.ToLower(short[:1]) + short[1:] + "s"
}

// action is the permission that the request takes.
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

// scope is where the permission is missing.
func (q request) scope(s *state) string {
	switch group, registry := text(q.in, "resourceGroupName"), text(q.in, "registryName"); {
	case q.id != "":
		return q.id
	case text(q.in, "scope") != "":
		return text(q.in, "scope") + "/providers/" + q.armType() + "/" + text(q.in, "roleAssignmentName")
	case group != "" && registry != "":
		return registryID(s, group, registry)
	case group != "":
		return resourceGroupID(s, group)
	}
	return s.subscriptionID()
}

// url is where the request goes.
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
