package infra

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

// loadConfig reads the stack's configuration, fills in the defaults, validates it, and logs its warnings. The error lists every
// problem by key, without the values of encrypted keys.
func loadConfig(ctx *pulumi.Context) (*config.Config, error) {
	secretKeys := map[string]bool{}
	for _, key := range config.Keys() {
		secretKeys[key] = ctx.IsConfigSecret(ctx.Project() + ":" + key)
	}
	settings, others := rawConfig(ctx)
	cfg, err := config.Parse(settings, secretKeys, config.Around{
		Stack: ctx.Stack(), Project: ctx.Project(), Root: ctx.RootDirectory(), Settings: others,
	})
	if err != nil {
		return nil, err
	}
	for _, text := range cfg.Warnings() {
		if err := ctx.Log.Warn(text, nil); err != nil {
			return nil, fmt.Errorf("configuration warning: %w", err)
		}
	}
	return cfg, nil
}

// aroundKeys are the keys of other namespaces that the program reads, in case the engine's own variable does not hold them.
var aroundKeys = []string{"azure-native:location", "azure-native:environment", "azure-native:subscriptionId"}

// rawConfig returns the stack's settings by top-level key, as the engine passes them, and the settings of other namespaces by their
// full keys, with the environment variables that name the cloud.
func rawConfig(ctx *pulumi.Context) (raw, others map[string]string) {
	raw, others = map[string]string{}, map[string]string{}
	// The SDK returns only keys that the program asks for. The engine's own variable also holds unknown keys.
	var all map[string]string
	if err := json.Unmarshal([]byte(os.Getenv(pulumi.EnvConfig)), &all); err == nil {
		for key, value := range all {
			if name, ours := strings.CutPrefix(key, ctx.Project()+":"); ours {
				raw[name] = value
			} else {
				others[key] = value
			}
		}
	}
	for _, key := range config.Keys() {
		if value, ok := ctx.GetConfig(ctx.Project() + ":" + key); ok {
			raw[key] = value
		}
	}
	for _, key := range aroundKeys {
		if value, ok := ctx.GetConfig(key); ok {
			others[key] = value
		}
	}
	for _, name := range config.CloudVariables {
		others[name] = os.Getenv(name)
	}
	return raw, others
}

// settingsOf returns another package's settings, as secrets if they are encrypted. An explicit provider does not read them itself.
func settingsOf(ctx *pulumi.Context, pkg string, keys []string) pulumi.Map {
	settings := pulumi.Map{}
	for _, key := range keys {
		value, given := ctx.GetConfig(pkg + ":" + key)
		if !given {
			continue
		}
		settings[key] = pulumi.String(value)
		if ctx.IsConfigSecret(pkg + ":" + key) {
			settings[key] = pulumi.ToSecret(settings[key])
		}
	}
	return settings
}
