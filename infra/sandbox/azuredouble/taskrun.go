package azuredouble

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// TaskRun is one run of an ACR Task that the double supports: an import of an image or a build of one.
type TaskRun struct {
	LoginServer string // of the task's registry
	Image       string // to create, as "repository:tag"

	// Source is the image to import, with its host; empty for a build. Username and Password are for it.
	Source, Username, Password string
	// Context and Dockerfile are the build sources.
	Context, Dockerfile string
	// Platform to build for, as "linux/amd64".
	Platform string
}

// importerRole is Container Registry Data Importer and Data Reader.
const importerRole = "577a9874-89fd-4f24-9dbd-b5034d0ad23a"

var importCommand = regexp.MustCompile(
	`^az acr import --name \$RegistryName --force --source (\S+) --image (\S+)( --username='\{\{\.Values\.username\}\}' --password='\{\{\.Values\.password\}\}')?$`)

var errTask = errors.New("the Azure double does not understand the task")

// taskRunKind runs a task when it is created, and does nothing else.
func taskRunKind() *kind {
	type args struct {
		ContainerRegistryTaskID string `pulumi:"containerRegistryTaskId"`
	}
	const suffix = "/schedule/schedule"
	return &kind{
		token:     "azure:containerservice/registryTaskScheduleRunNow:RegistryTaskScheduleRunNow",
		inputs:    schemaOf(reflect.TypeFor[args]()),
		outputs:   []string{"containerRegistryTaskId"},
		immutable: []string{"containerRegistryTaskId"},
		create: func(ctx context.Context, d *Double, in props) (string, props, error) {
			task, err := d.current().find(text(in, "containerRegistryTaskId"))
			if err != nil {
				return "", nil, fmt.Errorf("retrieving %q: %w", text(in, "containerRegistryTaskId"), err)
			}
			if err := d.runTask(ctx, task); err != nil {
				// The provider reports only this; the double adds the message of the run's log.
				return "", nil, fmt.Errorf("waiting for scheduled task to finish: unexpected state 'Failed', wanted target 'Succeeded'."+
					" last error: %%!s(<nil>) (the run's log: %w)", err)
			}
			return task.ID + suffix, nil, nil
		},
		read: func(_ *Double, id string) (props, props, error) {
			settings := props{"containerRegistryTaskId": strings.TrimSuffix(id, suffix)}
			return settings, settings, nil // the provider reads nothing
		},
		remove: func(*Double, string) error { return nil },
	}
}

func (d *Double) runTask(ctx context.Context, task *armResource) error {
	s := d.current()
	registry := s.resource(task.ID[:strings.LastIndex(task.ID, "/tasks/")])
	run := TaskRun{
		LoginServer: registry.loginServer(),
		Platform:    strings.ToLower(text(task.Settings, "platform", "os") + "/" + text(task.Settings, "platform", "architecture")),
	}
	switch text(task.Settings, "step", "type") {
	case "Docker":
		if err := d.Reachable(run.LoginServer); err != nil {
			return fmt.Errorf("failed to login to %s: %w", run.LoginServer, err)
		}
		run.Context, run.Dockerfile = text(task.Settings, "step", "contextPath"), text(task.Settings, "step", "dockerFilePath")
		names := texts(task.Settings, "step", "imageNames")
		if len(names) != 1 || !truth(task.Settings, "step", "isPushEnabled") || d.conditions.Load().ABAC {
			return errTask
		}
		run.Image = names[0]
	case "EncodedTask":
		if err := run.parseImport(task); err != nil {
			return err
		}
		if importBlocked(registry.Settings) {
			return fmt.Errorf("(Forbidden) The registry %s is restricted, and does not allow trusted services", run.LoginServer)
		}
		if !s.mayImport(task.Principal, registry) {
			return fmt.Errorf("(AuthorizationFailed) The client '%s' does not have authorization to perform action"+
				" 'Microsoft.ContainerRegistry/registries/importImage/action' over scope '%s'", task.Principal, registry.ID)
		}
	default:
		return errTask
	}
	if d.options.RunTask == nil {
		return errors.New("no task runner is configured")
	}
	return d.options.RunTask(ctx, run)
}

// parseImport reads the steps of an import task.
func (r *TaskRun) parseImport(task *armResource) error {
	content, err := base64.StdEncoding.DecodeString(text(task.Settings, "step", "encodedTaskContent"))
	if err != nil {
		return err
	}
	var file struct {
		Version string
		Steps   []struct{ Cmd string }
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return err
	}
	if file.Version != "v1.1.0" || len(file.Steps) != 2 || file.Steps[0].Cmd != "az login --identity" {
		return errTask
	}
	command := importCommand.FindStringSubmatch(file.Steps[1].Cmd)
	if command == nil {
		return errTask
	}
	r.Source, r.Image = command[1], command[2]
	for _, value := range objects(task.Settings, "step", "values") {
		switch text(value, "name") {
		case "username":
			r.Username = text(value, "value")
		case "password":
			r.Password = text(value, "value")
		}
	}
	return nil
}

// importBlocked reports whether a registry blocks the import service.
// Source: https://learn.microsoft.com/azure/container-registry/allow-access-trusted-services
func importBlocked(registry props) bool {
	restricted := text(registry, "publicNetworkAccess") == "Disabled" || text(registry, "networkRuleSet", "defaultAction") == "Deny"
	return restricted && text(registry, "networkRuleBypassOptions") == "None"
}

// mayImport reports if a principal has the import role on a registry.
func (s *state) mayImport(principal string, registry *armResource) bool {
	for _, a := range s.Resources {
		if !isRoleAssignment(a) || principal == "" || !strings.EqualFold(text(a.Settings, "principalId"), principal) {
			continue
		}
		if guid, err := s.role(text(a.Settings, "roleDefinitionId")); err == nil && guid == importerRole && covers(text(a.Settings, "scope"), registry.ID) {
			return true
		}
	}
	return false
}
