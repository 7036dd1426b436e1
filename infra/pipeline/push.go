package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// pushCommand builds an image, pushes it to the registry that the stack's outputs name, and writes a note for stack-file. An image
// whose source has not changed is not built again.
func pushCommand(flags *flag.FlagSet) func(io.Writer) error {
	service := flags.String("service", "", "name of the service")
	source := flags.String("source", "", "folder of the checkout, or git address, with the Dockerfile")
	dockerfile := flags.String("dockerfile", "", "the Dockerfile, as a path in the checkout, or in the source at a git address; default: Dockerfile in the source")
	tag := flags.String("tag", "", "the image's tag")
	moving := flags.String("moving", "", "a tag that moves to this image, such as latest; default: none")
	stacks := flags.String("stacks", "", "stacks that run the image, separated by commas; the first one's outputs name the registry")
	builder := flags.String("builder", "acr", "acr builds in Azure, with ACR Tasks; docker builds and pushes on this agent")
	folder := flags.String("out", "", "folder for the note")
	return func(out io.Writer) error {
		if err := required(map[string]string{"service": *service, "source": *source, "tag": *tag, "stacks": *stacks, "out": *folder}); err != nil {
			return err
		}
		if *builder != "acr" && *builder != "docker" {
			return fmt.Errorf("imageBuilder %q is not one of acr, docker", *builder)
		}
		for name, value := range map[string]string{"tag": *tag, "moving": *moving} {
			if value != "" && !validTag.MatchString(value) {
				return fmt.Errorf("-%s %q is not a tag: up to 128 letters, digits, dots, dashes and underscores; with Azure Pipelines, the tag is the run's name, "+
					"the first line of pipeline.yml", name, value)
			}
		}
		names := strings.Split(*stacks, ",")
		repository, err := repositoryOf(*service, names)
		if err != nil {
			return err
		}
		h := hostOf(os.Getenv)
		stop, err := h.signIn()
		if err != nil {
			return err
		}
		defer stop()
		p := pusher{out: out, repository: repository, dockerfile: *dockerfile, moving: *moving, tags: []string{*tag}}
		if p.registry, err = registryOf(names[0]); err != nil {
			return err
		}
		if p.registry == "" {
			h.issue(out, "warning", fmt.Sprintf("%s is not built: stack %s has no registry yet. This run creates it; run the pipeline again afterwards.", *service, names[0]))
			return nil
		}
		if *moving != "" {
			p.tags = append(p.tags, *moving)
		}
		image, err := p.push(*source, *builder)
		if err != nil {
			return err
		}
		return noteImage(out, *folder, *service, image)
	}
}

// repositoryOf returns the repository from which all stacks take the image of a service.
func repositoryOf(service string, stacks []string) (string, error) {
	found, of := "", ""
	for _, stack := range stacks {
		file, services, err := servicesOfStack(stack)
		if err != nil {
			return "", err
		}
		if node(services, service) == nil {
			return "", fmt.Errorf("%s has no service %s, but the pipeline builds an image for it", file, service)
		}
		repository := repositoryIn(services, service)
		if hasHost(repository) {
			return "", fmt.Errorf("%s: services.%s.image.repository: %q is not in the stack's own registry, where the pipeline pushes: remove the host, or remove the service "+
				"from those that the pipeline builds", file, service, repository)
		}
		if found != "" && repository != found {
			return "", fmt.Errorf("services.%s.image.repository: %q in %s, but %q in %s: one image cannot be in both", service, repository, file, found, of)
		}
		found, of = repository, file
	}
	return found, nil
}

// hasHost reports whether an image's repository names a registry, by the rule of the reference's form:
// https://github.com/distribution/reference/blob/main/normalize.go
func hasHost(repository string) bool {
	host, _, found := strings.Cut(repository, "/")
	return found && (strings.ContainsAny(host, ".:") || host == "localhost")
}

// registryOf returns the name of a stack's registry, "" before its first deployment.
func registryOf(stack string) (string, error) {
	var stacks []struct {
		Name string `yaml:"name"`
	}
	if out, err := exec.Command("pulumi", "stack", "ls", "--json").Output(); err != nil {
		return "", errors.New("pulumi stack ls: " + problemOf(err))
	} else if err := parseYAML("pulumi stack ls", out, &stacks); err != nil {
		return "", err
	}
	var found stackOutputs
	for _, known := range stacks {
		if baseName(known.Name) != baseName(stack) {
			continue
		}
		outputs, err := exec.Command("pulumi", "stack", "output", "--json", "--stack", stack).Output()
		if err != nil {
			return "", errors.New("pulumi stack output: " + problemOf(err))
		}
		if err := parseYAML("outputs of "+stack, outputs, &found); err != nil {
			return "", err
		}
		break
	}
	return found.RegistryName, nil
}

type pusher struct {
	out                                      io.Writer
	registry, repository, dockerfile, moving string
	tags                                     []string // the moving one among them
}

// push returns the image of a source, and builds it if necessary.
func (p pusher) push(source, builder string) (builtImage, error) {
	if content := p.contentTag(source); content != "" {
		if digest := p.digest(content); validDigest.MatchString(digest) && (p.moving == "" || p.digest(p.moving) == digest) {
			fmt.Fprintf(p.out, "%s: %s has not changed since it was built\n", p.repository, source)
			return builtImage{Repository: p.repository, Tag: content, Digest: digest}, nil
		}
		p.tags = append(p.tags, content)
	}
	build := p.buildInAzure
	if builder == "docker" {
		build = p.buildHere
	}
	if err := build(source); err != nil {
		return builtImage{}, err
	}
	digest := p.digest(p.tags[0])
	if !validDigest.MatchString(digest) {
		return builtImage{}, fmt.Errorf("az acr repository show: %q is not a digest of %s:%s", digest, p.repository, p.tags[0])
	}
	return builtImage{Repository: p.repository, Tag: p.tags[0], Digest: digest}, nil
}

// contentTag returns a tag made of git's hashes of the source and of a Dockerfile beside it, because an image that was built from the same
// content is the same image. It returns "" for content that is not in the checkout.
func (p pusher) contentTag(source string) string {
	content := contentHash(source)
	if content == "" {
		return ""
	}
	if p.dockerfile == "" {
		return "tree-" + content
	}
	file := contentHash(p.dockerfile)
	if file == "" {
		return ""
	}
	return "tree-" + content + "-" + file[:12] // With SHA-256, two whole ones are too long for a tag.
}

// contentHash returns git's hash of a file or folder, or "" if it is not in the checkout.
func contentHash(path string) string {
	hash, err := exec.Command("git", "rev-parse", "--verify", "--quiet", "HEAD:./"+path).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(hash))
}

// file returns the arguments that name the Dockerfile. For az and docker alike, it is relative to the working directory, or to the source at
// a git address: acr_build in command_modules/acr/build.py of https://github.com/Azure/azure-cli
func (p pusher) file() []string {
	if p.dockerfile == "" {
		return nil
	}
	return []string{"--file", p.dockerfile}
}

// buildInAzure builds with ACR Tasks. A registry in the ABAC mode accepts the image only from an authenticated caller; other
// registries ignore the flag:
// https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions
func (p pusher) buildInAzure(source string) error {
	args := append([]string{"acr", "build", "--registry", p.registry, "--source-acr-auth-id", "[caller]"}, p.file()...)
	for _, tag := range p.tags {
		args = append(args, "--image", p.repository+":"+tag)
	}
	return p.do("az", append(args, source)...)
}

// buildHere builds with the agent's Docker.
func (p pusher) buildHere(source string) error {
	if err := p.do("az", "acr", "login", "--name", p.registry); err != nil {
		return err
	}
	server, err := exec.Command("az", "acr", "show", "--name", p.registry, "--query", "loginServer", "--output", "tsv").Output()
	if err != nil {
		return errors.New("az acr show: " + problemOf(err))
	}
	args, names := append([]string{"build"}, p.file()...), []string{}
	for _, tag := range p.tags {
		name := strings.TrimSpace(string(server)) + "/" + p.repository + ":" + tag
		args, names = append(args, "--tag", name), append(names, name)
	}
	if err := p.do("docker", append(args, source)...); err != nil {
		return err
	}
	for _, name := range names {
		if err := p.do("docker", "push", name); err != nil {
			return err
		}
	}
	return nil
}

// digest returns the digest of a tag, or "" if the tag does not exist.
func (p pusher) digest(tag string) string {
	out, err := exec.Command("az", "acr", "repository", "show", "--name", p.registry, "--image", p.repository+":"+tag, "--query", "digest", "--output", "tsv").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// buildAdvice says what to do about the errors of az acr build, by a part of their text.
var buildAdvice = map[string]string{
	// https://github.com/Azure-Samples/azure-search-openai-demo/issues/2220
	"TasksOperationsNotAllowed":                    "this subscription is not allowed to run ACR Tasks, like free and trial ones: set imageBuilder (IMAGE_BUILDER at GitHub) to docker",
	"denied: client with IP":                       "the registry is closed to ACR Tasks: set imageBuilder (IMAGE_BUILDER at GitHub) to docker, and use agents in the registry's network",
	"is not allowed access":                        "the registry is closed to this agent: use agents in the registry's network",
	"insufficient_scope":                           "the run's identity is not allowed to push: give it Container Registry Repository Writer on a registry in the ABAC mode, otherwise AcrPush",
	"unrecognized arguments: --source-acr-auth-id": "this agent's Azure CLI is too old for registries in the ABAC mode: update it",
}

// do runs a program, shows what it prints, and returns its error with advice.
func (p pusher) do(name string, args ...string) error {
	var said bytes.Buffer
	output := &lineWriter{line: func(line string) {
		fmt.Fprintln(p.out, disarmed(line))
		said.WriteString(line + "\n")
	}}
	command := exec.Command(name, args...)
	command.Stdout, command.Stderr = output, output
	err := command.Run()
	output.end()
	if err == nil {
		return nil
	}
	found := problems{fmt.Sprintf("%s %s: %v", name, strings.Join(args[:min(2, len(args))], " "), err)}
	for line := range strings.Lines(said.String()) {
		if strings.HasPrefix(line, "ERROR: ") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	for words, advice := range buildAdvice {
		if strings.Contains(said.String(), words) {
			found = append(found, advice)
		}
	}
	return found
}
