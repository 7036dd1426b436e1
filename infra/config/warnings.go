package config

import "strings"

// Warnings returns what is allowed but probably not meant, one sentence for each key.
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

// isSecretPath says whether the value at a key such as "services.customerapi.image.tag" may be secret.
func (c *Config) isSecretPath(key string) bool {
	top, _, _ := strings.Cut(key, ".")
	return c.secretKeys[top]
}
