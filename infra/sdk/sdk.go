// Package sdk holds small typed resources for which the generated package would cost more than the rest of the program: the Helm
// release (520 CPU-seconds to compile), and two resources of the provider azure. A test holds the release against the source of
// the generated package.
package sdk
