package registry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/projecttest"
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
		require.InDelta(t, test.want, pricePerMonth(test.sku, test.replicas), 0.001, "%s with %d replicas", test.sku, test.replicas)
	}
	_, err := time.Parse(time.DateOnly, pricesAsOf)
	require.NoError(t, err)
}

func TestREADMEShowsThePrices(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("| SKU | US dollars for 30 days, as of " + pricesAsOf + " |\n| --- | --- |\n")
	for _, sku := range []string{config.SKUBasic, config.SKUStandard, config.SKUPremium} {
		fmt.Fprintf(&b, "| %s | %.2f |\n", sku, pricePerMonth(sku, 0))
	}
	fmt.Fprintf(&b, "| each Premium replica | %.2f more |\n", pricePerMonth(config.SKUPremium, 1)-pricePerMonth(config.SKUPremium, 0))
	projecttest.GeneratedPart(t, "../../README.md", "prices", b.String())
}
