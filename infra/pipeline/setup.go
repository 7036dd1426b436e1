package main

import (
	"bufio"
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

//go:embed setup.sh.tmpl
var setupScript string

// setup holds the values in the script for a host. No value contains characters that are special to a shell.
type setup struct {
	Host                             string // azure-devops or github
	Organization, Project            string // at Azure DevOps
	Repository, Issuer               string
	Subscription, Location           string
	Name, Account, Vault             string
	Cluster                          *cluster
	Services                         []buildService
	Approver, Pull, Builder, Backend string
	PullRequests                     bool
}

type cluster struct{ Group, Name string }

type buildService struct {
	Name       string `json:"name"`
	Source     string `json:"source"`
	Dockerfile string `json:"dockerfile,omitempty"`
}

// setupCommand writes the script that sets up a project.
func setupCommand(flags *flag.FlagSet) func(io.Writer) error {
	s := setup{Name: "acr-microservices"}
	check := flags.Bool("check", false, "run the script with --check, which changes nothing and lists what is missing")
	flags.StringVar(&s.Organization, "organization", "", "azure-devops: address of the organization, such as https://dev.azure.com/acme")
	flags.StringVar(&s.Project, "project", "", "azure-devops: name of the project")
	flags.StringVar(&s.Repository, "repository", "", "azure-devops: name of the repository, default: the project's; github: owner/name")
	flags.StringVar(&s.Issuer, "issuer", "https://token.actions.githubusercontent.com", "github: who issues the runs' tokens: with an enterprise that has an issuer of its own, /<enterprise> follows")
	flags.StringVar(&s.Subscription, "subscription", "", "id of the Azure subscription")
	flags.StringVar(&s.Location, "location", "westeurope", "Azure region")
	aks := flags.String("cluster", "", "AKS cluster as group/name; \"none\" for another cluster, which the stack files then name")
	services := flags.String("services", "", "services whose images are built, such as customerapi=services/customerapi,orderapi=services/orderapi; \"none\" for none; with the Dockerfile at the end if it is not in the source, as in customerapi=.=docker/customerapi")
	flags.StringVar(&s.Approver, "approver", "", "who approves deployments to prod: azure-devops: e-mail address; github: login. Without it, no approval is required")
	flags.StringVar(&s.Pull, "pull", "", "how the cluster pulls: kubeletIdentity (default with an AKS cluster: no secret, no permission in Entra), token (default otherwise) or servicePrincipal, as in the article")
	flags.StringVar(&s.Builder, "builder", "acr", "acr, or docker if the subscription is not allowed to run ACR Tasks, such as a free or trial one")
	flags.BoolVar(&s.PullRequests, "pull-requests", false, "an environment for each pull request")
	flags.StringVar(&s.Account, "account", "", "name of the storage account with the state; default: derived from the subscription's id")
	flags.StringVar(&s.Vault, "vault", "", "name of the key vault; default: derived from the subscription's id")
	return func(out io.Writer) error {
		if flags.NArg() == 0 || flags.Arg(0) != "azure-devops" && flags.Arg(0) != "github" {
			return errors.New("pipeline setup azure-devops … or pipeline setup github …; -h shows the flags")
		}
		s.Host = flags.Arg(0)
		// Flags can follow the host's name.
		if err := flags.Parse(flags.Args()[1:]); err != nil {
			return err
		}
		if flags.NArg() > 0 {
			return fmt.Errorf("unexpected %q", flags.Args())
		}
		ask := []question{
			{"subscription", "id of the Azure subscription", &s.Subscription},
			{"cluster", "AKS cluster as group/name, or none", aks},
			{"services", "services, such as customerapi=services/customerapi, or none", services},
		}
		if s.Azure() {
			ask = append(ask, question{"organization", "address of the organization, such as https://dev.azure.com/acme", &s.Organization}, question{"project", "project", &s.Project})
		} else {
			ask = append(ask, question{"repository", "repository, such as acme/shop", &s.Repository})
		}
		ask = append(ask, question{"", "who approves deployments to prod; empty for no approval", &s.Approver})
		if err := askFor(ask); err != nil {
			return err
		}
		if err := s.complete(*aks, *services); err != nil {
			return err
		}
		script, err := s.script()
		if err != nil || !*check {
			fmt.Fprint(out, script)
			return err
		}
		bash := exec.Command("bash", "-s", "--", "--check")
		bash.Stdin, bash.Stdout, bash.Stderr = strings.NewReader(script), out, os.Stderr
		if err := bash.Run(); err != nil {
			return fmt.Errorf("something is missing or could not be checked: %w", err)
		}
		return nil
	}
}

type question struct {
	flag, text string // the flag is empty if no answer is needed
	answer     *string
}

// askFor asks for the values that no flag sets, if the program runs in a terminal.
func askFor(questions []question) error {
	terminal, err := os.Stdin.Stat()
	asks := err == nil && terminal.Mode()&os.ModeCharDevice != 0 && os.Getenv("CI") == ""
	answers := bufio.NewReader(os.Stdin)
	missing := map[string]string{}
	for _, q := range questions {
		if *q.answer == "" && asks {
			fmt.Fprintf(os.Stderr, "%s: ", q.text)
			line, err := answers.ReadString('\n')
			asks = err == nil // there is no one to answer
			*q.answer = strings.TrimSpace(line)
		}
		if q.flag != "" {
			missing[q.flag] = *q.answer
		}
	}
	return required(missing)
}

// Forms of names. No name contains characters that are special to a shell, to JSON or to a query:
// https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
var (
	validID           = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	validName         = regexp.MustCompile(`^\w[\w. -]*$`)
	validResource     = regexp.MustCompile(`^[\w][\w.()-]{0,89}$`)
	validOrganization = regexp.MustCompile(`^https://(dev\.azure\.com/[\w-]+|[\w-]+\.visualstudio\.com)$`)
	validGitHub       = regexp.MustCompile(`^[\w-]+/[\w.-]+$`)
	validApprover     = regexp.MustCompile(`^[\w.+-]+(@[\w.-]+)?$`)
	validAccount      = regexp.MustCompile(`^[a-z0-9]{3,24}$`)
	validVault        = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]$`)
	validIssuer       = regexp.MustCompile(`^https://[\w./-]+$`)
	validRegion       = regexp.MustCompile(`^[a-z0-9]+$`)
	validService      = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	validSource       = regexp.MustCompile(`^[\w./:@#-]+$`)
)

// complete fills in the derived values, and returns all problems.
func (s *setup) complete(aks, services string) error {
	s.Organization = strings.TrimSuffix(s.Organization, "/")
	s.Repository = cmp.Or(s.Repository, s.Project)
	sum := digest([]byte(strings.ToLower(s.Subscription)))[:8]
	s.Account, s.Vault = cmp.Or(s.Account, "acrmicroservices"+sum), cmp.Or(s.Vault, "acr-ms-"+sum)
	var found problems
	check := func(name, value string, form *regexp.Regexp, want string) {
		if !form.MatchString(value) {
			found = append(found, fmt.Sprintf("-%s %q is not %s", name, value, want))
		}
	}
	check("subscription", s.Subscription, validID, "the id of a subscription, such as 00000000-0000-0000-0000-000000000000")
	check("location", s.Location, validRegion, "a region, such as westeurope")
	check("account", s.Account, validAccount, "3 to 24 lower-case letters and digits")
	check("vault", s.Vault, validVault, "3 to 24 letters, digits and dashes")
	if s.Azure() {
		check("organization", s.Organization, validOrganization, "the address of an organization, such as https://dev.azure.com/acme")
		check("project", s.Project, validName, "letters, digits, spaces, dots and dashes")
		check("repository", s.Repository, validName, "letters, digits, spaces, dots and dashes")
	} else {
		check("repository", s.Repository, validGitHub, "owner/name")
		check("issuer", s.Issuer, validIssuer, "an address, such as https://token.actions.githubusercontent.com/<enterprise>")
	}
	if s.Approver != "" {
		check("approver", s.Approver, validApprover, "an e-mail address, or a login at GitHub")
	}
	if aks != "none" {
		group, name, _ := strings.Cut(aks, "/")
		s.Cluster = &cluster{group, name}
		if !validResource.MatchString(group) || !validResource.MatchString(name) {
			found = append(found, fmt.Sprintf("-cluster %q is not group/name", aks))
		}
		s.Pull = cmp.Or(s.Pull, "kubeletIdentity")
	}
	s.Pull = cmp.Or(s.Pull, "token")
	if modes := []string{"kubeletIdentity", "token", "servicePrincipal"}; !slices.Contains(modes, s.Pull) {
		found = append(found, fmt.Sprintf("-pull %q is not one of %s", s.Pull, strings.Join(modes, ", ")))
	} else if s.Pull == "kubeletIdentity" && s.Cluster == nil {
		found = append(found, "-pull kubeletIdentity needs an AKS cluster: -cluster group/name")
	}
	if s.Builder != "acr" && s.Builder != "docker" {
		found = append(found, fmt.Sprintf("-builder %q is not one of acr, docker", s.Builder))
	}
	if services != "none" {
		for each := range strings.SplitSeq(services, ",") {
			name, source, _ := strings.Cut(each, "=")
			source, dockerfile, given := strings.Cut(source, "=")
			if !validService.MatchString(name) || !validSource.MatchString(source) || given && !validSource.MatchString(dockerfile) {
				found = append(found, fmt.Sprintf("-services %q is not name=source or name=source=dockerfile, such as customerapi=services/customerapi", each))
			}
			s.Services = append(s.Services, buildService{name, source, dockerfile})
		}
	}
	if len(found) > 0 {
		return found
	}
	return nil
}

// Azure reports whether the host is Azure DevOps.
func (s setup) Azure() bool { return s.Host == "azure-devops" }

// HostName returns the host's name for people.
func (s setup) HostName() string {
	if s.Azure() {
		return "Azure DevOps"
	}
	return "GitHub"
}

// Identities returns all identities, by the last part of their name.
func (s setup) Identities() string { return "preview " + s.Deployers() }

// Deployers returns the identities that change stacks.
func (s setup) Deployers() string {
	if s.PullRequests {
		return "test prod pr"
	}
	return "test prod"
}

// ServicesJSON returns the services in the form of the variable SERVICES.
func (s setup) ServicesJSON() (string, error) {
	text, err := json.Marshal(append([]buildService{}, s.Services...))
	return string(text), err
}

// ServicesYAML returns the services in the form of pipeline.yml.
func (s setup) ServicesYAML() string {
	var list []string
	for _, service := range s.Services {
		dockerfile := ""
		if service.Dockerfile != "" {
			dockerfile = fmt.Sprintf(", dockerfile: %q", service.Dockerfile)
		}
		list = append(list, fmt.Sprintf("{name: %s, source: %q%s}", service.Name, service.Source, dockerfile))
	}
	return strings.Join(list, ", ")
}

// stackFile is a file with the settings of a stack.
type stackFile struct{ Name, Content string }

// StackFiles returns the settings of the stacks. Prod pulls test's images from test's registry.
func (s setup) StackFiles() []stackFile {
	services, where := "", ""
	for _, service := range s.Services {
		services += "    " + service.Name + ": {}\n"
	}
	if services == "" {
		services = "    # customerapi: {image: {tag: \"1.0.0\"}}\n"
	}
	if s.Cluster != nil {
		where = fmt.Sprintf("  acr-microservices:cluster:\n    aks: {resourceGroup: %s, name: %s}\n", s.Cluster.Group, s.Cluster.Name)
	}
	// Azure assigns a role on a registry to a cluster's nodes only once: test's assignment also serves prod in the same cluster, and
	// Azure refuses a second one. A token is prod's own.
	pull := cmp.Or(map[string]string{"kubeletIdentity": "token"}[s.Pull], s.Pull)
	test := "config:\n  azure-native:location: " + s.Location + "\n  acr-microservices:registry:\n    sku: Basic\n" +
		"    resourceGroup: {name: " + s.Name + ", existing: true}\n    pull: {mode: " + s.Pull + "}\n"
	other := "config:\n  acr-microservices:registry:\n    existing: {stack: organization/acr-microservices/test}\n    pull: {mode: " + pull + "}\n"
	files := []stackFile{
		{"Pulumi.test.yaml", test + where + "  acr-microservices:services:\n" + services},
		{"Pulumi.prod.yaml", other + where + "  acr-microservices:services:\n" + services},
	}
	if s.PullRequests {
		files = append(files, stackFile{"Pulumi.pr.yaml", strings.Replace(other, "mode: "+pull, "mode: token", 1) + where + "  acr-microservices:services:\n" + services})
	}
	return files
}

// script returns the script. Names with spaces are quoted.
func (s setup) script() (string, error) {
	quote := func(text string) string {
		if strings.Contains(text, " ") {
			return "'" + text + "'"
		}
		return text
	}
	s.Project, s.Repository = quote(s.Project), quote(s.Repository)
	parsed, err := template.New("setup").Parse(setupScript)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	err = parsed.Execute(&text, s)
	return text.String(), err
}
