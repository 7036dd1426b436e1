// Package sdk holds the uses of Pulumi's SDKs that take long to compile, so that an edit elsewhere does not compile them again.
//
// The Helm release and two resources of the provider azure are small types of its own, because each of their generated packages
// takes longer than the rest of the program: helm/v3 takes 520 CPU-seconds. A test compares the release with the source of the
// generated package. The explicit providers are one small type, because their inputs are the stack file's settings, by the same names.
//
// The ACR Task and the stack reference are the types of the SDKs. Both reach pulumi.AnyOutput, which has a method for each type of
// the SDK, and each package that names such a type compiles all of them, which takes 7 CPU-seconds. So only this package names them.
package sdk
