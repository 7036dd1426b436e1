// Command pause is the program that holds a pod's namespaces on a node with a real container runtime: it does nothing, and ends at
// a signal.
package main

import (
	"context"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	<-ctx.Done()
}
