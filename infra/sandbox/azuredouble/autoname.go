package azuredouble

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// autoname describes how to generate a resource's missing name.
type autoname struct {
	property string // the input for the name; "" if no name is generated
	guid     bool   // a random GUID; otherwise the logical name and eight hexadecimal digits, without a dash
}

// generatedName marks, among the inputs, a generated name. Such a resource is replaced by creating the new one first, because
// the two names cannot collide.
const generatedName = "__createBeforeDelete"

// fill adds a missing name to news, as the azure-native provider does: the resource's existing name, one that depends only on
// the engine's random seed, or the one that the project's autonaming settings require.
func (a autoname) fill(req plugin.CheckRequest, news resource.PropertyMap) error {
	key := resource.PropertyKey(a.property)
	if a.property == "" || news.HasValue(key) {
		return nil
	}
	if old, has := req.Olds[key]; has {
		news[key] = old
		if note, has := req.Olds[generatedName]; has {
			news[generatedName] = note
		}
		return nil
	}
	name, err := a.generate(req)
	if err != nil || name == "" {
		return err
	}
	news[key] = resource.NewStringProperty(name)
	news[generatedName] = resource.NewBoolProperty(true)
	return nil
}

func (a autoname) generate(req plugin.CheckRequest) (string, error) {
	if o := req.Autonaming; o != nil {
		switch {
		case o.Mode == plugin.AutonamingModeDisabled:
			return "", nil
		case o.Mode == plugin.AutonamingModeEnforce, !a.guid:
			return o.ProposedName, nil
		}
	}
	if !a.guid {
		name, err := resource.NewUniqueName(req.RandomSeed, req.Name, 8, 0, nil)
		if err != nil {
			return "", fmt.Errorf("name of %q: %w", req.Name, err)
		}
		return name, nil
	}
	digits, err := resource.NewUniqueName(req.RandomSeed, "", 32, 0, nil)
	if err != nil {
		return "", fmt.Errorf("name of %q: %w", req.Name, err)
	}
	id, err := uuid.Parse(digits)
	if err != nil {
		return "", fmt.Errorf("name of %q: %w", req.Name, err)
	}
	return id.String(), nil
}
