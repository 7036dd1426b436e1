package azuredouble

import (
	"fmt"
	"strings"
)

// Delete deletes an object of the [Double.Inventory] and all that belongs to it, like a manual deletion.
func (d *Double) Delete(id string) error {
	switch {
	case strings.HasPrefix(id, "/applications/"):
		return d.deleteApplication(id)
	case strings.Contains(id, "/password/"):
		return d.deletePassword(id)
	}
	return d.change(func(s *state) error {
		if _, is := s.ServicePrincipals[id]; is {
			s.dropPrincipal(id, d.now())
			return nil
		}
		if s.resource(id) == nil {
			return fmt.Errorf("resource %s does not exist", id)
		}
		if err := s.checkUnlocked(id, opDelete); err != nil {
			return err
		}
		s.remove(id, d.now())
		return nil
	})
}
