// Command acr-microservices is the Pulumi program: see package infra.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra"
)

func main() { pulumi.Run(infra.Deploy) }
