// Package v3 has the types of a document. See package libopenapi.
package v3

import (
	"github.com/pb33f/libopenapi/datamodel/high/base"
	"github.com/pb33f/libopenapi/orderedmap"
	"go.yaml.in/yaml/v4"
)

// Document is a description of a REST interface.
type Document struct {
	Info       *base.Info
	Components *Components
	Paths      *Paths
}

// Components are shared by operations.
type Components struct {
	Schemas *orderedmap.Map[string, *base.SchemaProxy]
}

// Paths are the paths of the interface.
type Paths struct {
	PathItems *orderedmap.Map[string, *PathItem]
}

// PathItem has the operations of a path.
type PathItem struct{ Get, Post, Put, Delete, Patch, Head *Operation }

// Operation is a method of a path.
type Operation struct {
	OperationId string //nolint:revive // the name that is there
	Summary     string
	Description string
	Tags        []string
	Parameters  []*Parameter
	RequestBody *RequestBody
	Responses   *Responses
	Deprecated  *bool
	Extensions  *orderedmap.Map[string, *yaml.Node]
}

// Parameter is a parameter of an operation.
type Parameter struct {
	Name, In, Description string
	Required              *bool
	Schema                *base.SchemaProxy
}

// RequestBody is an operation's request.
type RequestBody struct {
	Content *orderedmap.Map[string, *MediaType]
}

// Responses are an operation's responses.
type Responses struct {
	Codes   *orderedmap.Map[string, *Response]
	Default *Response
}

// Response is one answer.
type Response struct {
	Description string
	Content     *orderedmap.Map[string, *MediaType]
}

// MediaType is the form of a body.
type MediaType struct{ Schema *base.SchemaProxy }
