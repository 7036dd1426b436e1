package azuredouble

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// arm are the fields of a kind that ARM has: [armKind] makes its operations from them.
type arm struct {
	// is recognizes the kind's resources.
	is func(*armResource) bool
	// id returns the id of a new resource, whose container must exist.
	id func(s *state, in props) (string, error)
	// rules reject a creation or an update, or change in the resource what follows from it.
	rules func(change) error
	// hidden are the settings that ARM accepts, but does not return, so that they are not stored.
	hidden []string
	// returns are the properties that ARM returns.
	returns func(*state, *armResource) props
	// keep returns why a resource cannot be deleted now; nil if it always can be.
	keep func(s *state, r *armResource) error
}

// change is the creation or the update of an ARM resource.
type change struct {
	*state
	d  *Double
	r  *armResource // as it was
	in props        // its settings afterwards
}

func (c change) isNew() bool { return c.r.Settings == nil }

// registry is the registry of a direct child.
func (c change) registry() *armResource { return c.resource(parentID(c.r.ID)) }

// armKind completes a kind of ARM resources.
func armKind(k *kind) *kind {
	put := func(ctx context.Context, d *Double, in props, find func(*state) (*armResource, error)) (string, error) {
		var id string
		err := d.change(func(s *state) error {
			r, err := find(s)
			if err != nil {
				return err
			}
			if err := k.rules(change{s, d, r, in}); err != nil {
				return err
			}
			settings := maps.Clone(in)
			maps.DeleteFunc(settings, func(name string, _ any) bool { return slices.Contains(k.hidden, name) })
			id = r.ID
			return s.put(r, settings, d.now())
		})
		if err != nil {
			return "", err
		}
		return id, d.initializeRegistry(ctx, id)
	}
	k.strict = true
	k.owns = func(id string) bool { return k.is(&armResource{ID: id}) }
	k.create = func(ctx context.Context, d *Double, in props) (string, props, error) {
		id, err := put(ctx, d, in, func(s *state) (*armResource, error) {
			id, err := k.id(s, in)
			if err != nil {
				return nil, err
			}
			return &armResource{ID: id, Created: d.now()}, s.mustBeNew(id)
		})
		return id, nil, err
	}
	k.update = func(ctx context.Context, d *Double, id string, in props) error {
		_, err := put(ctx, d, in, func(s *state) (*armResource, error) { return s.find(id) })
		return err
	}
	k.read = func(d *Double, id string) (props, props, error) {
		s := d.current()
		r, err := s.find(id)
		if err != nil {
			return nil, nil, err
		}
		if !k.owns(r.ID) {
			return nil, nil, fmt.Errorf("%s is not the id of a %s", id, k.token)
		}
		out := k.returns(s, r)
		maps.DeleteFunc(out, func(name string, _ any) bool { return !slices.Contains(k.outputs, name) })
		return r.Settings, out, nil
	}
	k.remove = func(d *Double, id string) error {
		return d.change(func(s *state) error {
			r := s.resource(id)
			if r == nil {
				return nil
			}
			if err := s.checkUnlocked(r.ID, opDelete); err != nil {
				return err
			}
			if k.keep != nil {
				if err := k.keep(s, r); err != nil {
					return err
				}
			}
			s.remove(id, d.now())
			return nil
		})
	}
	return k
}

// childKind completes a kind of a registry's direct children, such as CacheRule, with the allowed names.
func childKind(name string, allowed *regexp.Regexp, k *kind) *kind {
	key := strings.ToLower(name[:1]) + name[1:]
	property, children := key+"Name", key+"s"
	check, own := k.check, k.returns
	k.token, k.name = registryModule+name, autoname{property: property}
	k.immutable = []string{property, "registryName", "resourceGroupName"}
	if k.located {
		k.immutable = append(k.immutable, "location")
	}
	k.check = func(in props) []plugin.CheckFailure {
		failures := checkName(property, allowed)(in)
		if check != nil {
			failures = append(failures, check(in)...)
		}
		return failures
	}
	k.is = isChild(children)
	k.id = func(s *state, in props) (string, error) {
		registry, err := s.find(registryID(s, text(in, "resourceGroupName"), text(in, "registryName")))
		if err != nil {
			return "", err
		}
		return registry.ID + "/" + children + "/" + text(in, property), nil
	}
	k.returns = func(s *state, r *armResource) props {
		outputs := props{
			"creationDate":      r.Created.Format(time.RFC3339),
			"name":              text(r.Settings, property),
			"provisioningState": "Succeeded",
			"systemData":        systemData(r),
			"type":              registryType + "/" + children,
		}
		if k.located {
			outputs["location"] = normalLocation(text(r.Settings, "location"))
		}
		maps.Copy(outputs, own(s, r))
		return outputs
	}
	return armKind(k)
}

// extensionID names the extensions of a type by their inputs for the scope and for the name.
func extensionID(kind, scope, name string) func(s *state, in props) (string, error) {
	return func(s *state, in props) (string, error) {
		target, err := s.scope(text(in, scope))
		return target + "/providers/" + kind + "/" + text(in, name), err
	}
}
