package infra

import (
	"fmt"
	"time"
)

// RotationConfig says when the passwords with which the cluster pulls change.
type RotationConfig struct {
	// Days is the period: how many days a password is in use. Nil is defaultRotationDays.
	Days *int `json:"days"`
	// Generation, raised by one, changes the passwords with the next update, whatever the date.
	Generation int `json:"generation"`
	// AsOf is the moment that is taken for now, in the form of RFC 3339. Empty is the present.
	AsOf string `json:"asOf"`
}

const (
	defaultRotationDays = 90
	// A password lives for five periods, and should for less than the two years that Entra itself gives one.
	maxRotationDays = 120
	// Each generation lengthens the life of later passwords by a period, which has to end somewhere. From any generation, one
	// that is five away, and so has none of the same passwords, is within reach: five more, or from 5 on none.
	maxRotationGeneration = 9
)

// rotationEpoch is the beginning of the first period of every stack, for all time: what it is at a moment does not depend
// on when somebody ran an update.
var rotationEpoch = time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)

// How many credentials there are at a time besides the current one. Where no update has run for a whole period, the cluster
// pulls with the elder of the two before, also while the update that ends this is at work or has died on the way; and it
// goes on with one that was made two periods ago. All of Entra knows that since long, where a new one takes its time.
const (
	keptBefore = 2
	madeAhead  = 2
)

// passwordTerm is a password's place in the sequence of all that a stack ever has.
type passwordTerm struct {
	// number counts the passwords.
	number int
	// slot is the resource that holds the password until another one takes its place.
	slot int
	// expires is when Entra stops to accept it.
	expires time.Time
}

// rotation is what holds at a moment.
type rotation struct {
	// current counts the passwords until the one in use.
	current int
	// expires is when that one does.
	expires time.Time
	// next is when another one is to be used, with the first update from then on.
	next time.Time
	// period between two passwords.
	period time.Duration
}

// at returns what holds at a moment: the same for all moments of a period.
func (r RotationConfig) at(now time.Time) rotation {
	period := time.Duration(or(r.Days, defaultRotationDays)) * 24 * time.Hour
	elapsed := int(now.Sub(rotationEpoch) / period)
	today := rotation{
		current: elapsed + r.Generation,
		next:    rotationEpoch.Add(time.Duration(elapsed+1) * period),
		period:  period,
	}
	today.expires = today.expiry(today.current)
	return today
}

// expiry is when a password stops to be accepted: two periods after its own.
func (r rotation) expiry(number int) time.Time {
	return rotationEpoch.Add(time.Duration(number+1+keptBefore) * r.period)
}

// terms returns the passwords that exist, the ones made ahead last. A slot is given to another one when its password has
// expired.
func (r rotation) terms(ahead int) []passwordTerm {
	slots := keptBefore + 1 + ahead
	var terms []passwordTerm
	for number := r.current - keptBefore; number <= r.current+ahead; number++ {
		terms = append(terms, passwordTerm{number: number, slot: number % slots, expires: r.expiry(number)})
	}
	return terms
}

// warning returns what to tell when less than a third of the period is left, empty before that.
func (r rotation) warning(now time.Time) string {
	if left := r.next.Sub(now); left*3 >= r.period {
		return ""
	}
	return fmt.Sprintf("the password with which the cluster pulls is to change with the first update from %s on; it expires on %s",
		r.next.Format(time.DateOnly), r.expires.Format(time.DateOnly))
}

// now is the moment for which the program runs.
func (r RotationConfig) now() time.Time {
	if moment, err := time.Parse(time.RFC3339, r.AsOf); err == nil {
		return moment
	}
	return time.Now()
}

func (c *Config) validateRotation(found *problems) {
	days := or(c.Rotation.Days, defaultRotationDays)
	found.addUnless(days >= 1 && days <= maxRotationDays, "rotation.days", days, fmt.Sprintf("is not from 1 to %d", maxRotationDays))
	generation := c.Rotation.Generation
	found.addUnless(generation >= 0 && generation <= maxRotationGeneration, "rotation.generation", generation,
		fmt.Sprintf("is not from 0 to %d; from 5 on, 0 makes all passwords new", maxRotationGeneration))
	if c.Rotation.AsOf == "" {
		return
	}
	moment, err := time.Parse(time.RFC3339, c.Rotation.AsOf)
	found.addUnless(err == nil && moment.After(rotationEpoch.AddDate(1, 0, 0)), "rotation.asOf", c.Rotation.AsOf,
		`is not a moment after 2020 such as "2026-11-23T12:00:00Z"`)
}
