//go:build linux

package cli

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/sandbox/engine"
)

var killEverywhere = flag.Bool("kill-everywhere", false, "kill at every boundary, each time from the same initial state, and not at one of each kind in one life")

// TestKillSweep kills the engine at the boundaries of a first creation, of an update and of a destruction, and runs the same
// command again each time, until it succeeds. Uninterrupted runs record the boundaries. It takes one of each kind, one after another;
// with -kill-everywhere, all of them, each in a life of its own.
func TestKillSweep(t *testing.T) {
	runInParallel(t)
	s := newSweep(t)
	creations := ofEachKind(s.record(s.creation()...))
	s.converged("1.0.0")
	updates := ofEachKind(s.record(s.update()...))
	s.converged("1.1.0")
	destructions := ofEachKind(s.record(s.destruction()...))
	s.converged("")
	for call, boundaries := range map[string][]boundary{"Create": creations, "Update": updates, "Delete": destructions} {
		t.Logf("%d boundaries:\n%v", len(boundaries), boundaries)
		for _, when := range []string{asked, amid, done} {
			require.Contains(t, boundaries, boundary{call, "kubernetes:Release customerapi", when})
		}
	}
	boundaries, lives := len(creations)+len(updates)+len(destructions), 0
	for ; len(creations)+len(updates)+len(destructions) > 0; lives++ {
		before := s.kills
		creations, updates, destructions = s.live(creations, updates, destructions)
		require.Greater(t, s.kills, before, "not reached: %v", slices.Concat(creations, updates, destructions))
	}
	s.leaks(s.passwords())
	t.Logf("%d killed in %d lives, %d recovered, %d orphans, %d secrets leaked", s.kills, lives, s.recovered, s.orphans, s.leaked)
	assert.Equal(t, boundaries, s.kills)
	assert.Equal(t, s.kills, s.recovered)
	assert.Zero(t, s.orphans)
	assert.Zero(t, s.leaked)
}

// ofEachKind returns one boundary of each kind. A kind is a call, a type and a moment, such as the creations of several
// passwords; before a provider has done anything, a call and a provider, except for a Release.
func ofEachKind(all []boundary) []boundary {
	if *killEverywhere {
		return all
	}
	seen := map[boundary]bool{}
	return slices.DeleteFunc(slices.Clone(all), func(b boundary) bool {
		kind := boundary{b.call, strings.Fields(b.what)[0], b.when}
		if b.when == asked && !strings.HasPrefix(b.what, "kubernetes:Release ") {
			kind.what, _, _ = strings.Cut(b.what, ":")
		}
		known := seen[kind]
		seen[kind] = true
		return known
	})
}

// sweep runs a stack's life cycles in its own sandbox and counts results.
type sweep struct {
	*killSwitch
	kills, recovered, orphans, leaked int

	dead     int // number of kills not recovered from yet
	searched int // number of passwords already searched for
}

func newSweep(t *testing.T) *sweep {
	t.Helper()
	s := &sweep{killSwitch: &killSwitch{box: newBox(t, "sweep")}}
	s.must(s.creation()...)
	s.must(s.destruction()...)
	s.killSwitch = newKillSwitch(s.box)
	return s
}

// creation, update and destruction return the commands that create the stack, rotate the password in a later period, and remove
// the stack.
func (s *sweep) creation() []string {
	s.configureFor("1.0.0", "Basic")
	return []string{"up", "--at", "2027-01-10"}
}

func (s *sweep) update() []string {
	s.configureFor("1.1.0", "Standard")
	return []string{"up", "--at", "2027-04-10"}
}

func (s *sweep) destruction() []string { return []string{"down", "--stack", "dev"} }

func (s *sweep) configureFor(tag, sku string) {
	s.t.Helper()
	quick := settings{
		"startupProbe": settings{"enabled": false}, "readinessProbe": settings{"enabled": false}, "terminationGracePeriodSeconds": 1,
	}
	s.configure(settings{
		"services": settings{"customerapi": settings{"image": settings{"tag": tag}, "values": quick}},
		"registry": settings{"sku": sku},
		"release":  settings{"timeoutSeconds": 40}, // a killed Helm counts as dead after this time
	})
}

// live runs a stack's life cycle, kills the engine at the given boundaries, and returns those that are left for another life.
func (s *sweep) live(creations, updates, destructions []boundary) (_, _, _ []boundary) {
	s.t.Helper()
	creations = s.survive(creations, s.creation()...)
	s.unchanged(s.creation()...)
	s.converged("1.0.0")
	if len(updates) > 0 {
		updates = s.survive(updates, s.update()...)
		s.unchanged(s.update()...)
		s.converged("1.1.0")
	}
	destructions = s.survive(destructions, s.destruction()...)
	s.converged("")
	return creations, updates, destructions
}

// survive runs a command until it succeeds, and kills it whenever it reaches one of the boundaries, each once. It returns those
// that it has not reached: operations run in parallel, so one can succeed before another's death.
func (s *sweep) survive(left []boundary, args ...string) []boundary {
	s.t.Helper()
	for len(left) > 0 {
		at := s.kill(left, args...)
		if at == (boundary{}) {
			return left
		}
		left = slices.DeleteFunc(slices.Clone(left), func(b boundary) bool { return b == at })
		s.kills++
		s.dead++
		if *killEverywhere {
			break
		}
	}
	s.must(args...)
	return left
}

// unchanged checks that a command changes nothing.
func (s *sweep) unchanged(args ...string) {
	s.t.Helper()
	out := s.must(args...)
	require.Contains(s.t, out, "no changes")
	require.Empty(s.t, ops(out))
}

// converged checks that exactly the resources in the stack's state exist, that the release is healthy and has the tag, and that
// no password leaked. Without a tag, the stack must be gone.
func (s *sweep) converged(tag string) {
	s.t.Helper()
	var inState, inCluster, helm []string
	var cloud []string
	for _, r := range s.state() {
		switch {
		case !r.Custom || strings.HasPrefix(string(r.Type), "pulumi:"):
		case strings.HasPrefix(string(r.Type), "azure"):
			cloud = append(cloud, string(r.ID))
		case r.Type == "kubernetes:helm.sh/v3:Release":
			helm = append(helm, string(r.ID))
		default:
			inState = append(inState, string(r.ID))
		}
	}
	s.same("in Azure", cloud, s.info().Inventory)

	objects, err := s.kube.namespacesAndSecrets(s.t.Context())
	require.NoError(s.t, err)
	var releases []string
	status := map[string]string{} // by revision
	for _, item := range objects {
		m := item.Metadata
		switch {
		case m.Labels["owner"] == "helm":
			status[m.Labels["version"]] = m.Labels["status"]
			releases = append(releases, m.Namespace+"/"+m.Labels["name"])
		case item.Kind == "Secret" && m.Namespace == "kube-system":
		case item.Kind == "Secret":
			inCluster = append(inCluster, m.Namespace+"/"+m.Name)
		case m.Name != "default" && !strings.HasPrefix(m.Name, "kube-"):
			inCluster = append(inCluster, m.Name)
		}
	}
	slices.Sort(releases)
	s.same("in the cluster", inState, inCluster)
	s.same("with Helm", helm, slices.Compact(releases))
	if tag == "" {
		require.Empty(s.t, s.state())
	} else {
		s.wellKept(status)
		require.Len(s.t, s.images(customer), 1)
		require.True(s.t, strings.HasSuffix(s.images(customer)[0], ":"+tag))
	}
	passwords := s.passwords()
	s.leaks(passwords[s.searched:])
	s.searched = len(passwords)
	s.recovered += s.dead
	s.dead = 0
}

// wellKept checks a release's history by revision: none is missing, and only the last is deployed.
func (s *sweep) wellKept(history map[string]string) {
	s.t.Helper()
	for i := range len(history) {
		status := history[strconv.Itoa(i+1)]
		if i == len(history)-1 {
			require.Equal(s.t, "deployed", status, "%v", history)
		} else {
			require.Contains(s.t, []string{"superseded", "failed"}, status, "%v", history)
		}
	}
}

// same checks that the existing objects are those in the state. Any other is an orphan.
func (s *sweep) same(where string, state, there []string) {
	s.t.Helper()
	for _, id := range there {
		if !slices.Contains(state, id) {
			s.orphans++
		}
	}
	require.ElementsMatch(s.t, state, there, where)
}

// state returns the resources in the stack's state, none if the stack is missing.
func (s *sweep) state() []apitype.ResourceV3 {
	s.t.Helper()
	states, err := engine.States(s.dir())
	require.NoError(s.t, err)
	for _, state := range states {
		if state.Stack == "dev" {
			require.Empty(s.t, state.Deployment.PendingOperations)
			return state.Deployment.Resources
		}
	}
	return nil
}

// leaks searches for passwords in all sandbox files and output, except the cluster's database.
func (s *sweep) leaks(passwords []string) {
	s.t.Helper()
	named := map[string]string{}
	for i, password := range passwords {
		require.NotEmpty(s.t, password)
		named[fmt.Sprintf("password %d", i)] = password
	}
	search := newLeakSearch(named)
	note := func(where string, found []string) {
		s.leaked += len(found)
		assert.Empty(s.t, found, "in plain text in %s", where)
	}
	note("the output of a command", search.in(s.out.Bytes()))
	s.files(func(path string, content []byte) {
		if !strings.HasPrefix(path, database) {
			note(path, search.in(content))
		}
	})
}
