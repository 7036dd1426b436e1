package azuredouble

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FaultRule injects a fault into matching provider requests.
type FaultRule struct {
	// On is the operation: create, read, update, delete, invoke, or any. azure-native's check for an existing resource before a
	// creation does not count as a request.
	On string `json:"on" yaml:"on"`
	// Type is a resource's or function's type: "Registry", a full token, or a pattern such as "*Password" or "*".
	Type string `json:"type" yaml:"type"`
	// Name is the resource's name in the program, or a pattern. Empty: any.
	Name string `json:"name,omitempty" yaml:"name,omitempty"`
	// Fault is one of Faults.
	Fault string `json:"fault" yaml:"fault"`
	// Call limits the fault to the n-th matching request, counted from 1, including the provider's retries. 0: each.
	Call int `json:"call,omitempty" yaml:"call,omitempty"`
	// Chance is the probability of the fault, 0 to 1. 0: always.
	Chance float64 `json:"chance,omitempty" yaml:"chance,omitempty"`
	// Seed makes the chances reproducible.
	Seed uint64 `json:"seed,omitempty" yaml:"seed,omitempty"`
	// For is the Retry-After of throttled, and the delay of a slow request: "30s". Empty: 10s and 5s.
	For string `json:"for,omitempty" yaml:"for,omitempty"`
}

// The faults.
const (
	faultThrottled   = "throttled"   // 429 with Retry-After
	faultConflict    = "conflict"    // 409, another operation is in progress
	faultError       = "error"       // 500
	faultUnavailable = "unavailable" // 503
	faultSlow        = "slow"        // succeeds after a delay
	faultLost        = "lost"        // succeeds, but the connection breaks before the response
	faultTaken       = "taken"       // another user has the registry's name
	faultQuota       = "quota"       // the quota is exhausted
	faultForbidden   = "forbidden"   // the permission is missing
	faultGateway     = "gateway"     // 502, ARM cannot reach the service
	// 409, the resource provider is not registered
	faultUnregistered = "unregistered"
	faultNoTasks      = "no-tasks" // 400, the subscription cannot run tasks
)

var (
	// Faults lists every fault.
	Faults = []string{
		faultThrottled, faultConflict, faultError, faultUnavailable, faultSlow, faultLost, faultTaken, faultQuota, faultForbidden,
		faultGateway, faultUnregistered, faultNoTasks,
	}
	faultOperations = []string{opCreate, opRead, opUpdate, opDelete, opInvoke, opAny}
)

// Request operations.
const (
	opCreate = "create"
	opRead   = "read"
	opUpdate = "update"
	opInvoke = "invoke"
	opAny    = "any"
)

// ParseFaultRule reads a rule in its short form, `OPERATION TYPE[/NAME] FAULT [call=N] [chance=P] [seed=N] [for=DURATION]`, as in
// `create Registry throttled call=1`.
func ParseFaultRule(text string) (FaultRule, error) {
	words := strings.Fields(text)
	if len(words) < 3 {
		return FaultRule{}, fmt.Errorf("fault %q: write it as \"OPERATION TYPE[/NAME] FAULT\", such as \"create Registry throttled\"", text)
	}
	rule := FaultRule{On: words[0], Fault: words[2]}
	rule.Type, rule.Name = splitTarget(words[1])
	var problems []error
	for _, word := range words[3:] {
		problems = append(problems, rule.set(word))
	}
	problems = append(problems, rule.problems()...)
	if err := errors.Join(problems...); err != nil {
		return FaultRule{}, fmt.Errorf("fault %q: %s", text, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return rule, nil
}

// splitTarget splits a type and a name. A token contains a slash, as in "azuread:index/application:Application".
func splitTarget(target string) (kind, name string) {
	colon := strings.LastIndex(target, ":") + 1
	kind, name, _ = strings.Cut(target[colon:], "/")
	return target[:colon] + kind, name
}

// set applies a word after the fault.
func (r *FaultRule) set(word string) (err error) {
	key, value, _ := strings.Cut(word, "=")
	switch key {
	case "call":
		r.Call, err = strconv.Atoi(value)
		if err == nil && r.Call == 0 {
			r.Call = -1 // given, but invalid
		}
	case "chance":
		r.Chance, err = strconv.ParseFloat(value, 64)
		if err == nil && r.Chance == 0 {
			r.Chance = -1
		}
	case "seed":
		r.Seed, err = strconv.ParseUint(value, 10, 64)
	case "for":
		r.For = value
	default:
		return fmt.Errorf("unknown setting %q; use one of call=, chance=, seed=, for=", word)
	}
	if err != nil {
		return fmt.Errorf("%s=%q is not a number", key, value)
	}
	return nil
}

// Check reports all problems of a rule.
func (r FaultRule) Check() error {
	if err := errors.Join(r.problems()...); err != nil {
		return fmt.Errorf("fault %q: %s", r, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

func (r FaultRule) problems() []error {
	var found []error
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			found = append(found, fmt.Errorf(format, args...))
		}
	}
	add(!slices.Contains(faultOperations, r.On), "unknown operation %q; use one of %s", r.On, strings.Join(faultOperations, ", "))
	add(!slices.Contains(Faults, r.Fault), "unknown fault %q; use one of %s", r.Fault, strings.Join(Faults, ", "))
	for _, pattern := range []string{r.Type, r.Name} {
		_, err := path.Match(pattern, "")
		add(err != nil, "%q is not a pattern", pattern)
	}
	add(r.Type == "", "a type is missing; * means any type")
	add(r.Call < 0, "call counts from 1")
	add(r.Chance < 0 || r.Chance > 1, "chance must be more than 0 and at most 1")
	d, err := time.ParseDuration(r.For)
	add(r.For != "" && (err != nil || d <= 0), "for=%s is not a duration such as 10s", r.For)
	add(r.Fault == faultTaken && (r.On != opCreate || r.Type != "Registry"), "taken applies to \"create Registry\" only")
	add(r.Fault == faultNoTasks && (r.On != opCreate || r.Type != "RegistryTaskScheduleRunNow"),
		"no-tasks applies to \"create RegistryTaskScheduleRunNow\" only")
	add(r.Fault == faultQuota && r.On != opCreate, "quota applies to create only")
	return found
}

// String is the short form.
func (r FaultRule) String() string {
	target := r.Type
	if r.Name != "" {
		target += "/" + r.Name
	}
	words := []string{r.On, target, r.Fault}
	if r.Call != 0 {
		words = append(words, fmt.Sprintf("call=%d", r.Call))
	}
	if r.Chance != 0 {
		words = append(words, fmt.Sprintf("chance=%g", r.Chance), fmt.Sprintf("seed=%d", r.Seed))
	}
	if r.For != "" {
		words = append(words, "for="+r.For)
	}
	return strings.Join(words, " ")
}

// duration is For, or the default.
func (r FaultRule) duration() time.Duration {
	if d, err := time.ParseDuration(r.For); err == nil {
		return d
	}
	if r.Fault == faultSlow {
		return 5 * time.Second
	}
	return 10 * time.Second
}

// fits reports whether a request matches the rule.
func (r FaultRule) fits(operation, token, name string) bool {
	short := token[strings.LastIndex(token, ":")+1:]
	return (r.On == opAny || r.On == operation) && (matches(r.Type, short) || matches(r.Type, token)) &&
		(r.Name == "" || matches(r.Name, name))
}

func matches(pattern, text string) bool {
	ok, err := path.Match(pattern, text)
	return ok && err == nil
}
