package config

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRotationIsTheSameInsideAPeriod(t *testing.T) {
	t.Parallel()
	settings := Rotation{Days: ptr(30), Generation: 2}
	begin := rotationEpoch.Add(77 * 30 * 24 * time.Hour)
	want := settings.At(begin)
	require.Equal(t, 77, want.Number)
	require.Equal(t, want.Next, begin.AddDate(0, 0, 30))
	for _, elapsed := range []time.Duration{1, time.Hour, 29 * 24 * time.Hour, 30*24*time.Hour - 1} {
		require.Equal(t, want, settings.At(begin.Add(elapsed).In(time.FixedZone("elsewhere", 3600))))
	}
	require.Equal(t, 76, settings.At(begin.Add(-1)).Number)
	require.Equal(t, 78, settings.At(want.Next).Number)
}

// A new generation, for example after a leak, shares no password with the previous one, and does not expire later.
func TestRotationByGeneration(t *testing.T) {
	t.Parallel()
	now := rotationEpoch.AddDate(7, 0, 0)
	current, next := Rotation{}.At(now).Passwords()
	again, after := Rotation{Generation: 1}.At(now).Passwords()
	require.Len(t, map[string]bool{current.Name: true, next.Name: true, again.Name: true, after.Name: true}, 4)
	require.Equal(t, []time.Time{current.Expires, next.Expires}, []time.Time{again.Expires, after.Expires})
	tokens, others := Rotation{}.At(now).Tokens(), Rotation{Generation: 1}.At(now).Tokens()
	for i := range tokens {
		require.Equal(t, tokens[i].Slot, others[i].Slot)
		require.NotEqual(t, tokens[i].Expires, others[i].Expires, "with the same expiry, the provider would keep the password")
	}
}

// A password is created one period before its own, and expires exactly two periods after it.
func TestPasswordsEndWithTheirGrace(t *testing.T) {
	t.Parallel()
	at := Rotation{Days: ptr(30)}.At(rotationEpoch.AddDate(7, 0, 0))
	current, next := at.Passwords()
	require.Equal(t, at.Next.AddDate(0, 0, 60), current.Expires)
	require.Equal(t, at.Next.AddDate(0, 0, 90), next.Expires)
	require.Equal(t, current.Expires, at.Expires)
}

func TestRotationWarning(t *testing.T) {
	t.Parallel()
	settings := Rotation{} // 90 days
	begin := rotationEpoch.AddDate(0, 0, 27*90)
	require.Empty(t, settings.At(begin).warning(begin))
	require.Empty(t, settings.At(begin).warning(begin.AddDate(0, 0, 60)))
	late := begin.AddDate(0, 0, 61)
	require.Equal(t, "the pull password is due to change: the first update from 2026-11-25 on replaces it, and it expires on 2027-05-24",
		settings.At(late).warning(late))
}

func TestRotationNow(t *testing.T) {
	t.Parallel()
	require.Equal(t, "2026-11-23T12:00:00Z", Rotation{AsOf: "2026-11-23T12:00:00Z"}.Now().Format(time.RFC3339))
	require.WithinRange(t, Rotation{}.Now(), time.Now().Add(-time.Hour), time.Now())
}

// rotationWorld is what Entra or the registry accepts, what the state says, and what the pull secrets hold.
type rotationWorld struct {
	t        *testing.T
	settings Rotation
	now      time.Time
	accepted map[string]time.Time // by password, its end
	state    map[string]string    // passwords by resource
	pulls    string               // the password in the pull secrets
	steps    int                  // until the update is killed
}

func (w *rotationWorld) step() bool {
	w.steps--
	return w.steps >= 0
}

// check asserts that pods can pull.
func (w *rotationWorld) check(when string) {
	if w.pulls == "" {
		return
	}
	end, ok := w.accepted[w.pulls]
	require.True(w.t, ok, "%s: %s is deleted, and the pull secrets hold it", when, w.pulls)
	require.True(w.t, w.now.Before(end), "%s: %s has expired", when, w.pulls)
}

// update simulates what the engine does with the service principal's passwords: it creates new ones, updates the pull secrets, and
// deletes those that are no longer declared. Any step can be the last.
func (w *rotationWorld) update() {
	current, next := w.settings.At(w.now).Passwords()
	declared := map[string]bool{}
	for _, password := range []Password{current, next} {
		declared[password.Name] = true
		if _, exists := w.state[password.Name]; exists {
			continue
		}
		if !w.step() {
			return
		}
		w.accepted[password.Name], w.state[password.Name] = password.Expires, password.Name
	}
	if !w.step() {
		return
	}
	w.pulls = current.Name
	w.check("pull secrets updated")
	for _, name := range slices.Sorted(maps.Keys(w.state)) {
		if declared[name] {
			continue
		}
		if !w.step() {
			return
		}
		delete(w.accepted, name)
		delete(w.state, name)
		w.check("old password deleted")
	}
	require.Len(w.t, w.accepted, 2, "two passwords after a complete update")
}

// updateTokens simulates the same for tokens: the provider deletes a slot's password before it creates the next one.
func (w *rotationWorld) updateTokens() {
	at := w.settings.At(w.now)
	current := ""
	for _, token := range at.Tokens() {
		slot, password := fmt.Sprint(token.Slot), fmt.Sprint(token.Slot, token.Expires)
		if token.Current {
			current = password
		}
		if w.state[slot] == password {
			continue
		}
		if !w.step() {
			return
		}
		delete(w.accepted, w.state[slot])
		delete(w.state, slot)
		w.check("slot cleared")
		if !w.step() {
			return
		}
		w.accepted[password], w.state[slot] = token.Expires, password
	}
	if !w.step() {
		return
	}
	w.pulls = current
	w.check("pull secrets updated")
	require.Len(w.t, w.accepted, tokensPerService)
}

// FuzzRotation simulates updates, each of which can be killed at any step, and asserts at every step and at the end of every pause
// that the password in the cluster is accepted.
func FuzzRotation(f *testing.F) {
	f.Add(uint8(90), true, []byte{10, 45, 100, 100, 3})
	f.Add(uint8(1), false, []byte{0, 255, 128, 1, 254, 127})
	f.Add(uint8(30), true, []byte{255, 255, 254, 253, 252, 251})
	f.Fuzz(func(t *testing.T, days uint8, tokens bool, pauses []byte) {
		w := &rotationWorld{
			t: t, settings: Rotation{Days: ptr(1 + int(days)%120)}, now: rotationEpoch.AddDate(6, 0, 0),
			accepted: map[string]time.Time{}, state: map[string]string{},
		}
		run := func(steps int) {
			w.steps = steps
			if tokens {
				w.updateTokens()
			} else {
				w.update()
			}
		}
		period := w.settings.At(w.now).length
		run(1000)
		for _, pause := range pauses[:min(len(pauses), 100)] {
			// Up to two periods pass without a complete update. The pause's last bits choose the step at which an update is killed.
			for _, steps := range []int{int(pause) % 8, 1000} {
				w.now = w.now.Add(time.Duration(pause) * period / 256)
				w.check("after a pause")
				run(steps)
			}
		}
	})
}

// After an update to another generation, only its passwords exist, and pods can pull at each step.
func TestRotationByGenerationRevokes(t *testing.T) {
	t.Parallel()
	for killed := range 6 {
		w := &rotationWorld{t: t, now: rotationEpoch.AddDate(6, 0, 0), accepted: map[string]time.Time{}, state: map[string]string{}}
		w.steps = 1000
		w.update()
		old := slices.Collect(maps.Keys(w.accepted))
		w.settings.Generation = 1
		w.steps = killed
		if w.update(); killed < 5 {
			w.steps = 1000
			w.update()
		}
		require.Len(t, w.accepted, 2)
		for _, password := range old {
			require.NotContains(t, w.accepted, password)
		}
	}
}

func TestTokenName(t *testing.T) {
	t.Parallel()
	require.Equal(t, "customerapi-prod-west-2", (&Config{Environment: "prod"}).TokenName("customerapi", "prod_west.2"))
}
