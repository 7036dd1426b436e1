package azuredouble

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := Open(Options{})
		require.NoError(t, err)
		took := func(token string) time.Duration {
			began := time.Now()
			require.NoError(t, d.Delay(t.Context(), shortType(token)))
			return time.Since(began)
		}
		assert.Zero(t, took(registryTok), "there is no latency by default")
		d.SetConditions(Conditions{Latency: map[string]time.Duration{"azure-native:Registry": 20 * time.Second, "azuread:Application": time.Second}})
		assert.Equal(t, 20*time.Second, took(registryTok))
		assert.Equal(t, 20*time.Second, took(registryModule+"Registry"), "the API version does not matter")
		assert.Equal(t, time.Second, took(appType))
		assert.Zero(t, took(appPassType))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, d.Delay(ctx, shortType(registryTok)), context.DeadlineExceeded)
	})
}

// Each type of the table exists.
func TestTypicalLatencyNamesTypes(t *testing.T) {
	for name := range TypicalLatency {
		found := slices.Contains([]string{PullLatency, CommandLatency, RetriesLatency}, name)
		for _, token := range []string{groupType, registryTok, replicaTok, tokenTok, endpointTok, roleType, appType, spType, appPassType} {
			found = found || shortType(token) == name
		}
		assert.True(t, found, name)
	}
}

// Passwords of one application are created sequentially, those of two in parallel.
func TestPasswordsAreCreatedSequentially(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := Open(Options{})
		require.NoError(t, err)
		d.SetConditions(Conditions{Latency: map[string]time.Duration{"azuread:ApplicationPassword": 10 * time.Second}})
		began := time.Now()
		var ends [3]time.Duration
		var group sync.WaitGroup
		for i, application := range []string{unknownRole, unknownRole, otherGUID} {
			group.Go(func() {
				end, err := d.begin(t.Context(), newAzureAD(d).kinds[appPassType], props{"applicationId": applicationID(application)}, "")
				if assert.NoError(t, err) {
					ends[i] = time.Since(began)
					end()
				}
			})
		}
		group.Wait()
		slices.Sort(ends[:2])
		assert.Equal(t, [3]time.Duration{10 * time.Second, 20 * time.Second, 10 * time.Second}, ends)
	})
	for _, in := range []props{{"applicationId": applicationID(otherGUID)}, {"applicationObjectId": otherGUID}} {
		assert.Equal(t, otherGUID, passwordOwner(in, ""), in)
	}
	assert.Equal(t, otherGUID, passwordOwner(nil, passwordID(otherGUID, "key")), "a deletion waits for other requests of the same application")
}

func TestCanceledRequestsChangeNothing(t *testing.T) {
	e := newEngine(t, Options{})
	group := e.group()
	before := *e.double.current()
	e.double.SetConditions(Conditions{Latency: map[string]time.Duration{"azure-native:ResourceGroup": time.Hour}})
	properties := wire(t, fromProps(props{"resourceGroupName": "other", "location": "westeurope"}))
	for name, call := range map[string]func(context.Context) error{
		"create": func(ctx context.Context) error {
			_, err := e.native.Create(ctx, &pulumirpc.CreateRequest{Urn: urn(groupType, "other"), Type: groupType, Properties: properties})
			return err
		},
		"update": func(ctx context.Context) error {
			_, err := e.native.Update(ctx, &pulumirpc.UpdateRequest{
				Id: group.id, Urn: urn(groupType, group.name), Type: groupType, Olds: wire(t, group.outputs), News: properties,
			})
			return err
		},
		"delete": func(ctx context.Context) error {
			_, err := e.native.Delete(ctx, &pulumirpc.DeleteRequest{
				Id: group.id, Urn: urn(groupType, group.name), Type: groupType, Properties: wire(t, group.outputs),
			})
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		assert.Equal(t, codes.DeadlineExceeded, status.Code(call(ctx)), name)
		cancel()
		assert.Equal(t, before.Resources, e.double.current().Resources, name)
	}
}
