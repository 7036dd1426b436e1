// Command empty is a Pulumi program without resources. Its time is the engine's fixed cost for every program.
package main

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

func main() { pulumi.Run(func(*pulumi.Context) error { return nil }) }
