package infra

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestOwnersStack(t *testing.T) {
	t.Parallel()
	for stack, want := range map[string]string{
		"organization/acr-microservices/dev": "is this stack itself",
		"acme/acr-microservices/empty":       "has no plain-text output registryId; name a stack of this program",
	} {
		for run, preview := range runs {
			t.Run(stack+"/"+run, func(t *testing.T) {
				t.Parallel()
				_, err := deploy(projecttest.ParseStack(t, []byte(`
config:
  acr-microservices:registry: {existing: {stack: `+stack+`}}
  acr-microservices:services: {customerapi: {}}
`)), preview)
				require.ErrorContains(t, err, `registry.existing.stack: "`+stack+`" `+want)
			})
		}
	}
}
