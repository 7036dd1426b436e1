// Command empty is the Pulumi program that declares nothing: what an engine takes for it, it takes for every program.
package main

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

func main() { pulumi.Run(func(*pulumi.Context) error { return nil }) }
