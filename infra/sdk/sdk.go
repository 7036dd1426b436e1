// Package sdk holds small typed resources whose generated packages would take longer to compile than the rest of the program: the
// Helm release (520 CPU-seconds to compile), and two resources of the provider azure. A test compares the release with the source
// of the generated package.
package sdk
