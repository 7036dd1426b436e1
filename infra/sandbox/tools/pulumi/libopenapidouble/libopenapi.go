// Package libopenapi is a double of github.com/pb33f/libopenapi, used by a replace directive: the library takes 67 seconds of
// CPU to compile, and the Pulumi CLI needs it only for "pulumi cloud", which calls the REST API of Pulumi Cloud. The sandbox
// keeps its state in files. With this double, "pulumi cloud" returns an error; all other commands are unchanged.
package libopenapi

import (
	"errors"

	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// Document is a description of a REST interface. There is none.
type Document struct{}

// NewDocument always fails.
func NewDocument([]byte) (*Document, error) {
	return nil, errors.New("the sandbox's pulumi is built without OpenAPI: use an ordinary installation for \"pulumi cloud\"")
}

// Model holds a document's content.
type Model struct{ Model v3.Document }

// BuildV3Model is never called.
func (*Document) BuildV3Model() (*Model, error) { return nil, errors.ErrUnsupported }
