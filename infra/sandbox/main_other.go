//go:build !linux

package main

import (
	"fmt"
	"os"
	"runtime"
)

func main() {
	fmt.Fprintf(os.Stderr, "error: the sandbox runs on Linux only, because Kubernetes nodes do: this is %s\n", runtime.GOOS)
	os.Exit(1)
}
