package registry

import (
	"math"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
)

// Prices of Azure Container Registry in US dollars per day, from https://azure.microsoft.com/pricing/details/container-registry/ on
// pricesAsOf. Storage beyond what the SKU includes, network traffic and ACR Tasks cost extra.
var pricePerDay = map[string]float64{
	config.SKUBasic:    0.167,
	config.SKUStandard: 0.667,
	config.SKUPremium:  1.667, // for the home region and for each replica
}

// pricesAsOf is the day of these prices.
const pricesAsOf = "2026-11-23"

const daysPerMonth = 30 // as in Azure's own pricing calculator

// pricePerMonth returns what a registry costs in US dollars for 30 days, rounded to cents.
func pricePerMonth(sku string, replicas int) float64 {
	perMonth := pricePerDay[sku] * daysPerMonth * float64(1+replicas)
	return math.Round(perMonth*100) / 100
}

// Price returns what a registry costs, as a stack's output, with the SKU, the replicas and the day of the prices.
func Price(sku string, replicas int) pulumi.Map {
	return pulumi.Map{
		"usdPerMonth": pulumi.Float64(pricePerMonth(sku, replicas)),
		"sku":         pulumi.String(sku),
		"replicas":    pulumi.Int(replicas),
		"pricesAsOf":  pulumi.String(pricesAsOf),
	}
}
