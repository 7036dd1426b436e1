package config

import (
	"fmt"
	"time"
)

// Rotation says when the cluster's pull passwords change.
type Rotation struct {
	// Days is the period, the number of days for which a password is in use. Periods are counted from 2020-01-01. The service
	// principal's password is created one period before it is used, and is valid for two periods after its own, so that pulls still
	// work after a period without an update. Entra limits these four periods to two years. A change replaces all passwords at once, as
	// `generation` does.
	Days *int `json:"days" min:"1" max:"120" default:"90"`
	// Generation is the generation of the passwords. When it changes, the next update replaces all passwords, whatever the date, and
	// deletes the old ones at its end.
	Generation int `json:"generation" min:"0" max:"999" default:"0"`
	// AsOf is the time that the program uses as the current time, such as `2026-11-23T12:00:00Z`. Default: the actual time.
	AsOf string `json:"asOf" is:"moment"`
}

const defaultRotationDays = 90

// rotationEpoch is the beginning of the first period of every stack. It is fixed, so that the current period does not depend on
// when an update ran.
var rotationEpoch = time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)

// periodsOfGrace is for how many periods after its own a password is still accepted: one in which no update runs, and the one in which
// the next update runs.
const periodsOfGrace = 2

// tokensPerService is how many tokens a service has at a time: the current one, and one for each period of grace. A token has one
// password, which the provider deletes before it creates the next one, so that password must not be in use then.
const tokensPerService = 1 + periodsOfGrace

// Password is one password of a stack.
type Password struct {
	// Name is unique among all passwords of the stack, such as "28", or "28-1" in generation 1.
	Name string
	// Expires is when it is no longer accepted.
	Expires time.Time
}

// RotationPeriod says which passwords exist during a period, and until when.
type RotationPeriod struct {
	// Number counts the periods since 2020-01-01.
	Number int
	// Generation of the passwords.
	Generation int
	// Expires is when the current password is no longer accepted.
	Expires time.Time
	// Next is when the next period begins. The first update from then on changes the password.
	Next time.Time
	// length of the period.
	length time.Duration
}

// At returns the period at a time. It is the same for all times in the period.
func (r Rotation) At(now time.Time) RotationPeriod {
	length := time.Duration(ValueOr(r.Days, defaultRotationDays)) * 24 * time.Hour
	number := int(now.Sub(rotationEpoch) / length)
	today := RotationPeriod{Number: number, Generation: r.Generation, Next: rotationEpoch.Add(time.Duration(number+1) * length), length: length}
	today.Expires = today.expiry(number)
	return today
}

// expiry is when the password of a period is no longer accepted.
func (r RotationPeriod) expiry(number int) time.Time {
	return rotationEpoch.Add(time.Duration(number+1+periodsOfGrace) * r.length)
}

// Passwords returns the two passwords that exist: the current one and the next one. By the time the next one is used, Entra has
// known it for a whole period.
//
// Each password has its own name, and so its own resource. The engine creates new resources, updates the pull secrets, and deletes
// the resources that are no longer declared at the very end of an update. If it is killed before that, the pull secrets hold a
// password that still exists.
func (r RotationPeriod) Passwords() (current, next Password) {
	password := func(number int) Password {
		name := fmt.Sprint(number)
		if r.Generation > 0 {
			name += fmt.Sprintf("-%d", r.Generation)
		}
		return Password{Name: name, Expires: r.expiry(number)}
	}
	return password(r.Number), password(r.Number + 1)
}

// Token is one of the tokens that a service uses in turn.
type Token struct {
	// Slot is the number of the token. The token stays; its password changes.
	Slot int
	// Current says that the pull secret holds it.
	Current bool
	// Expires is when its password is no longer accepted. A different time makes a different password, so each generation adds a
	// second.
	Expires time.Time
}

// Tokens returns the tokens that exist: the current one, and those of the previous periods of grace. A pull secret holds one of the
// previous tokens if a period passed without an update, or if an update was killed. A lock on the registry prevents the deletion of
// a token, but allows a new password.
func (r RotationPeriod) Tokens() []Token {
	var tokens []Token
	for number := r.Number - periodsOfGrace; number <= r.Number; number++ {
		tokens = append(tokens, Token{
			Slot: number % tokensPerService, Current: number == r.Number,
			Expires: r.expiry(number).Add(time.Duration(r.Generation) * time.Second),
		})
	}
	return tokens
}

// warning returns a warning if less than a third of the period is left, and otherwise an empty string.
func (r RotationPeriod) warning(now time.Time) string {
	if left := r.Next.Sub(now); left*3 >= r.length {
		return ""
	}
	return fmt.Sprintf("the pull password is due to change: the first update from %s on replaces it, and it expires on %s",
		r.Next.Format(time.DateOnly), r.Expires.Format(time.DateOnly))
}

// Now returns the time that the program uses as the current time.
func (r Rotation) Now() time.Time {
	if moment, err := time.Parse(time.RFC3339, r.AsOf); err == nil {
		return moment
	}
	return time.Now()
}
