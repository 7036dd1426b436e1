package infra

import (
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRotationIsTheSameInsideAPeriod(t *testing.T) {
	t.Parallel()
	config := RotationConfig{Days: ptr(30), Generation: 2}
	begin := rotationEpoch.Add(77 * 30 * 24 * time.Hour)
	want := config.at(begin)
	require.Equal(t, 79, want.current)
	require.Equal(t, want.next, begin.AddDate(0, 0, 30))
	for _, elapsed := range []time.Duration{1, time.Hour, 29 * 24 * time.Hour, 30*24*time.Hour - 1} {
		require.Equal(t, want, config.at(begin.Add(elapsed).In(time.FixedZone("elsewhere", 3600))))
	}
	require.Equal(t, 78, config.at(begin.Add(-1)).current)
	require.Equal(t, 80, config.at(want.next).current)
}

// After a leak of all passwords, one change of the generation makes all new, whatever it was before.
func TestRotationMakesAllPasswordsNew(t *testing.T) {
	t.Parallel()
	numbers := func(generation int) map[int]bool {
		found := map[int]bool{}
		for _, term := range (RotationConfig{Generation: generation}).at(rotationEpoch.AddDate(7, 0, 0)).terms(madeAhead) {
			found[term.number] = true
		}
		return found
	}
	for generation := range maxRotationGeneration + 1 {
		next := 0
		if generation < 5 {
			next = generation + 5
		}
		require.LessOrEqual(t, next, maxRotationGeneration)
		before := numbers(generation)
		for number := range numbers(next) {
			require.NotContains(t, before, number, "from generation %d to %d", generation, next)
		}
	}
}

func TestRotationWarning(t *testing.T) {
	t.Parallel()
	config := RotationConfig{} // 90 days
	begin := rotationEpoch.AddDate(0, 0, 27*90)
	require.Empty(t, config.at(begin).warning(begin))
	require.Empty(t, config.at(begin).warning(begin.AddDate(0, 0, 60)))
	late := begin.AddDate(0, 0, 61)
	require.Equal(t, "the password with which the cluster pulls is to change with the first update from 2026-11-25 on; it expires on 2027-05-24",
		config.at(late).warning(late))
}

func TestRotationNow(t *testing.T) {
	t.Parallel()
	require.Equal(t, "2026-11-23T12:00:00Z", RotationConfig{AsOf: "2026-11-23T12:00:00Z"}.now().Format(time.RFC3339))
	require.WithinRange(t, RotationConfig{}.now(), time.Now().Add(-time.Hour), time.Now())
}

// FuzzRotation plays updates at some moments, each of which may die at any step, and asks at every step and at the end of
// every pause whether the password in the cluster is one that Entra accepts.
func FuzzRotation(f *testing.F) {
	f.Add(uint8(90), true, []byte{10, 45, 100, 100, 3})
	f.Add(uint8(1), false, []byte{0, 255, 128, 1, 254, 127})
	f.Fuzz(func(t *testing.T, days uint8, slow bool, pauses []byte) {
		ahead := 0 // as for tokens, which the registry itself knows at once
		if slow {
			ahead = madeAhead
		}
		config := RotationConfig{Days: ptr(1 + int(days)%maxRotationDays)}
		period := config.at(rotationEpoch).period
		now := rotationEpoch.AddDate(6, 0, 0)
		entra, inCluster := map[int]passwordTerm{}, passwordTerm{}
		accepted := func(when string) {
			require.Contains(t, entra, inCluster.number, when)
			require.True(t, now.Before(inCluster.expires), when)
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
					if !inCluster.expires.IsZero() {
						accepted("after a password is deleted")
					}
				}
				return true
			}
			if !deleteReplaced() {
				return
			}
			at, before := config.at(now), maps.Clone(entra)
			regular := ahead > 0 && (inCluster.expires.IsZero() || at.current-inCluster.number <= keptBefore)
			for _, term := range at.terms(ahead) {
				if old, ok := slots[term.slot]; ok && old == term.number {
					continue
				} else if !step() {
					return
				} else if ok {
					replaced[old] = true
				}
				entra[term.number], slots[term.slot] = term, term.number
			}
			if !step() {
				return
			}
			if regular && len(before) >= keptBefore+1+ahead {
				require.Contains(t, before, at.current, "a password is used before Entra has spread it")
			}
			inCluster = at.terms(ahead)[keptBefore]
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

func TestDeployRotates(t *testing.T) {
	t.Parallel()
	begin := rotationEpoch.AddDate(0, 0, 30*90)
	for _, test := range []struct {
		name, slot string
		at         time.Time
		generation int
		warns      bool
	}{
		{name: "in a period", at: begin, slot: "pull-0"},
		{name: "in the period's last third", at: begin.AddDate(0, 0, 61), slot: "pull-0", warns: true},
		{name: "in the next period", at: begin.AddDate(0, 0, 90), slot: "pull-1"},
		{name: "by hand", at: begin, generation: 2, slot: "pull-2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g, err := deploy(parseStackFile(t, fmt.Appendf(nil, `
config:
  azure-native:location: westeurope
  acr-microservices:rotation: {asOf: %q, generation: %d}
  acr-microservices:services: {customerapi: {}}`, test.at.Format(time.RFC3339), test.generation)), false)
			require.NoError(t, err)
			content := g.of("kubernetes:core/v1:Secret")["customerapi"].inputs["data"].SecretValue().Element.ObjectValue()[".dockerconfigjson"]
			if content.IsSecret() {
				content = content.SecretValue().Element
			}
			config, err := base64.StdEncoding.DecodeString(content.StringValue())
			require.NoError(t, err)
			require.Contains(t, string(config), testPassword+" "+test.slot)
			require.Equal(t, test.warns, strings.Contains(strings.Join(g.log, "\n"), "is to change with the first update from 2027-08-22 on"), g.log)
		})
	}
}
