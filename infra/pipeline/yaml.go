package main

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// node returns the node at a path in a YAML object, or nil if there is none.
func node(object *yaml.Node, path ...string) *yaml.Node {
	if object.Kind == yaml.DocumentNode && len(object.Content) > 0 {
		object = object.Content[0]
	}
	if len(path) == 0 {
		return object
	}
	if object.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(object.Content); i += 2 {
		if object.Content[i].Value == path[0] {
			return node(object.Content[i+1], path[1:]...)
		}
	}
	return nil
}

// setNode sets a value at a path in a YAML object, and adds the missing parts of the path. It returns false if a part of the path
// is not an object.
func setNode(object *yaml.Node, value any, path ...string) bool {
	if object.Kind == yaml.ScalarNode && object.Tag == "!!null" {
		*object = yaml.Node{Kind: yaml.MappingNode} // as in "customerapi:" with nothing after it
	}
	if object.Kind != yaml.MappingNode {
		return false
	}
	at := node(object, path[0])
	if at == nil {
		at = &yaml.Node{Kind: yaml.MappingNode}
		object.Content = append(object.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: path[0]}, at)
	}
	if len(path) > 1 {
		return setNode(at, value, path[1:]...)
	}
	*at = yaml.Node{}
	return at.Encode(value) == nil
}

// removeNode removes a key from the object at a path, if both exist.
func removeNode(object *yaml.Node, key string, path ...string) {
	at := node(object, path...)
	if at == nil || at.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i < len(at.Content); i += 2 {
		if at.Content[i].Value == key {
			at.Content = slices.Delete(at.Content, i, i+2)
			return
		}
	}
}

// listed returns an error that lists names, or nil if there are none.
func listed(what string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return fmt.Errorf("%s: %s", what, strings.Join(names, ", "))
}
