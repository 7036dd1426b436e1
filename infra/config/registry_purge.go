package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dlclark/regexp2"
	"github.com/robfig/cron/v3"
	"gopkg.in/yaml.v3"
)

// PurgeTimeoutSeconds is the timeout of one run.
const PurgeTimeoutSeconds = 3600

const defaultPurgeKeep = 10

// TaskFile returns the file of the ACR Task that purges. In that file, acr is an alias for an image that Azure maintains:
// https://learn.microsoft.com/azure/container-registry/container-registry-auto-purge
func (p *Purge) TaskFile(filters []string) ([]byte, error) {
	command := []string{"acr", "purge"}
	for _, filter := range filters {
		command = append(command, "--filter", "'"+filter+"'")
	}
	command = append(command, "--ago", p.OlderThan, "--keep", fmt.Sprint(ValueOr(p.Keep, defaultPurgeKeep)))
	if p.Untagged {
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
	}{"v1.1.0", []step{{strings.Join(command, " "), true, PurgeTimeoutSeconds}}})
}

// PurgeFilters returns the configured filters. The default is all tags in the services' repositories except those that the stack
// runs, so that no pod loses its image, however old it is.
func (c *Config) PurgeFilters() []string {
	purge := c.Registry.Purge
	if purge == nil || len(purge.Filters) > 0 {
		return ValueOr(purge, Purge{}).Filters
	}
	running := map[string][]string{}
	var repositories []string
	for _, name := range c.ServiceNames() {
		image := c.Services[name].Image
		if image.Foreign() {
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

// insideExpression ends where a colon belongs to the expression: the start of a group such as "(?:" or "(?i:", or of a set.
var insideExpression = regexp.MustCompile(`(\(\?[imsU-]{0,5}|\[\^*)$`)

func (c *Config) validatePurge(found *problems) {
	purge := c.Registry.Purge
	if purge == nil {
		return
	}
	found.addUnless(len(c.PurgeFilters()) > 0, "registry.purge.filters", nil, "is missing; no service has an image in the registry")
	found.addUnless(!c.Registry.ABAC, "registry.purge", nil,
		"excludes registry.abac; ACR Tasks have no access to the content of such a registry")
	found.addUnless(c.Registry.Public(), "registry.purge", nil,
		"excludes publicNetworkAccess false; ACR Tasks run on shared machines, which connect from outside")
}

// isSchedule accepts the schedules of ACR Tasks that ever run. A schedule for the 30th of February, for example, never runs.
// https://learn.microsoft.com/azure/container-registry/container-registry-tasks-scheduled#cron-expressions
func isSchedule(text string) bool {
	fields := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	schedule, err := fields.Parse(text)
	return err == nil && !schedule.Next(rotationEpoch).IsZero()
}

// isPurgeFilter accepts two regular expressions, for the repository and for the tags, with a colon between them, as acr purge does:
// it splits at the only colon that is not a part of an expression, and compiles both with regexp2.
// https://github.com/Azure/acr-cli/blob/main/cmd/repository/image_functions.go
func isPurgeFilter(filter string) bool {
	parts := splitFilter(filter)
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" {
		return false
	}
	for _, expression := range parts {
		if _, err := regexp2.Compile(expression, regexp2.RE2); err != nil {
			return false
		}
	}
	return true
}

// splitFilter splits a filter at each colon that is not a part of an expression, such as that of "(?:" or "[:alpha:]".
func splitFilter(filter string) []string {
	var parts []string
	start := 0
	for i := range len(filter) {
		if filter[i] != ':' || insideExpression.MatchString(filter[:i]) || strings.HasPrefix(filter[i+1:], "]") {
			continue
		}
		parts = append(parts, filter[start:i])
		start = i + 1
	}
	return append(parts, filter[start:])
}
