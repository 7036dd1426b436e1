package infra

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPricePerMonth(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		sku      string
		replicas int
		want     float64
	}{
		{skuBasic, 0, 5.01},
		{skuStandard, 0, 20.01},
		{skuPremium, 0, 50.01},
		{skuPremium, 2, 150.03},
	} {
		require.InDelta(t, test.want, pricePerMonth(test.sku, test.replicas), 0.001, "%s with %d replicas", test.sku, test.replicas)
	}
	_, err := time.Parse(time.DateOnly, pricesAsOf)
	require.NoError(t, err)
}
