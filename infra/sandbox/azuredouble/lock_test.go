package azuredouble

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLockRules(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry := e.registry(nil)
	in := props{"scope": registry.id, "lockName": "keep", "level": "CanNotDelete"}
	for name, c := range map[string]struct {
		change props
		want   string
	}{
		"unknown level":        {props{"level": "cannotdelete"}, "The lock level 'cannotdelete' is invalid."},
		"unspecified level":    {props{"level": "NotSpecified"}, "The lock level must be specified."},
		"notes too long":       {props{"notes": strings.Repeat("x", 513)}, "at most 512 characters"},
		"unknown registry":     {props{"scope": registry.id + "x"}, "ResourceNotFound"},
		"another subscription": {props{"scope": "/subscriptions/" + otherGUID}, "SubscriptionNotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			_, err := e.try(lockTok, "lock", merge(in, c.change))
			require.ErrorContains(t, err, c.want)
		})
	}
	lock := e.create(lockTok, "lock", in)
	assert.Equal(t, registry.id+"/providers/Microsoft.Authorization/locks/keep", lock.id)
	_, err := e.try(lockTok, "again", in)
	require.ErrorContains(t, err, "cannot create already existing resource")
	require.NoError(t, e.update(lock, merge(in, props{"notes": "please"})))
	assert.Equal(t, "please", lock.out("notes"))
	for _, key := range []string{"scope", "lockName"} {
		_, diff := e.plan(lock, merge(in, props{key: "other"}))
		assert.Equal(t, []string{key}, diff.GetReplaces())
	}
	e.create(lockTok, "on another user's vault", merge(in, props{"scope": vault}))
}

// TestLocks checks what a lock on each scope blocks.
func TestLocks(t *testing.T) {
	for name, c := range map[string]struct {
		on     string // the scope
		locked []string
		free   []string
	}{
		"subscription": {"subscription", []string{"group", "registry", "webhook", "assignment"}, nil},
		"group":        {"group", []string{"group", "registry", "webhook", "assignment"}, nil},
		"registry":     {"registry", []string{"group", "registry", "webhook", "assignment"}, []string{"other"}},
		"webhook":      {"webhook", []string{"group", "registry", "webhook"}, []string{"assignment", "other"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, Options{})
			group, registry, id := e.group(), e.registry(nil), e.identity("pull")
			r := map[string]*deployed{
				"group": group, "registry": registry,
				"webhook":    e.create(webhookTok, "w", webhookInputs("deploy", nil)),
				"assignment": e.assign("pull", id.objectID(), acrPull, registry.id),
				"other":      e.create(registryTok, "other", registryInputs(props{"registryName": "other12345"})),
			}
			scope := e.double.current().subscriptionID()
			if r[c.on] != nil {
				scope = r[c.on].id
			}
			lock := e.create(lockTok, "lock", props{"scope": scope, "lockName": "keep", "level": "CanNotDelete"})
			for _, name := range c.locked {
				err := e.tryDestroy(r[name])
				require.ErrorContains(t, err, `Status=409 Code="ScopeLocked" Message="The scope '`+r[name].id+
					`' cannot perform delete operation because following scope(s) are locked: '`+scope+`'.`, name)
				assert.True(t, e.refresh(r[name]))
			}
			for _, name := range c.free {
				e.destroy(r[name])
			}
			// Changes are still allowed.
			require.NoError(t, e.update(registry, registryInputs(props{"tags": props{"a": "b"}})))
			e.create(webhookTok, "new", webhookInputs("another", nil))

			require.True(t, e.refresh(lock))
			e.destroy(lock)
			e.destroy(registry)
			e.destroy(group)
		})
	}
}

func TestReadOnlyLock(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry := e.registry(nil)
	in := props{"scope": registry.id, "lockName": "freeze", "level": "ReadOnly"}
	lock := e.create(lockTok, "lock", in)
	want := "cannot perform write operation because following scope(s) are locked: '" + registry.id + "'"
	require.ErrorContains(t, e.update(registry, registryInputs(props{"tags": props{"a": "b"}})), want)
	_, err := e.try(webhookTok, "w", webhookInputs("deploy", nil))
	require.ErrorContains(t, err, want)
	require.ErrorContains(t, e.tryDestroy(registry), "cannot perform delete operation")
	e.create(lockTok, "second", props{"scope": registry.id, "lockName": "second", "level": "CanNotDelete"})
	require.NoError(t, e.update(lock, merge(in, props{"level": "CanNotDelete"})))
	e.create(webhookTok, "w", webhookInputs("deploy", nil))
}
