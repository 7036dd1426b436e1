package config

import (
	"strings"
	"time"
)

// Warnings returns a sentence for each setting that is allowed but probably a mistake, and one if a password is due to change.
func (c *Config) Warnings() []string {
	var warnings []string
	warn := func(key string, value any, rule string) {
		warnings = append(warnings, problem{key, value, rule}.line(c.isSecretPath(key)))
	}
	if c.UsesACR() {
		c.Registry.warnWebhooks(warn)
	}
	c.warnServiceNames(warn)
	c.warnDocuments(warn)
	if !c.HasPullSecrets() {
		return warnings
	}
	now := c.Rotation.Now()
	used := c.Rotation.At(now)
	if used.Number < c.Rotation.At(time.Now()).Number {
		warn("rotation.asOf", c.Rotation.AsOf, "is in an earlier period than today: no password is rotated, and the one in use expires on "+
			used.Expires.Format(time.DateOnly))
	}
	if text := used.warning(now); text != "" {
		warnings = append(warnings, text)
	}
	return warnings
}

// isSecretPath reports whether the value at a key such as "services.customerapi.image.tag" can be secret.
func (c *Config) isSecretPath(key string) bool {
	top, _, _ := strings.Cut(key, ".")
	return c.secretKeys[top]
}
