package infra

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"
)

const (
	defaultPurgeKeep = 10
	purgeTimeout     = 3600 // seconds that one run may take
)

// purge creates the ACR Task that deletes old tags on a schedule.
func (s *registrySite) purge() error {
	config := s.args.Purge
	if config == nil {
		return nil
	}
	steps, err := purgeSteps(config, s.args.PurgeFilters)
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	task, err := newAzureResource(s.ctx, "containerregistry:Task", s.name+"-purge", pulumi.Map{
		"resourceGroupName":  s.group,
		"registryName":       s.registry,
		"taskName":           pulumi.String("purge"),
		"location":           s.location,
		"status":             pulumi.String("Enabled"),
		"platform":           pulumi.Map{"os": pulumi.String("Linux"), "architecture": pulumi.String("amd64")},
		"agentConfiguration": pulumi.Map{"cpu": pulumi.Int(2)},
		"timeout":            pulumi.Int(purgeTimeout),
		"credentials":        pulumi.Map{"sourceRegistry": pulumi.Map{"loginMode": pulumi.String("Default")}}, // its own registry
		"step": pulumi.Map{
			"type":               pulumi.String("EncodedTask"),
			"encodedTaskContent": pulumi.String(base64.StdEncoding.EncodeToString(steps)),
		},
		"trigger": pulumi.Map{"timerTriggers": pulumi.Array{pulumi.Map{
			"name":     pulumi.String("schedule"),
			"schedule": pulumi.String(config.Schedule),
			"status":   pulumi.String("Enabled"),
		}}},
		"tags": s.args.Tags,
	}, s.parent)
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	s.parts = append(s.parts, task)
	return nil
}

// purgeSteps returns the task's file. In it, acr is the name of an image that Azure keeps current:
// https://learn.microsoft.com/azure/container-registry/container-registry-auto-purge
func purgeSteps(config *PurgeConfig, filters []string) ([]byte, error) {
	command := []string{"acr", "purge"}
	for _, filter := range filters {
		command = append(command, "--filter", "'"+filter+"'")
	}
	command = append(command, "--ago", config.OlderThan, "--keep", fmt.Sprint(or(config.Keep, defaultPurgeKeep)))
	if config.Untagged {
		command = append(command, "--untagged")
	}
	type step struct {
		Cmd     string `yaml:"cmd"`
		NoMount bool   `yaml:"disableWorkingDirectoryOverride"`
		Timeout int    `yaml:"timeout"`
	}
	return yaml.Marshal(struct {
		Version string `yaml:"version"`
		Steps   []step `yaml:"steps"`
	}{"v1.1.0", []step{{strings.Join(command, " "), true, purgeTimeout}}})
}

// purgeFilters returns the filters that the configuration gives, or those of the services' repositories: all tags but
// the ones that the stack runs, so that no pod loses its image, however old that is.
func (c *Config) purgeFilters() []string {
	purge := c.Registry.Purge
	if purge == nil || len(purge.Filters) > 0 {
		return or(purge, PurgeConfig{}).Filters
	}
	running := map[string][]string{}
	var repositories []string
	for _, name := range c.serviceNames() {
		image := c.Services[name].Image
		if image.foreign() {
			continue
		}
		if !slices.Contains(repositories, image.Repository) {
			repositories = append(repositories, image.Repository)
		}
		if image.Tag != "" {
			running[image.Repository] = append(running[image.Repository], regexp.QuoteMeta(image.Tag))
		}
	}
	slices.Sort(repositories)
	filters := make([]string, 0, len(repositories))
	for _, repository := range repositories {
		tags := ".*"
		if keep := running[repository]; len(keep) > 0 {
			tags = "^(?!(" + strings.Join(keep, "|") + ")$).*"
		}
		filters = append(filters, regexp.QuoteMeta(repository)+":"+tags)
	}
	return filters
}
