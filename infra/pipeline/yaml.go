package main

import (
	"fmt"
	"os"
	"slices"

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

// resolve returns a copy without aliases and merge keys. It keeps each scalar as it is written, because the program looks at that.
func resolve(at *yaml.Node) *yaml.Node {
	if at.Kind == yaml.AliasNode {
		return resolve(at.Alias)
	}
	plain := *at
	plain.Anchor, plain.Content = "", nil
	merged := map[string]bool{}
	for i := 0; at.Kind == yaml.MappingNode && i < len(at.Content); i += 2 {
		merged[at.Content[i].Value] = true
	}
	for i, item := range at.Content {
		switch {
		case at.Kind != yaml.MappingNode:
			plain.Content = append(plain.Content, resolve(item))
		case i%2 == 1: // a value, which its key has brought
		case item.Tag != "!!merge":
			plain.Content = append(plain.Content, resolve(item), resolve(at.Content[i+1]))
		default:
			delete(merged, item.Value)
			from := resolve(at.Content[i+1])
			sources := []*yaml.Node{from}
			if from.Kind == yaml.SequenceNode {
				sources = from.Content
			}
			for _, source := range sources {
				for k := 0; k+1 < len(source.Content); k += 2 {
					if key := source.Content[k]; !merged[key.Value] {
						merged[key.Value] = true
						plain.Content = append(plain.Content, key, source.Content[k+1])
					}
				}
			}
		}
	}
	return &plain
}

// readYAML reads a file of YAML or JSON.
func readYAML(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return parseYAML(path, text, into)
}

func parseYAML(what string, text []byte, into any) error {
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
