//go:build linux

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestKillSweep kills the engine at every boundary of a first creation, of an update and of a destruction, each time from
// the same beginning, and then runs the same command again. What the boundaries are shows from runs that nobody kills.
func TestKillSweep(t *testing.T) {
	b := newBox(t, "sweep")
	// A killed Helm counts as dead when its time is over.
	eager := settings{"startupProbe": settings{"periodSeconds": 1}, "readinessProbe": settings{"periodSeconds": 1}}
	configure := func(tag, sku string) {
		b.configure(settings{
			"services": settings{"customerapi": settings{"image": settings{"tag": tag}, "values": eager}},
			"registry": settings{"sku": sku}, "release": settings{"timeoutSeconds": 30},
		})
	}
	create := func() []string { configure("1.0.0", "Basic"); return []string{"up", "--at", "2027-01-10"} }
	// A later period rotates the password.
	update := func() []string { configure("1.1.0", "Standard"); return []string{"up", "--at", "2027-04-10"} }
	destroy := func() []string { return []string{"down", "--stack", "dev"} }

	b.must(create()...)
	b.must(destroy()...)
	s := &sweep{killSwitch: newKillSwitch(b)}
	creations := s.record(create()...)
	s.converged("1.0.0")
	updates := s.record(update()...)
	s.converged("1.1.0")
	destructions := s.record(destroy()...)
	s.converged("")
	for call, boundaries := range map[string][]boundary{"Create": creations, "Update": updates, "Delete": destructions} {
		t.Logf("%d boundaries:\n%v", len(boundaries), boundaries)
		for _, when := range []string{asked, amid, done} {
			require.Contains(t, boundaries, boundary{call, "kubernetes:Release customerapi", when})
		}
	}
	for i := range max(len(creations), len(updates), len(destructions)) {
		args := create()
		if i < len(creations) {
			s.kill(creations[i], args...)
		}
		s.must(args...)
		s.unchanged(args...)
		s.converged("1.0.0")
		if i < len(updates) {
			args := update()
			s.kill(updates[i], args...)
			s.must(args...)
			s.unchanged(args...)
			s.converged("1.1.0")
		}
		args = destroy()
		if i < len(destructions) {
			s.kill(destructions[i], args...)
		}
		s.must(args...)
		s.converged("")
	}
	s.leaks(s.passwords())
	t.Logf("%d killed, %d recovered, %d orphans, %d secrets leaked", s.kills, s.recovered, s.orphans, s.leaked)
	assert.Equal(t, len(creations)+len(updates)+len(destructions), s.kills)
	assert.Equal(t, s.kills, s.recovered)
	assert.Zero(t, s.orphans)
	assert.Zero(t, s.leaked)
}

// sweep counts.
type sweep struct {
	*killSwitch
	kills, recovered, orphans, leaked int

	dead     bool // and not recovered yet
	searched int  // how many of the passwords are known to be nowhere
}

func (s *sweep) kill(at boundary, args ...string) {
	s.t.Helper()
	s.killSwitch.kill(at, args...)
	s.kills++
	s.dead = true
}

// unchanged runs a command that has nothing to do.
func (s *sweep) unchanged(args ...string) {
	s.t.Helper()
	out := s.must(args...)
	require.Contains(s.t, out, "no changes")
	require.Empty(s.t, ops(out))
}

// converged checks that there is all that the stack's state holds and nothing else, that the release is well and of the
// given tag, and that no password is to be found. Without a tag, the stack is gone.
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

	var list struct {
		Items []struct {
			Kind     string
			Metadata struct {
				Name, Namespace string
				Labels          map[string]string
			}
		}
	}
	out, err := s.kube.run(s.t.Context(), "get", "namespaces,secrets", "--all-namespaces", "--output", "json")
	require.NoError(s.t, err)
	require.NoError(s.t, json.Unmarshal(out, &list))
	var releases []string
	status := map[string]string{} // of revisions
	for _, item := range list.Items {
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
	if s.dead {
		s.recovered++
		s.dead = false
	}
}

// wellKept checks the history of a release, by revision: none is missing, and only the last one runs.
func (s *sweep) wellKept(history map[string]string) {
	s.t.Helper()
	for i := range len(history) {
		status := history[string(rune('1'+i))]
		if i == len(history)-1 {
			require.Equal(s.t, "deployed", status, "%v", history)
		} else {
			require.Contains(s.t, []string{"superseded", "failed"}, status, "%v", history)
		}
	}
}

// same checks that what is there is what the state holds. What is there besides is an orphan.
func (s *sweep) same(where string, state, there []string) {
	s.t.Helper()
	for _, id := range there {
		if !slices.Contains(state, id) {
			s.orphans++
		}
	}
	require.ElementsMatch(s.t, state, there, where)
}

// state returns the resources in the stack's state, none if there is no such stack.
func (s *sweep) state() []apitype.ResourceV3 {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir(), "pulumi", ".pulumi", "stacks", "*", "dev.json"))
	require.NoError(s.t, err)
	if len(files) == 0 {
		return nil
	}
	content, err := os.ReadFile(files[0])
	require.NoError(s.t, err)
	var checkpoint struct {
		Checkpoint struct{ Latest apitype.DeploymentV3 }
	}
	require.NoError(s.t, json.Unmarshal(content, &checkpoint))
	require.Empty(s.t, checkpoint.Checkpoint.Latest.PendingOperations)
	return checkpoint.Checkpoint.Latest.Resources
}

// leaks looks for passwords in all that the sandbox has written or printed, except the cluster's database.
func (s *sweep) leaks(passwords []string) {
	s.t.Helper()
	var forms [][]byte
	for _, password := range passwords {
		require.NotEmpty(s.t, password)
		forms = append(forms, []byte(password), []byte(base64.StdEncoding.EncodeToString([]byte(password))))
		// In a login, "client:password", the password begins at the second byte of three; the first two characters and
		// the last group depend on what is around it.
		shifted := base64.StdEncoding.EncodeToString([]byte(":" + password))
		forms = append(forms, []byte(shifted[2:len(shifted)-4]))
	}
	search := func(where string, content []byte) {
		for _, form := range forms {
			if bytes.Contains(content, form) {
				s.leaked++
				assert.Fail(s.t, "secret in plain text", "in %s", where)
			}
		}
	}
	search("the output of a command", s.out.Bytes())
	require.NoError(s.t, filepath.WalkDir(s.dir(), func(path string, d fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err):
			return nil // the cluster runs
		case err != nil:
			return err
		case path == filepath.Join(s.dir(), "cluster", "etcd"):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err == nil {
			search(path, content)
		}
		return nil
	}))
}
