package azuredouble

import (
	"context"
	"strings"
	"time"
)

// TypicalLatency is how long Azure takes for what the stack asks of it, by type as [Conditions] names them. These are
// assumptions for benchmarks, at the quick end of what people report of Azure: nobody has measured them here.
var TypicalLatency = map[string]time.Duration{
	"azure-native:ResourceGroup":  1500 * time.Millisecond,
	"azure-native:Registry":       9 * time.Second,
	"azure-native:RoleAssignment": 3 * time.Second,
	"azuread:Application":         2 * time.Second,
	"azuread:ServicePrincipal":    2 * time.Second,
	"azuread:ApplicationPassword": 2 * time.Second,
}

// delay waits for as long as Azure would take to create, update or delete a resource of a type. When ctx ends, so does the
// waiting.
func (d *Double) delay(ctx context.Context, token string) error {
	latency := d.conditions.Load().Latency[shortType(token)]
	if latency <= 0 {
		return nil
	}
	select {
	case <-time.After(latency):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// shortType leaves the module out of a type token: "azure-native:containerregistry:Registry" becomes "azure-native:Registry".
func shortType(token string) string {
	provider, _, _ := strings.Cut(token, ":")
	return provider + token[strings.LastIndex(token, ":"):]
}
