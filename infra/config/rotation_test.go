package config

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRotationIsTheSameInsideAPeriod(t *testing.T) {
	t.Parallel()
	settings := Rotation{Days: ptr(30), Generation: 2}
	begin := rotationEpoch.Add(77 * 30 * 24 * time.Hour)
	want := settings.At(begin)
	require.Equal(t, 79, want.Current)
	require.Equal(t, want.Next, begin.AddDate(0, 0, 30))
	for _, elapsed := range []time.Duration{1, time.Hour, 29 * 24 * time.Hour, 30*24*time.Hour - 1} {
		require.Equal(t, want, settings.At(begin.Add(elapsed).In(time.FixedZone("elsewhere", 3600))))
	}
	require.Equal(t, 78, settings.At(begin.Add(-1)).Current)
	require.Equal(t, 80, settings.At(want.Next).Current)
}

// After a leak of all passwords, one change of the generation makes all new, whatever it was before.
func TestRotationMakesAllPasswordsNew(t *testing.T) {
	t.Parallel()
	numbers := func(generation int) map[int]bool {
		found := map[int]bool{}
		for _, term := range (Rotation{Generation: generation}).At(rotationEpoch.AddDate(7, 0, 0)).Terms(PasswordsAhead) {
			found[term.Number] = true
		}
		return found
	}
	for generation := range 9 + 1 {
		next := 0
		if generation < 5 {
			next = generation + 5
		}
		require.LessOrEqual(t, next, 9)
		before := numbers(generation)
		for number := range numbers(next) {
			require.NotContains(t, before, number, "from generation %d to %d", generation, next)
		}
	}
}

func TestRotationWarning(t *testing.T) {
	t.Parallel()
	settings := Rotation{} // 90 days
	begin := rotationEpoch.AddDate(0, 0, 27*90)
	require.Empty(t, settings.At(begin).Warning(begin))
	require.Empty(t, settings.At(begin).Warning(begin.AddDate(0, 0, 60)))
	late := begin.AddDate(0, 0, 61)
	require.Equal(t, "the password with which the cluster pulls is to change with the first update from 2026-11-25 on; it expires on 2027-05-24",
		settings.At(late).Warning(late))
}

func TestRotationNow(t *testing.T) {
	t.Parallel()
	require.Equal(t, "2026-11-23T12:00:00Z", Rotation{AsOf: "2026-11-23T12:00:00Z"}.Now().Format(time.RFC3339))
	require.WithinRange(t, Rotation{}.Now(), time.Now().Add(-time.Hour), time.Now())
}

// FuzzRotation plays updates at some moments, each of which may die at any step, and asks at every step and at the end of
// every pause whether the password in the cluster is one that Entra accepts.
func FuzzRotation(f *testing.F) {
	f.Add(uint8(90), true, []byte{10, 45, 100, 100, 3})
	f.Add(uint8(1), false, []byte{0, 255, 128, 1, 254, 127})
	f.Fuzz(func(t *testing.T, days uint8, slow bool, pauses []byte) {
		ahead := 0 // as for tokens, which the registry itself knows at once
		if slow {
			ahead = PasswordsAhead
		}
		settings := Rotation{Days: ptr(1 + int(days)%120)}
		period := settings.At(rotationEpoch).length
		now := rotationEpoch.AddDate(6, 0, 0)
		entra, inCluster := map[int]PasswordTerm{}, PasswordTerm{}
		accepted := func(when string) {
			require.Contains(t, entra, inCluster.Number, when)
			require.True(t, now.Before(inCluster.Expires), when)
		}
		// What the state says of each slot, and what is still to be deleted there.
		slots, replaced := map[int]int{}, map[int]bool{}
		run := func(steps int) {
			step := func() bool { steps--; return steps >= 0 }
			// The engine deletes what an update that died has replaced before it does anything else, and what it has
			// replaced itself at the end.
			deleteReplaced := func() bool {
				for number := range replaced {
					if !step() {
						return false
					}
					delete(entra, number)
					delete(replaced, number)
					if !inCluster.Expires.IsZero() {
						accepted("after a password is deleted")
					}
				}
				return true
			}
			if !deleteReplaced() {
				return
			}
			at, before := settings.At(now), maps.Clone(entra)
			regular := ahead > 0 && (inCluster.Expires.IsZero() || at.Current-inCluster.Number <= PasswordsKept)
			for _, term := range at.Terms(ahead) {
				if old, ok := slots[term.Slot]; ok && old == term.Number {
					continue
				} else if !step() {
					return
				} else if ok {
					replaced[old] = true
				}
				entra[term.Number], slots[term.Slot] = term, term.Number
			}
			if !step() {
				return
			}
			if regular && len(before) >= PasswordsKept+1+ahead {
				require.Contains(t, before, at.Current, "a password is used before Entra has spread it")
			}
			inCluster = at.Terms(ahead)[PasswordsKept]
			accepted("after the pull secrets are updated")
			deleteReplaced()
		}
		run(1000)
		for _, pause := range pauses[:min(len(pauses), 100)] {
			// Up to two periods without an update that gets through, cut at a step by the pause's last bits.
			now = now.Add(time.Duration(pause) * period / 256)
			accepted("after a pause")
			run(int(pause) % 8)
			now = now.Add(time.Duration(pause) * period / 256)
			accepted("after a pause")
			run(1000)
		}
	})
}
