// Package image brings images into a registry, by import from another registry or by a build from a git repository.
package image

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	tasks "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20190601preview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/internal/azure"
	"example.com/acr-microservices/infra/internal/component"
	"example.com/acr-microservices/infra/sdk"
)

const componentType = "acr-microservices:index:ImageTask"

const (
	// taskTimeout is the timeout in seconds of a run, for which the provider waits, and of each step. The default of a step is 600
	// seconds for all its retries together.
	taskTimeout = 1800
	// It takes minutes until a new role assignment takes effect, so the import is retried.
	importRetries    = 10
	importRetryDelay = 30 // seconds
)

// Args are the inputs of a Task.
type Args struct {
	// RegistryID, RegistryName, ResourceGroup and Location of the registry that gets the image.
	RegistryID, RegistryName, ResourceGroup, Location pulumi.StringInput
	// Image to bring into the registry; it has a tag, and either Import or Build.
	Image config.Image
	// Cloud is the Azure CLI's name of the registry's cloud; empty means AzureCloud, its default.
	Cloud string
	// Private says that Import or Build holds a secret.
	Private bool
	// Tags of the task.
	Tags pulumi.StringMapInput
}

// Task brings an image into a registry: an ACR Task, and one run of it. A task with the same content does not run again.
//
// azure-native has one resource for both, TaskRun, but does not wait for the end of the run:
// https://github.com/pulumi/pulumi-azure-native/issues/1713
type Task struct {
	pulumi.ResourceState
	component.Children
}

// New creates the task, gives it the permission to import if it imports, and runs it. New content changes the task in place,
// because a lock on the registry prevents its deletion, and starts another run.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Task, error) {
	image := &Task{}
	if err := image.create(ctx, name, args, opts); err != nil {
		return nil, fmt.Errorf("image task %q: %w", name, err)
	}
	return image, ctx.RegisterResourceOutputs(image, pulumi.Map{})
}

func (t *Task) create(ctx *pulumi.Context, name string, args *Args, opts []pulumi.ResourceOption) error {
	if err := component.Register(ctx, componentType, name, t, &t.Children, opts); err != nil {
		return err
	}
	task, principal, err := newTask(ctx, name, args, t)
	if err != nil {
		return err
	}
	if args.Image.Import != nil {
		if _, err := azure.NewRoleAssignment(ctx, name+"-import", &azure.RoleAssignmentArgs{
			Scope: args.RegistryID, Role: azure.RoleDataImporter, PrincipalType: config.ServicePrincipal,
			// In a preview, the provider returns the identity with an empty principal instead of an unknown one.
			Principal: azure.After(principal.Elem(), task),
		}, t); err != nil {
			return fmt.Errorf("role assignment: %w", err)
		}
	}
	content, err := contentHash(args.Image)
	if err != nil {
		return err
	}
	if _, err = sdk.NewTaskRun(ctx, name+"-"+content, task.ID().ToStringOutput(), pulumi.Parent(t), pulumi.DependsOn(t.Resources())); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}

// newTask creates the ACR Task. It returns the task and the principal ID of its identity.
func newTask(ctx *pulumi.Context, name string, args *Args, parent pulumi.Resource) (pulumi.CustomResource, pulumi.StringPtrOutput, error) {
	inputs := &tasks.TaskArgs{
		ResourceGroupName:  args.ResourceGroup,
		RegistryName:       args.RegistryName,
		TaskName:           pulumi.String(azure.ResourceName(name+"-image", azure.MaxName)),
		Location:           args.Location.ToStringOutput().ToStringPtrOutput(),
		Status:             pulumi.String("Enabled"),
		Platform:           platform(args.Image),
		AgentConfiguration: &tasks.AgentPropertiesArgs{Cpu: pulumi.Int(2)},
		Timeout:            pulumi.Int(taskTimeout),
		Tags:               args.Tags,
	}
	loginMode := "Default"
	if args.Image.Import != nil {
		step, err := importStep(args.Image, args.Cloud)
		if err != nil {
			return nil, pulumi.StringPtrOutput{}, err
		}
		inputs.Step, inputs.Identity = step, &tasks.IdentityPropertiesArgs{Type: tasks.ResourceIdentityTypeSystemAssigned}
		// An import calls Azure and not the registry, whose network rules can refuse the task's login:
		// https://github.com/Azure/azure-cli/issues/28151
		loginMode = "None"
	} else {
		inputs.Step = buildStep(args.Image)
	}
	inputs.Credentials = &tasks.CredentialsArgs{SourceRegistry: &tasks.SourceRegistryCredentialsArgs{LoginMode: pulumi.String(loginMode)}}
	if args.Private {
		inputs.Step = pulumi.ToSecret(inputs.Step)
	}
	return sdk.NewTask(ctx, name, inputs, pulumi.Parent(parent))
}

// platform returns the platform on which the task runs.
func platform(image config.Image) *tasks.PlatformPropertiesArgs {
	os, architecture, _ := strings.Cut(image.Platform(), "/")
	return &tasks.PlatformPropertiesArgs{Os: pulumi.String(strings.ToUpper(os[:1]) + os[1:]), Architecture: pulumi.String(architecture)}
}

// buildStep returns the task's step that builds and pushes an image.
func buildStep(image config.Image) *tasks.DockerBuildStepArgs {
	build := image.Build
	arguments := tasks.ArgumentArray{}
	for _, name := range slices.Sorted(maps.Keys(build.Args)) {
		arguments = append(arguments, &tasks.ArgumentArgs{
			Name: pulumi.String(name), Value: pulumi.String(build.Args[name]), IsSecret: pulumi.Bool(false),
		})
	}
	step := &tasks.DockerBuildStepArgs{
		Type:           pulumi.String("Docker"),
		ContextPath:    pulumi.String(build.Context),
		DockerFilePath: pulumi.String(cmp.Or(build.Dockerfile, defaultDockerfile)),
		ImageNames:     pulumi.StringArray{pulumi.String(image.Reference(""))},
		IsPushEnabled:  pulumi.Bool(true),
		Arguments:      arguments,
	}
	if build.Token != "" {
		step.ContextAccessToken = pulumi.ToSecret(pulumi.String(build.Token)).(pulumi.StringOutput)
	}
	return step
}

// importStep returns the task's step that copies an image inside Azure. In the step, az is an alias for an image that Azure
// maintains: https://learn.microsoft.com/azure/container-registry/container-registry-tasks-reference-yaml#aliases
func importStep(image config.Image, cloud string) (*tasks.EncodedTaskStepArgs, error) {
	command := "az acr import --name $RegistryName --force --source " + image.Import.Source + " --image " + image.Reference("")
	values := tasks.SetValueArray{}
	if image.Import.Username != "" {
		// A value, unlike the command, is not shown in the run's log. After =, it can begin with a dash. ACR Tasks insert it into the
		// text of the steps before they parse the text, and pass the command to a shell.
		command += " --username='{{.Values.username}}' --password='{{.Values.password}}'"
		values = append(values, secretValue("username", image.Import.Username), secretValue("password", image.Import.Password))
	}
	type step struct {
		Cmd        yaml.Node `yaml:"cmd"`
		Retries    int       `yaml:"retries"`
		RetryDelay int       `yaml:"retryDelay"`
		Timeout    int       `yaml:"timeout"`
	}
	// In a literal block, no character of a value has a meaning in YAML.
	retried := func(command string) step {
		return step{yaml.Node{Kind: yaml.ScalarNode, Style: yaml.LiteralStyle, Value: command}, importRetries, importRetryDelay, taskTimeout}
	}
	steps := []step{retried("az login --identity"), retried(command)}
	if cloud != "" {
		steps = slices.Insert(steps, 0, retried("az cloud set --name "+cloud))
	}
	content, err := yaml.Marshal(struct {
		Version string `yaml:"version"`
		Steps   []step `yaml:"steps"`
	}{"v1.1.0", steps})
	if err != nil {
		return nil, fmt.Errorf("steps: %w", err)
	}
	return &tasks.EncodedTaskStepArgs{
		Type:               pulumi.String("EncodedTask"),
		EncodedTaskContent: pulumi.String(base64.StdEncoding.EncodeToString(content)),
		Values:             values,
	}, nil
}

// secretValue returns a value of a task's step that Azure never shows.
func secretValue(name, value string) *tasks.SetValueArgs {
	return &tasks.SetValueArgs{
		Name: pulumi.String(name), Value: pulumi.ToSecret(pulumi.String(value)).(pulumi.StringOutput), IsSecret: pulumi.Bool(true),
	}
}

const defaultDockerfile = "Dockerfile"

// contentHash returns a hash of the settings that determine the content of an image. Credentials are not among them.
func contentHash(image config.Image) (string, error) {
	public := image
	if image.Import != nil {
		public.Import = &config.Import{Source: image.Import.Source}
	}
	if image.Build != nil {
		build := *image.Build
		build.Token = ""
		if build.Dockerfile == defaultDockerfile { // An explicit default makes the same task.
			build.Dockerfile = ""
		}
		if build.Platform == (config.Image{}).Platform() {
			build.Platform = ""
		}
		public.Build = &build
	}
	text, err := json.Marshal(public)
	if err != nil {
		return "", fmt.Errorf("image: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:8], nil
}
