// Package base has the types of schemas. See package libopenapi.
package base

import (
	"errors"

	"github.com/pb33f/libopenapi/orderedmap"
	"go.yaml.in/yaml/v4"
)

// Schema describes a value.
type Schema struct {
	Type                 []string
	Format, Pattern      string
	Description          string
	Required             []string
	Enum                 []*yaml.Node
	Default              *yaml.Node
	Properties           *orderedmap.Map[string, *SchemaProxy]
	Extensions           *orderedmap.Map[string, *yaml.Node]
	AllOf, OneOf, AnyOf  []*SchemaProxy
	Items                *DynamicValue
	AdditionalProperties *DynamicValue
	Discriminator        *Discriminator
	Nullable, ReadOnly   *bool
	Minimum, Maximum     *float64
	MultipleOf           *float64
	MinLength, MaxLength *int64
	MinItems, MaxItems   *int64
	Deprecated           *bool
}

// GoLow returns nothing.
func (*Schema) GoLow() *Low { return nil }

// MarshalJSONInline always fails.
func (*Schema) MarshalJSONInline() ([]byte, error) { return nil, errors.ErrUnsupported }

// Low is a schema as it was read.
type Low struct{}

// Hash identifies a schema.
func (*Low) Hash() uint64 { return 0 }

// SchemaProxy refers to a schema.
type SchemaProxy struct{}

// Schema returns nothing.
func (*SchemaProxy) Schema() *Schema { return nil }

// GetReference returns nothing.
func (*SchemaProxy) GetReference() string { return "" }

// IsReference is always false.
func (*SchemaProxy) IsReference() bool { return false }

// DynamicValue is a schema or a boolean.
type DynamicValue struct {
	A *SchemaProxy
	B bool
}

// IsA reports if it is a schema.
func (*DynamicValue) IsA() bool { return false }

// IsB reports if it is a boolean.
func (*DynamicValue) IsB() bool { return false }

// Discriminator separates variants.
type Discriminator struct {
	PropertyName string
	Mapping      *orderedmap.Map[string, string]
}

// Info is about a document.
type Info struct{ Version string }
