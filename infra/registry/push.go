package registry

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/azure"
)

// push gives existing principals, such as a pipeline's, the permission to push. The assignments' names are made from the
// principals, so that the order of the list does not matter.
func (s *site) push() error {
	role := azure.RoleAcrPush
	if s.args.ABAC {
		role = azure.RoleRepositoryWriter
	}
	for _, principal := range s.args.Push {
		id := strings.ToLower(principal.PrincipalID)
		if _, err := azure.NewRoleAssignment(s.ctx, s.name+"-push-"+id, &azure.RoleAssignmentArgs{
			Scope: s.ID, Role: role, Principal: pulumi.String(id), PrincipalType: cmp.Or(principal.PrincipalType, config.ServicePrincipal),
		}, s.Registry); err != nil {
			return fmt.Errorf("push: principal %s: %w", id, err)
		}
	}
	return nil
}
