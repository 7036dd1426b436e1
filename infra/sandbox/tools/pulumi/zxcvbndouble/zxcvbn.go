// Package zxcvbn is a double of github.com/ccojocar/zxcvbn-go, used by a replace directive: it decodes 10 MB of word lists whenever
// the Pulumi CLI starts. It is a fork of github.com/nbutton23/zxcvbn-go, which the CLI has as well, for "pulumi config set"; with this
// double, "pulumi env set" asks that one, and the lists are decoded once.
package zxcvbn

import "github.com/nbutton23/zxcvbn-go"

// PasswordStrength estimates how hard a password is to guess.
var PasswordStrength = zxcvbn.PasswordStrength
