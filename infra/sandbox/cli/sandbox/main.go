//go:build linux

// Command sandbox is what the package two folders above it builds and starts: see package cli.
package main

import "example.com/acr-microservices/infra/sandbox/cli"

func main() { cli.Main() }
