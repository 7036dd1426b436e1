package azuredouble

import (
	"errors"
	"regexp"
	"strings"
)

// The supported part of Azure's condition language: a condition limits pulling to repositories with the given full names.
// Source: https://learn.microsoft.com/azure/role-based-access-control/conditions-format
var (
	conditionForm = regexp.MustCompile(`^\(\(!\(ActionMatches\{'Microsoft\.ContainerRegistry/registries/repositories/content/read'\}\)` +
		` AND !\(ActionMatches\{'Microsoft\.ContainerRegistry/registries/repositories/metadata/read'\}\)\) OR \((.*)\)\)$`)
	conditionName = regexp.MustCompile(
		`^@Request\[Microsoft\.ContainerRegistry/registries/repositories:name\] StringEqualsIgnoreCase '([a-z0-9._/-]+)'$`)
	errCondition = errors.New("the Azure double does not understand the condition")
)

// parseCondition returns the repositories to which a condition limits a role. An empty condition limits nothing.
func parseCondition(condition string) (repositories []string, limited bool, err error) {
	if condition == "" {
		return nil, false, nil
	}
	match := conditionForm.FindStringSubmatch(strings.Join(strings.Fields(condition), " "))
	if match == nil {
		return nil, true, errCondition
	}
	for _, name := range strings.Split(match[1], " OR ") {
		repository := conditionName.FindStringSubmatch(name)
		if repository == nil {
			return nil, true, errCondition
		}
		repositories = append(repositories, repository[1])
	}
	return repositories, true, nil
}

// checkCondition applies ARM's rules on the condition of a role assignment.
func checkCondition(in props) error {
	condition, version := text(in, "condition"), text(in, "conditionVersion")
	if condition == "" {
		return nil
	}
	if version != "2.0" {
		return badRequest("InvalidConditionVersion", "The condition version '%s' is not supported. Supported versions: '2.0'.", version)
	}
	if len(condition) > 8<<10 {
		return badRequest("ConditionTooLong", "The condition must not exceed 8 KB.")
	}
	_, _, err := parseCondition(condition)
	return err
}
