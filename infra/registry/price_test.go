package registry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/config"
)

func TestPricePerMonth(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		sku      string
		replicas int
		want     float64
	}{
		{config.SKUBasic, 0, 5.01},
		{config.SKUStandard, 0, 20.01},
		{config.SKUPremium, 0, 50.01},
		{config.SKUPremium, 2, 150.03},
	} {
		require.InDelta(t, test.want, PricePerMonth(test.sku, test.replicas), 0.001, "%s with %d replicas", test.sku, test.replicas)
	}
	_, err := time.Parse(time.DateOnly, PricesAsOf)
	require.NoError(t, err)
}
