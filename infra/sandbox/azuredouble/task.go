package azuredouble

import (
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strings"

	tasks "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20190601preview"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/robfig/cron/v3"
)

const taskType = registryType + "/tasks"

var (
	taskName  = regexp.MustCompile(`^[a-zA-Z0-9_-]*$`)
	cronText  = regexp.MustCompile(`^[\dA-Za-z*/, -]+$`)
	cronRules = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	// taskSteps are the kinds of steps, by type. The SDK accepts any in one input.
	taskSteps = map[string]*schema{
		"Docker":      schemaOf(tasks.DockerBuildStepArgs{}.ElementType()),
		"EncodedTask": schemaOf(tasks.EncodedTaskStepArgs{}.ElementType()),
		"FileTask":    schemaOf(tasks.FileTaskStepArgs{}.ElementType()),
	}
)

// taskOptions are the settings of a task with few allowed values.
var taskOptions = []oneOf{
	{[]string{"status"}, []string{"Enabled", "Disabled"}},
	{[]string{"platform", "os"}, []string{"Linux", "Windows", "linux", "windows"}}, // both cases occur
	{[]string{"platform", "architecture"}, []string{"amd64", "x86", "386", "arm", "arm64"}},
	{[]string{"credentials", "sourceRegistry", "loginMode"}, []string{"None", "Default"}},
}

// checkStep checks the step, whose properties depend on its type.
func checkStep(in props) (failures []plugin.CheckFailure) {
	step, given := in["step"].(props)
	if !given || isUnknown(step["type"]) {
		return failures
	}
	kind := text(step, "type")
	known := taskSteps[kind]
	if known == nil {
		return append(failures, failure("step", "'step.type' must be one of %s, but is '%s'",
			strings.Join(slices.Sorted(maps.Keys(taskSteps)), ", "), kind))
	}
	known.walk("step", step, func(_, reason string) { failures = append(failures, failure("step", "%s", reason)) })
	return failures
}

func checkTask(c change) error {
	in := c.in
	if err := checkLocation(c); err != nil {
		return err
	}
	if err := checkOneOf(in, taskOptions); err != nil {
		return err
	}
	if err := checkIdentity(in); err != nil {
		return err
	}
	invalid := func(format string, args ...any) error { return badRequest("InvalidTaskParameters", format, args...) }
	seconds, limited := in["timeout"].(float64)
	content := text(in, "step", "encodedTaskContent")
	_, err := base64.StdEncoding.DecodeString(content)
	switch {
	case truth(in, "isSystemTask"):
	case in["platform"] == nil:
		return invalid("The platform properties must be given for the task '%s'.", text(in, "taskName"))
	case in["step"] == nil:
		return invalid("The step properties must be given for the task '%s'.", text(in, "taskName"))
	}
	switch {
	case limited && (seconds < 300 || seconds > 28800):
		return invalid("The timeout must be between 300 and 28800 seconds.")
	case text(in, "step", "type") == "EncodedTask" && (content == "" || err != nil):
		return invalid("The encoded task content is not valid base64.")
	}
	names := map[string]bool{}
	for _, timer := range objects(in, "trigger", "timerTriggers") {
		if _, err := cronRules.Parse(text(timer, "schedule")); err != nil || !cronText.MatchString(text(timer, "schedule")) {
			return invalid("The schedule '%s' of the timer trigger '%s' is not a valid cron expression.", text(timer, "schedule"), text(timer, "name"))
		}
		if names[text(timer, "name")] {
			return invalid("The timer trigger name '%s' is not unique.", text(timer, "name"))
		}
		names[text(timer, "name")] = true
	}
	return nil
}

// taskOutputs are the properties that ARM returns.
func taskOutputs(s *state, r *armResource) props {
	outputs := props{}
	if identity := identityOutputs(s, r); identity != nil {
		outputs["identity"] = identity
	}
	full := merge(props{
		"agentConfiguration": props{"cpu": 2.0}, "isSystemTask": false, "platform": props{"architecture": "amd64"},
		"status": "Enabled", "timeout": 3600.0,
	}, r.Settings)
	return withSettings(outputs, full, "agentConfiguration", "agentPoolName", "credentials",
		"isSystemTask", "logTemplate", "platform", "status", "step", "tags", "timeout", "trigger")
}
