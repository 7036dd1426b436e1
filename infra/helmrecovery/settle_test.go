package helmrecovery

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"example.com/acr-microservices/infra/internal/kubeapi"
)

// clusterDouble is an API server that serves only the secrets of one namespace.
type clusterDouble struct {
	t        *testing.T
	secrets  map[string]storedSecret
	hooks    string // of every release, as JSON
	requests []string
	before   func(method string) // called before each request is answered
}

// add stores a revision as Helm does.
func (d *clusterDouble) add(version int, status string, began time.Time) {
	d.t.Helper()
	d.store(version, status, began.Format(time.RFC3339Nano))
}

// store stores a revision with fields that the program does not know.
func (d *clusterDouble) store(version int, status, began string) {
	d.t.Helper()
	deployed, deleted := began, ""
	if status == uninstalling {
		deployed, deleted = "2026-01-01T00:00:00Z", began
	}
	content := fmt.Sprintf(`{"name":"api","info":{"first_deployed":"2026-01-01T00:00:00Z","last_deployed":%q,"deleted":%q,`+
		`"description":"Preparing","status":%q,"notes":"<hello>"},"manifest":"a: b\n","hooks":[%s],"version":%d,"large":12345678901234567890}`,
		deployed, deleted, status, d.hooks, version)
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	_, err := zipped.Write([]byte(content))
	require.NoError(d.t, err)
	require.NoError(d.t, zipped.Close())
	name := fmt.Sprintf("sh.helm.release.v1.api.v%d", version)
	d.secrets[name] = storedSecret{
		Metadata: metadata{
			Name: name, Namespace: "api-test", ResourceVersion: fmt.Sprint(len(d.requests) + 1),
			Labels: map[string]string{"owner": "helm", "name": "api", "status": status, "team": "blue"},
		},
		Type: "helm.sh/release.v1",
		Data: map[string][]byte{"release": base64.StdEncoding.AppendEncode(nil, packed.Bytes())},
	}
}

func (d *clusterDouble) RoundTrip(request *http.Request) (*http.Response, error) {
	if d.before != nil {
		d.before(request.Method)
	}
	d.requests = append(d.requests, request.Method)
	name, _ := strings.CutPrefix(request.URL.Path, "/api/v1/namespaces/api-test/secrets")
	name = strings.TrimPrefix(name, "/")
	answer := httptest.NewRecorder()
	switch request.Method {
	case http.MethodGet:
		assert.Equal(d.t, "owner=helm,name=api", request.URL.Query().Get("labelSelector"))
		list := slices.SortedFunc(maps.Values(d.secrets), func(a, b storedSecret) int { return cmp.Compare(a.Metadata.Name, b.Metadata.Name) })
		require.NoError(d.t, json.NewEncoder(answer).Encode(map[string]any{"items": list}))
	case http.MethodPut:
		var secret storedSecret
		require.NoError(d.t, json.NewDecoder(request.Body).Decode(&secret))
		assert.Equal(d.t, []string{"v1", "Secret", "helm.sh/release.v1", name},
			[]string{secret.APIVersion, secret.Kind, secret.Type, secret.Metadata.Name})
		if secret.Metadata.ResourceVersion != d.secrets[name].Metadata.ResourceVersion {
			answer.WriteHeader(http.StatusConflict)
			break
		}
		d.secrets[name] = secret
	case http.MethodDelete:
		body, err := io.ReadAll(request.Body)
		require.NoError(d.t, err)
		assert.JSONEq(d.t, fmt.Sprintf(`{"preconditions":{"resourceVersion":%q}}`, d.secrets[name].Metadata.ResourceVersion), string(body))
		delete(d.secrets, name)
	}
	return answer.Result(), nil
}

// states returns the revisions and their states.
func (d *clusterDouble) states() map[int]string {
	d.t.Helper()
	found := map[int]string{}
	for _, secret := range d.secrets {
		record, err := readRecord(secret)
		require.NoError(d.t, err)
		assert.Equal(d.t, record.Info.Status, secret.Metadata.Labels["status"])
		found[record.Version] = record.Info.Status
	}
	return found
}

const timeout = time.Minute

func TestSettle(t *testing.T) {
	t.Parallel()
	const hooks = `{"name":"migrate","events":["pre-install","pre-upgrade"]},{"events":["post-install"]},{"events":["pre-delete","test"]}`
	long, now := -time.Hour, time.Duration(0)
	type revision struct {
		status string
		began  time.Duration
	}
	for name, test := range map[string]struct {
		install bool
		hooks   string
		history []revision
		want    map[int]string
		waits   time.Duration
	}{
		"no release":                    {install: true, want: map[int]string{}},
		"no release to upgrade":         {want: map[int]string{}},
		"all is well":                   {history: []revision{{"superseded", long}, {"deployed", long}}, want: map[int]string{1: "superseded", 2: "deployed"}},
		"it failed by itself":           {history: []revision{{"deployed", long}, {failed, long}}, want: map[int]string{1: "deployed", 2: failed}},
		"abandoned installation":        {install: true, history: []revision{{pendingInstall, long}}, want: map[int]string{}},
		"abandoned just now":            {install: true, history: []revision{{pendingInstall, now}}, want: map[int]string{}, waits: timeout},
		"abandoned upgrade":             {history: []revision{{"deployed", long}, {pendingUpgrade, long}}, want: map[int]string{1: "deployed", 2: failed}},
		"abandoned upgrade just now":    {history: []revision{{"deployed", long}, {pendingUpgrade, -timeout / 2}}, want: map[int]string{1: "deployed", 2: failed}, waits: timeout / 2},
		"abandoned rollback":            {history: []revision{{"deployed", long}, {failed, long}, {pendingRollback, long}}, want: map[int]string{1: "deployed", 2: failed, 3: failed}},
		"abandoned removal":             {history: []revision{{"superseded", long}, {uninstalling, long}}, want: map[int]string{1: "superseded", 2: failed}},
		"known, but never installed":    {history: []revision{{pendingInstall, long}}, want: map[int]string{1: failed}},
		"only the last revision counts": {history: []revision{{pendingUpgrade, long}, {"deployed", long}}, want: map[int]string{1: pendingUpgrade, 2: "deployed"}},
		"installed by someone else":     {install: true, history: []revision{{"deployed", long}}, want: map[int]string{1: "deployed"}},
		"upgraded by someone else":      {install: true, history: []revision{{"deployed", long}, {pendingUpgrade, long}}, want: map[int]string{1: "deployed", 2: pendingUpgrade}},
		"being removed by someone else": {install: true, history: []revision{{"superseded", long}, {uninstalling, long}}, want: map[int]string{1: "superseded", 2: uninstalling}},
		"removal after it failed":       {install: true, history: []revision{{uninstalling, long}}, want: map[int]string{}},
		"removal just now, with hooks":  {install: true, hooks: hooks, history: []revision{{uninstalling, now}}, want: map[int]string{}, waits: 2 * timeout},
		"installation with hooks":       {install: true, hooks: hooks, history: []revision{{pendingInstall, now}}, want: map[int]string{}, waits: 3 * timeout},
		"upgrade with hooks":            {hooks: hooks, history: []revision{{pendingUpgrade, now}}, want: map[int]string{1: failed}, waits: 2 * timeout},
		"rollback with hooks":           {hooks: hooks, history: []revision{{pendingRollback, now}}, want: map[int]string{1: failed}, waits: timeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				double := &clusterDouble{t: t, hooks: test.hooks, secrets: map[string]storedSecret{}}
				for i, r := range test.history {
					double.add(i+1, r.status, time.Now().Add(r.began))
				}
				began := time.Now()
				warnings := double.settle(test.install)
				assert.Equal(t, test.want, double.states())
				assert.Equal(t, test.waits, time.Since(began))
				assert.Equal(t, test.waits > 0, strings.Contains(strings.Join(warnings, "\n"), "waiting until"))
			})
		})
	}
}

// settle settles the release and returns the warnings.
func (d *clusterDouble) settle(install bool) []string {
	d.t.Helper()
	warnings, err := d.trySettle(install)
	require.NoError(d.t, err)
	return warnings
}

func (d *clusterDouble) trySettle(install bool) (warnings []string, err error) {
	d.t.Helper()
	server, err := kubeapi.New(&rest.Config{Host: "https://cluster", Transport: d})
	require.NoError(d.t, err)
	release := Release{Namespace: "api-test", Name: "api", Install: install, Timeout: timeout}
	err = Settle(d.t.Context(), server, release, func(text string) { warnings = append(warnings, text) })
	return warnings, err
}

// Without the time, nobody knows whether Helm is still running.
func TestSettleUnreadableTime(t *testing.T) {
	t.Parallel()
	for _, status := range []string{pendingUpgrade, uninstalling} {
		double := &clusterDouble{t: t, secrets: map[string]storedSecret{}}
		double.store(3, status, "soon")
		warnings, err := double.trySettle(false)
		require.ErrorContains(t, err, `revision 3: parsing time "soon"`)
		assert.Empty(t, warnings)
		assert.Equal(t, map[int]string{3: status}, double.states())
	}
}

func TestSettleLeavesHelmAtWork(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{"that succeeds": "deployed", "that fails": failed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				double := &clusterDouble{t: t, secrets: map[string]storedSecret{}}
				double.add(1, "deployed", time.Now())
				double.add(2, pendingUpgrade, time.Now())
				began := time.Now()
				double.before = func(string) {
					if time.Since(began) > 10*time.Second {
						double.add(2, end, began)
					}
				}
				double.settle(false)
				assert.NotContains(t, double.requests, http.MethodPut)
				assert.Less(t, time.Since(began), 15*time.Second)
			})
		})
	}
}

func TestSettleLosesRace(t *testing.T) {
	t.Parallel()
	double := &clusterDouble{t: t, secrets: map[string]storedSecret{}}
	double.add(1, pendingUpgrade, time.Now().Add(-time.Hour))
	double.before = func(method string) {
		if method == http.MethodPut { // Helm has ended after all
			double.add(1, "deployed", time.Now())
		}
	}
	assert.Empty(t, double.settle(false))
	assert.Equal(t, map[int]string{1: "deployed"}, double.states())
}

// In a record that is marked as failed, everything but the status and its reason stays as it was, to the byte.
func TestFailedRecord(t *testing.T) {
	t.Parallel()
	double := &clusterDouble{t: t, secrets: map[string]storedSecret{}}
	began := time.Date(2026, 11, 23, 12, 0, 0, 5, time.FixedZone("", 3600))
	double.add(7, pendingUpgrade, began)
	require.Equal(t, []string{`release "api": revision 7 has been pending-upgrade since ` + began.Local().Format(time.DateTime) +
		`, but the Helm process that started it is no longer running: the revision is marked as failed`}, double.settle(false))
	secret := double.secrets["sh.helm.release.v1.api.v7"]
	assert.Equal(t, "blue", secret.Metadata.Labels["team"])
	record, err := readRecord(secret)
	require.NoError(t, err)
	var content map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(record.content, &content))
	assert.Equal(t, "12345678901234567890", string(content["large"]))
	assert.JSONEq(t, `{"first_deployed":"2026-01-01T00:00:00Z","last_deployed":"2026-11-23T12:00:00.000000005+01:00","deleted":"",
		"description":"Helm was killed while the release was pending-upgrade","status":"failed","notes":"<hello>"}`, string(content["info"]))
}
