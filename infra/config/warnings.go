package config

import "strings"

// Warnings returns a sentence for each setting that is allowed but probably a mistake.
func (c *Config) Warnings() []string {
	var warnings []string
	warn := func(key string, value any, rule string) {
		warnings = append(warnings, problem{key, value, rule}.line(c.isSecretPath(key)))
	}
	if c.UsesACR() {
		c.Registry.warnWebhooks(warn)
	}
	c.warnServiceNames(warn)
	return warnings
}

// isSecretPath reports whether the value at a key such as "services.customerapi.image.tag" can be secret.
func (c *Config) isSecretPath(key string) bool {
	top, _, _ := strings.Cut(key, ".")
	return c.secretKeys[top]
}
