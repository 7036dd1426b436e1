package infra

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

// loadConfig reads the stack's configuration, fills in the defaults and validates it. The error lists every problem by
// key, without the values of encrypted keys.
func loadConfig(ctx *pulumi.Context) (*config.Config, error) {
	secretKeys := map[string]bool{}
	for _, key := range config.Keys() {
		secretKeys[key] = ctx.IsConfigSecret(ctx.Project() + ":" + key)
	}
	location, _ := ctx.GetConfig("azure-native:location")
	return config.Parse(rawConfig(ctx), secretKeys, location, ctx.Stack(), ctx.RootDirectory())
}

// rawConfig returns the stack's settings by top-level key, as the engine hands them over.
func rawConfig(ctx *pulumi.Context) map[string]string {
	raw := map[string]string{}
	// The SDK answers only for keys one asks for. The engine's own variable also shows those nobody knows.
	var all map[string]string
	if err := json.Unmarshal([]byte(os.Getenv(pulumi.EnvConfig)), &all); err == nil {
		for key, value := range all {
			if name, ours := strings.CutPrefix(key, ctx.Project()+":"); ours {
				raw[name] = value
			}
		}
	}
	for _, key := range config.Keys() {
		if value, ok := ctx.GetConfig(ctx.Project() + ":" + key); ok {
			raw[key] = value
		}
	}
	return raw
}
