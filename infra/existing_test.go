package infra

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestStackIsNotItsOwnOwner(t *testing.T) {
	t.Parallel()
	for run, preview := range runs {
		t.Run(run, func(t *testing.T) {
			t.Parallel()
			_, err := deploy(projecttest.ParseStack(t, []byte(`
config:
  acr-microservices:registry: {existing: {stack: organization/acr-microservices/dev}}
  acr-microservices:services: {customerapi: {}}
`)), preview)
			require.ErrorContains(t, err, "registry.existing.stack is this stack itself")
		})
	}
}
