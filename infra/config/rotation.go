package config

import (
	"fmt"
	"time"
)

// Rotation says when the passwords with which the cluster pulls change.
type Rotation struct {
	// Days is the period: for how many days a password is in use, counted from 2020-01-01. A password is valid for five periods, which Entra
	// limits to two years.
	Days *int `json:"days" min:"1" max:"120" default:"90"`
	// Generation changes the password with the next update, whatever the date, when it is raised by one. Raised by five, or set to 0 from 5
	// on, it replaces all passwords that exist.
	Generation int `json:"generation" min:"0" max:"9" default:"0" hint:"from 5 on, 0 makes all passwords new"`
	// AsOf is the moment that the program takes for now, such as `2026-11-23T12:00:00Z`. Default: the present.
	AsOf string `json:"asOf" is:"moment"`
}

const defaultRotationDays = 90

// rotationEpoch is the beginning of the first period of every stack, for all time: what it is at a moment does not depend
// on when somebody ran an update.
var rotationEpoch = time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)

// How many credentials there are at a time besides the current one. Where no update has run for a whole period, the cluster
// pulls with the elder of the two before, also while the update that ends this is at work or has died on the way; and it
// goes on with one that was made two periods ago. All of Entra knows that since long, where a new one takes its time.
const (
	PasswordsKept  = 2
	PasswordsAhead = 2
)

// PasswordTerm is a password's place in the sequence of all that a stack ever has.
type PasswordTerm struct {
	// Number counts the passwords.
	Number int
	// Slot is the resource that holds the password until another one takes its place.
	Slot int
	// Expires is when Entra stops to accept it.
	Expires time.Time
}

// RotationPeriod says which password is in use during a period, and until when.
type RotationPeriod struct {
	// Current counts the passwords until the one in use.
	Current int
	// Expires is when that one does.
	Expires time.Time
	// Next is when another one is to be used, with the first update from then on.
	Next time.Time
	// length of the period.
	length time.Duration
}

// At returns what holds at a moment: the same for all moments of a period.
func (r Rotation) At(now time.Time) RotationPeriod {
	period := time.Duration(ValueOr(r.Days, defaultRotationDays)) * 24 * time.Hour
	elapsed := int(now.Sub(rotationEpoch) / period)
	today := RotationPeriod{
		Current: elapsed + r.Generation,
		Next:    rotationEpoch.Add(time.Duration(elapsed+1) * period),
		length:  period,
	}
	today.Expires = today.expiry(today.Current)
	return today
}

// expiry is when a password stops to be accepted: two periods after its own.
func (r RotationPeriod) expiry(number int) time.Time {
	return rotationEpoch.Add(time.Duration(number+1+PasswordsKept) * r.length)
}

// Terms returns the passwords that exist, the ones made ahead last. A slot is given to another one when its password has
// expired.
func (r RotationPeriod) Terms(ahead int) []PasswordTerm {
	slots := PasswordsKept + 1 + ahead
	var terms []PasswordTerm
	for number := r.Current - PasswordsKept; number <= r.Current+ahead; number++ {
		terms = append(terms, PasswordTerm{Number: number, Slot: number % slots, Expires: r.expiry(number)})
	}
	return terms
}

// Warning returns what to tell when less than a third of the period is left, empty before that.
func (r RotationPeriod) Warning(now time.Time) string {
	if left := r.Next.Sub(now); left*3 >= r.length {
		return ""
	}
	return fmt.Sprintf("the password with which the cluster pulls is to change with the first update from %s on; it expires on %s",
		r.Next.Format(time.DateOnly), r.Expires.Format(time.DateOnly))
}

// Now is the moment for which the program runs.
func (r Rotation) Now() time.Time {
	if moment, err := time.Parse(time.RFC3339, r.AsOf); err == nil {
		return moment
	}
	return time.Now()
}
