package azuredouble

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
)

// Never is a delay that does not end.
const Never = time.Duration(math.MaxInt64)

// Options configure the double. The zero value keeps its state in memory and has no delays.
type Options struct {
	// StatePath is the file with the cloud's state: JSON, mode 0600, replaced atomically after each change. Its folder must
	// exist. Passwords are stored only as salted hashes. Empty: the state is lost when the process ends.
	StatePath string
	// Conditions at the start; see [Double.SetConditions].
	Conditions
	// OnRegistry is called when a registry's data plane answers, before its creation is reported. Its error is reported as
	// a failed initialization: the registry exists and is in the stack, and the next update calls OnRegistry again.
	OnRegistry func(ctx context.Context, loginServer string) error
	// RunTask executes a run of an ACR Task, and returns the reason for a failure.
	RunTask func(ctx context.Context, run TaskRun) error
	// Kubeconfig is the file with the credentials of the cluster [AKSCluster]. Empty: the cluster is missing.
	Kubeconfig string
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Conditions change in Azure without an action of the user.
type Conditions struct {
	// PullPropagation is how long a role assignment, or its deletion, takes to reach a registry's data plane (in Azure: minutes).
	PullPropagation time.Duration
	// Replication is how long Entra takes to replicate a new object to all servers. Until then, a password is rejected, and ARM
	// does not know a service principal, unless the assignment's principalType says that it is one (in Azure: seconds to
	// minutes).
	Replication time.Duration
	// Ahead is how far Azure's clock is ahead of the machine's, to test future dates.
	Ahead time.Duration
	// Labelled are the names of registries that are created with a domain name label, as in Azure's portal.
	Labelled []string
	// Rights are the deploying user's permissions; nil: all.
	Rights *Rights
	// ABAC says that the registries are in the mode "RBAC Registry + ABAC Repository Permissions".
	ABAC bool
	// Faults are injected into requests.
	Faults []FaultRule
	// Latency is the duration of a creation, update or deletion, by type without its module, as in "azure-native:Registry", and
	// [PullLatency]. Missing keys have none. See [TypicalLatency].
	Latency map[string]time.Duration
}

// Double is the simulated tenant and subscription. Its methods are safe for concurrent use.
type Double struct {
	options Options
	secret  []byte // of this process; derived values are never stored

	conditions atomic.Pointer[Conditions]
	faults     atomic.Pointer[faults]
	queues     sync.Map // of *semaphore.Weighted, by kind.owner's result

	mu    sync.RWMutex
	state *state
}

// state is the cloud's complete state. It is replaced as a whole: see [Double.change].
type state struct {
	Version           int                          `json:"version"`
	Tenant            string                       `json:"tenant"`
	Subscription      string                       `json:"subscription"`
	Owner             string                       `json:"owner"`     // object id of the deploying user
	Kubelet           string                       `json:"kubelet"`   // object id of the identity of the cluster's nodes
	Resources         map[string]*armResource      `json:"resources"` // by lower-case id
	Applications      map[string]*application      `json:"applications"`
	ServicePrincipals map[string]*servicePrincipal `json:"servicePrincipals"`
	// Withdrawn are deleted role assignments. Changed is the time of the deletion.
	Withdrawn []*armResource `json:"withdrawn,omitempty"`
	// Deleted is when Entra soft-deleted each application and service principal.
	Deleted map[string]time.Time `json:"deleted,omitempty"`
}

// armResource is an ARM resource. The ids of all that belongs to it begin with its own.
type armResource struct {
	ID       string    `json:"id"`
	Settings props     `json:"settings"` // as requested, in the SDK's input format
	Created  time.Time `json:"created"`
	Changed  time.Time `json:"changed"`
	// Pending is set until the response to the creation.
	Pending bool `json:"pending,omitempty"`
	// Ready is set when Options.OnRegistry has succeeded.
	Ready bool `json:"ready,omitempty"`
	// Credentials are a token's.
	Credentials *passwords `json:"credentials,omitempty"`
	// Label follows a registry's name in its login server, if the registry has a domain name label.
	Label string `json:"label,omitempty"`
	// Rotated is when a registry's encryption was given another key.
	Rotated time.Time `json:"rotated,omitzero"`
	// Principal is the object id of the system-assigned identity, if the resource has one.
	Principal string `json:"principal,omitempty"`
}

const stateVersion = 1

// Open creates the double with the state in StatePath, or with an empty subscription.
func Open(o Options) (*Double, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Double{options: o, secret: make([]byte, 32)}
	d.SetConditions(o.Conditions)
	_, _ = rand.Read(d.secret) // never fails, as documented
	s, err := load(o.StatePath)
	if err != nil {
		return nil, fmt.Errorf("state of the Azure double %q: %w", o.StatePath, err)
	}
	d.state = s
	return d, nil
}

func load(path string) (*state, error) {
	s := &state{
		Version: stateVersion, Tenant: uuid.NewString(), Subscription: uuid.NewString(), Owner: uuid.NewString(),
		Kubelet:   uuid.NewString(),
		Resources: map[string]*armResource{}, Applications: map[string]*application{},
		ServicePrincipals: map[string]*servicePrincipal{},
	}
	if path == "" {
		return s, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, save(path, s) // so that the ids are the same after the next start
	}
	if err != nil {
		return nil, err
	}
	s.Version = 0
	if err := json.Unmarshal(data, s); err != nil {
		return nil, err
	}
	secrets, err := newSealer(keyFile(path))
	if err != nil {
		return nil, err
	}
	if err := s.changeSecrets(secrets.open); err != nil {
		return nil, fmt.Errorf("sealed with another key than in %s: %w", keyFile(path), err)
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("has version %d, not %d: delete it to begin with an empty subscription", s.Version, stateVersion)
	}
	for id, r := range s.Resources {
		if r.Pending { // the double died during the creation: no stack has it
			s.remove(id, r.Created)
		}
	}
	return s, nil
}

// keyFile returns the path of the key that seals the secrets in a state file.
func keyFile(path string) string { return path + ".key" }

// clone returns a deep copy.
func (s *state) clone() (*state, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	copied := &state{}
	return copied, json.Unmarshal(data, copied)
}

func save(path string, s *state) error {
	if path == "" {
		return nil
	}
	secrets, err := newSealer(keyFile(path))
	if err != nil {
		return err
	}
	stored, err := s.clone()
	if err != nil {
		return err
	}
	if err := stored.changeSecrets(secrets.seal); err != nil {
		return err
	}
	data, err := json.MarshalIndent(stored, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

// change runs f on a copy of the state and keeps the copy if both f and the saving succeed. So an operation is atomic, and f
// can return an error at any point.
func (d *Double) change(f func(*state) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	next, err := d.state.clone()
	if err != nil {
		return err
	}
	if err := f(next); err != nil {
		return err
	}
	if err := save(d.options.StatePath, next); err != nil {
		return fmt.Errorf("state of the Azure double %q: %w", d.options.StatePath, err)
	}
	d.state = next
	return nil
}

func (d *Double) now() time.Time { return d.options.Now().Add(d.conditions.Load().Ahead).UTC() }

// current returns the current state, which is never modified.
func (d *Double) current() *state {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.state
}

// SetConditions changes the conditions, also for existing objects.
func (d *Double) SetConditions(c Conditions) {
	d.conditions.Store(&c)
	d.faults.Store(newFaults(c.Faults))
}

// Serve serves the engine as the providers azure-native, azuread and azure, each on its listener, until ctx is done (then it
// returns nil) or a listener fails. It closes the listeners.
func (d *Double) Serve(ctx context.Context, azureNative, azureAD, azure net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	for listener, p := range map[net.Listener]*provider{
		azureNative: newAzureNative(d), azureAD: newAzureAD(d), azure: newAzure(d),
	} {
		group.Go(func() error { return p.serve(ctx, listener) })
	}
	return group.Wait()
}

// Inventory lists the ids of everything that exists in the cloud, sorted: resources, applications, service principals and
// passwords. It is empty after everything has been destroyed.
func (d *Double) Inventory() []string {
	s := d.current()
	var ids []string
	for _, r := range s.Resources {
		ids = append(ids, r.ID)
		if r.Credentials != nil && len(r.Credentials.Passwords) > 0 {
			ids = append(ids, tokenPasswordID(r.ID))
		}
	}
	for _, a := range s.Applications {
		ids = append(ids, applicationID(a.ObjectID))
		for _, one := range a.Passwords {
			ids = append(ids, passwordID(a.ObjectID, one.KeyID))
		}
	}
	for _, p := range s.ServicePrincipals {
		ids = append(ids, p.ObjectID)
	}
	slices.Sort(ids)
	return ids
}

// resource finds an ARM resource. Ids are case-insensitive.
func (s *state) resource(id string) *armResource {
	if r := s.Resources[strings.ToLower(id)]; r != nil {
		return r
	}
	return s.builtIn(id)
}

// put stores a resource with its new settings, unless a lock prevents it.
func (s *state) put(r *armResource, settings props, now time.Time) error {
	if err := s.checkUnlocked(r.ID, opWrite); err != nil {
		return err
	}
	s.Resources[strings.ToLower(r.ID)] = r
	r.Settings, r.Changed = settings, now
	switch system := systemAssigned(settings); {
	case system && r.Principal == "":
		r.Principal = uuid.NewString()
	case !system:
		r.Principal = ""
	}
	return nil
}

// remove deletes a resource with all that belongs to it. Like ARM, it ignores a missing resource.
func (s *state) remove(id string, now time.Time) {
	id = strings.ToLower(id)
	maps.DeleteFunc(s.Resources, func(other string, r *armResource) bool {
		gone := other == id || strings.HasPrefix(other, id+"/")
		if gone && isRoleAssignment(r) {
			withdrawn := *r
			withdrawn.Changed = now
			s.Withdrawn = append(s.Withdrawn, &withdrawn)
		}
		return gone
	})
}

// mustBeNew rejects creating an existing resource, as the azure-native provider does.
func (s *state) mustBeNew(id string) error {
	if s.resource(id) != nil {
		return fmt.Errorf("cannot create already existing resource '%s'", id)
	}
	return nil
}

func (s *state) subscriptionID() string { return "/subscriptions/" + s.Subscription }
