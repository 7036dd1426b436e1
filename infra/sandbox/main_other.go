//go:build !linux

package main

import (
	"fmt"
	"os"
	"runtime"
)

func main() {
	fmt.Fprintf(os.Stderr, `error: the sandbox runs on Linux, as Kubernetes nodes do, and this is %s. These work:
  - the devcontainer of this repository (.devcontainer), in VS Code, GitHub Codespaces or with the devcontainer CLI
  - a Linux virtual machine with Go, such as one of Lima, Multipass or WSL 2 (in Windows: wsl --install)
The program itself, go test ./... and pulumi up run on every system.
`, runtime.GOOS)
	os.Exit(1)
}
