package azuredouble

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func taskInputs(more props) props {
	return merge(props{
		"resourceGroupName": testGroup, "registryName": testRegistry, "taskName": "purge", "location": "westeurope",
		"platform": props{"os": "Linux", "architecture": "amd64"},
		"step": props{
			"type": "EncodedTask", "encodedTaskContent": base64.StdEncoding.EncodeToString([]byte("version: v1.1.0")),
		},
		"trigger": props{"timerTriggers": []any{props{"name": "schedule", "schedule": "0 3 * * Sun"}}},
	}, more)
}

func TestTask(t *testing.T) {
	e := newEngine(t, Options{})
	e.group()
	registry := e.registry(nil)
	timers := func(schedules ...string) props {
		var all []any
		for _, s := range schedules {
			all = append(all, props{"name": "schedule", "schedule": s})
		}
		return props{"trigger": props{"timerTriggers": all}}
	}
	for name, c := range map[string]struct {
		change props
		want   string
	}{
		"unknown registry":                       {props{"registryName": "none12345"}, "ResourceNotFound"},
		"unknown location":                       {props{"location": "atlantis"}, "LocationNotAvailableForResourceType"},
		"unknown status":                         {props{"status": "enabled"}, "Allowed values: Enabled, Disabled."},
		"unknown operating system":               {props{"platform": props{"os": "Plan9"}}, "Allowed values: Linux, Windows, linux, windows."},
		"unknown login mode":                     {props{"credentials": props{"sourceRegistry": props{"loginMode": "default"}}}, "Allowed values: None, Default."},
		"timeout too short":                      {props{"timeout": 299.0}, "between 300 and 28800"},
		"timeout too long":                       {props{"timeout": 28801.0}, "between 300 and 28800"},
		"content not in base64":                  {props{"step": props{"encodedTaskContent": "version: v1"}}, "is not valid base64"},
		"empty content":                          {props{"step": props{"encodedTaskContent": ""}}, "is not valid base64"},
		"empty schedule":                         {timers(""), "is not a valid cron expression"},
		"schedule with seconds":                  {timers("0 0 3 * * Sun"), "is not a valid cron expression"},
		"invalid schedule":                       {timers("0 3 * * ?!"), "is not a valid cron expression"},
		"invalid hour":                           {timers("0 24 * * *"), "is not a valid cron expression"},
		"duplicate trigger name":                 {timers("0 3 * * Sun", "0 4 * * Sun"), "'schedule' is not unique"},
		"user-assigned type without an identity": {props{"identity": props{"type": "UserAssigned"}}, "InvalidIdentityValues"},
	} {
		t.Run(name, func(t *testing.T) {
			e := *e
			e.t = t
			_, err := e.try(taskTok, "t", taskInputs(c.change))
			require.ErrorContains(t, err, c.want)
		})
	}
	for _, key := range []string{"platform", "step"} {
		in := taskInputs(nil)
		delete(in, key)
		_, err := e.try(taskTok, "t", in)
		require.ErrorContains(t, err, "The "+key+" properties must be given")
	}
	task := e.create(taskTok, "t", taskInputs(nil))
	assert.Equal(t, registry.id+"/tasks/purge", task.id)
	assert.Equal(t, "Enabled", task.out("status"))
	require.ErrorContains(t, e.update(task, taskInputs(props{"timeout": 1.0})), "between 300 and 28800")
	require.NoError(t, e.update(task, taskInputs(props{"status": "Disabled"})))
	assert.Equal(t, "Disabled", task.out("status"))
}
