// Package sdk is what the program has in place of generated packages that would take longer to compile than all the rest: a
// small layer, as typed as the stack needs it, whose types a test holds against the source of those packages.
//
// An edit of the graph does not compile it again. That is why the resources that it declares are not beside the components: for
// each, the compiler makes some twenty methods.
package sdk
