package azuredouble

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
)

// faults are the current rules and their counts.
type faults struct {
	mu    sync.Mutex
	rules []*activeRule
}

type activeRule struct {
	FaultRule
	random   *rand.Rand
	requests int // that match the rule
	struck   int
}

// FaultCount counts a rule's requests.
type FaultCount struct {
	Rule     string // in its short form
	Requests int    // that matched the rule, including the provider's retries
	Struck   int    // how many the fault affected
}

func newFaults(rules []FaultRule) *faults {
	f := &faults{}
	for _, r := range rules {
		// The second half is fixed: runs differ only by the printed seed.
		f.rules = append(f.rules, &activeRule{FaultRule: r, random: rand.New(rand.NewPCG(r.Seed, 0))}) //nolint:gosec // G404: chances, no secrets
	}
	return f
}

// strike counts a request, and returns the first rule that strikes, or nil.
func (f *faults) strike(operation, token, name string) *FaultRule {
	f.mu.Lock()
	defer f.mu.Unlock()
	var first *FaultRule
	for _, r := range f.rules {
		if !r.fits(operation, token, name) {
			continue
		}
		r.requests++
		if first != nil || r.Call > 0 && r.requests != r.Call || r.Chance > 0 && r.random.Float64() >= r.Chance {
			continue
		}
		r.struck++
		first = &r.FaultRule
	}
	return first
}

func (f *faults) counts() []FaultCount {
	f.mu.Lock()
	defer f.mu.Unlock()
	var counts []FaultCount
	for _, r := range f.rules {
		counts = append(counts, FaultCount{Rule: r.String(), Requests: r.requests, Struck: r.struck})
	}
	return counts
}

// FaultCounts returns the counts since the rules were set.
func (d *Double) FaultCounts() []FaultCount { return d.faults.Load().counts() }

// refusal returns a fault's error response, as worded by Azure Resource Manager, or by Microsoft Graph for the provider
// azuread.
func (r FaultRule) refusal(d *Double, q request) error {
	s, seconds := d.current(), int(r.duration().Seconds())
	if q.graph() {
		switch r.Fault {
		case faultThrottled:
			return graphError(http.StatusTooManyRequests, "TooManyRequests", "Too many requests.")
		case faultConflict:
			return graphError(http.StatusConflict, "Directory_ConcurrencyViolation", "Unable to execute the concurrent requests.")
		case faultError:
			return graphError(http.StatusInternalServerError, "InternalServerError", "An error has occurred.")
		case faultGateway:
			return graphError(http.StatusBadGateway, "UnknownError", "")
		case faultUnavailable:
			return graphError(http.StatusServiceUnavailable, "ServiceUnavailable", "The service is unavailable.")
		case faultQuota:
			return graphError(http.StatusForbidden, "Directory_QuotaExceeded", "The directory object quota limit for the Tenant has been"+
				" exceeded. Please ask your administrator to increase the quota limit or delete objects to reduce the used quota.")
		default:
			return errDenied()
		}
	}
	switch r.Fault {
	case faultThrottled:
		return armError(http.StatusTooManyRequests, "SubscriptionRequestsThrottled", "Number of requests for subscription '%s' and"+
			" operation '%s' exceeded the backend storage limit. Please try again after '%d' seconds.",
			s.Subscription, strings.ToUpper(q.method()+"/"+q.armType()), seconds)
	case faultConflict:
		return armError(http.StatusConflict, anotherOperation, "Another operation on this or dependent resource is in progress.")
	case faultError:
		return armError(http.StatusInternalServerError, "InternalServerError", "An internal server error occurred.")
	case faultUnavailable:
		return armError(http.StatusServiceUnavailable, "ServiceUnavailable", "The service is temporarily unavailable. Please try again later.")
	case faultGateway:
		return armError(http.StatusBadGateway, "InvalidGatewayHost", "The host name of the resource provider could not be resolved.")
	case faultUnregistered:
		namespace, _, _ := strings.Cut(q.armType(), "/")
		return armError(http.StatusConflict, "MissingSubscriptionRegistration", "The subscription is not registered to use namespace '%s'."+
			" See https://aka.ms/rps-not-found for how to register subscriptions.", namespace)
	case faultNoTasks:
		return fmt.Errorf("scheduling the task: %w", badRequest("TasksOperationsNotAllowed", "ACR Tasks requests for the registry %s and %s are"+
			" not permitted. Please file an Azure support request at http://aka.ms/azuresupport for further assistance.",
			lastSegment(parentID(text(q.in, "containerRegistryTaskId"))), s.Subscription))
	case faultTaken:
		return errNameTaken(text(q.in, "registryName"))
	case faultQuota:
		return quotaExceeded(q)
	default:
		return errUnauthorized(s, right{q.action(), q.scope(s)})
	}
}

// quotaExceeded is ARM's error for an exceeded quota.
func quotaExceeded(q request) error {
	switch q.armType() {
	case "Microsoft.Resources/resourceGroups":
		return armError(http.StatusConflict, "ResourceGroupQuotaExceeded", "Creating the resource group '%s' would exceed the quota of"+
			" '980'. The current resource group count is '980', please delete some resource groups before creating a new one.",
			text(q.in, "resourceGroupName"))
	case roleAssignmentType:
		return armError(http.StatusBadRequest, "RoleAssignmentLimitExceeded", "The role assignment limit for the subscription has been"+
			" exceeded: no more role assignments can be created.")
	}
	return armError(http.StatusConflict, "QuotaExceeded", "The quota for the resource type '%s' has been exceeded for the subscription.", q.armType())
}

// errNameTaken is ARM's error for a registry name in use.
func errNameTaken(name string) error {
	return armError(http.StatusConflict, "RegistryNameAlreadyInUse", "The registry name %s is already in use. You can check if the"+
		" name is already claimed using following API: "+
		"https://docs.microsoft.com/en-us/rest/api/containerregistry/registries/checknameavailability", name)
}

// errSecondPrincipal is Graph's error for a second service principal of the same application.
func errSecondPrincipal(clientID string) error {
	return fmt.Errorf("could not create service principal: %w", graphError(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue",
		"The service principal cannot be created, updated, or restored because the service principal name %s is already in use.", clientID))
}

// lost is a provider's error for a broken connection.
func (q request) lost(id string) error {
	method := q.method()
	return fmt.Errorf("%s%s %q: read: connection reset by peer", method[:1], strings.ToLower(method[1:]), q.url(id))
}
