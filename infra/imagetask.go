package infra

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

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/sdk"
)

const imageTaskType = "acr-microservices:index:ImageTask"

// importerRole is the id of the built-in role Container Registry Data Importer and Data Reader:
// https://learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-directory-reference
const importerRole = "577a9874-89fd-4f24-9dbd-b5034d0ad23a"

const (
	imageTaskTimeout = 1800 // seconds that one run may take, as the provider waits
	// A new role takes its time to be known, and so the import tries again.
	importRetries    = 10
	importRetryDelay = 30 // seconds
)

// ImageTaskArgs are the inputs of an ImageTask.
type ImageTaskArgs struct {
	// Registry that gets the image.
	Registry *registryRef
	// Location of the registry.
	Location pulumi.StringInput
	// Image to make; it has a tag, and either Import or Build.
	Image config.Image
	// Private says that Import or Build holds something secret.
	Private bool
	// Tags of the task.
	Tags pulumi.StringMapInput
}

// ImageTask brings an image into a registry: an ACR Task, and one run of it. A task of the same content is not run again.
//
// There is a resource for both in one, TaskRun, but azure-native does not see its end:
// https://github.com/pulumi/pulumi-azure-native/issues/1713
type ImageTask struct {
	pulumi.ResourceState

	run   pulumi.Resource   // has succeeded once it exists
	parts []pulumi.Resource // what belongs to the registry in Azure
}

// NewImageTask creates the task, lets it import if it is to, and runs it. Its name says what it does: another content is
// another task, and so another run.
func NewImageTask(ctx *pulumi.Context, name string, args *ImageTaskArgs, opts ...pulumi.ResourceOption) (*ImageTask, error) {
	image := &ImageTask{}
	if err := ctx.RegisterComponentResource(imageTaskType, name, image, opts...); err != nil {
		return nil, fmt.Errorf("image task %q: %w", name, err)
	}
	content, err := imageTaskHash(args.Image)
	if err != nil {
		return nil, fmt.Errorf("image task %q: %w", name, err)
	}
	inputs := pulumi.Map{
		"resourceGroupName":  args.Registry.ResourceGroup,
		"registryName":       args.Registry.Name,
		"taskName":           pulumi.String(acrName(name+"-"+content, maxACRName)),
		"location":           args.Location,
		"status":             pulumi.String("Enabled"),
		"agentConfiguration": pulumi.Map{"cpu": pulumi.Int(2)},
		"timeout":            pulumi.Int(imageTaskTimeout),
		"tags":               args.Tags,
	}
	step, platform := buildStep(args.Image), args.Image.Platform()
	if args.Image.Import != nil {
		if step, err = importStep(args.Image); err != nil {
			return nil, fmt.Errorf("image task %q: %w", name, err)
		}
		inputs["identity"] = pulumi.Map{"type": pulumi.String("SystemAssigned")}
	} else {
		inputs["credentials"] = pulumi.Map{"sourceRegistry": pulumi.Map{"loginMode": pulumi.String("Default")}}
	}
	inputs["step"] = step
	if args.Private {
		inputs["step"] = pulumi.ToSecret(step).(pulumi.MapOutput)
	}
	os, architecture, _ := strings.Cut(platform, "/")
	inputs["platform"] = pulumi.Map{"os": pulumi.String(strings.ToUpper(os[:1]) + os[1:]), "architecture": pulumi.String(architecture)}
	task, err := sdk.NewAzureResource(ctx, "containerregistry:Task", name, inputs, pulumi.Parent(image))
	if err != nil {
		return nil, fmt.Errorf("image task %q: %w", name, err)
	}
	image.parts = []pulumi.Resource{task}
	if args.Image.Import != nil {
		grant, err := newRoleAssignment(ctx, name+"-import", image, &roleAssignmentArgs{
			scope: args.Registry.ID, role: importerRole, principal: task.Principal(), principalType: config.ServicePrincipal,
		})
		if err != nil {
			return nil, fmt.Errorf("image task %q: role assignment: %w", name, err)
		}
		image.parts = append(image.parts, grant)
	}
	image.run, err = sdk.NewTaskRun(ctx, name, task.ID(), pulumi.Parent(image), pulumi.DependsOn(image.parts))
	if err != nil {
		return nil, fmt.Errorf("image task %q: run: %w", name, err)
	}
	return image, ctx.RegisterResourceOutputs(image, pulumi.Map{})
}

// buildStep is the task's step that builds and pushes an image; nil if none is to be built.
func buildStep(image config.Image) pulumi.Map {
	build := image.Build
	if build == nil {
		return nil
	}
	arguments := pulumi.Array{}
	for _, name := range slices.Sorted(maps.Keys(build.Args)) {
		arguments = append(arguments, pulumi.Map{
			"name": pulumi.String(name), "value": pulumi.String(build.Args[name]), "isSecret": pulumi.Bool(false),
		})
	}
	step := pulumi.Map{
		"type":           pulumi.String("Docker"),
		"contextPath":    pulumi.String(build.Context),
		"dockerFilePath": pulumi.String(cmp.Or(build.Dockerfile, defaultDockerfile)),
		"imageNames":     pulumi.StringArray{pulumi.String(image.Reference(""))},
		"isPushEnabled":  pulumi.Bool(true),
		"arguments":      arguments,
	}
	if build.Token != "" {
		step["contextAccessToken"] = pulumi.ToSecret(pulumi.String(build.Token)).(pulumi.StringOutput)
	}
	return step
}

// importStep is the task's step that copies an image inside Azure. In it, az is the name of an image that Azure keeps
// current: https://learn.microsoft.com/azure/container-registry/container-registry-tasks-reference-yaml#aliases
func importStep(image config.Image) (pulumi.Map, error) {
	command := "az acr import --name $RegistryName --force --source " + image.Import.Source + " --image " + image.Reference("")
	values := pulumi.Array{}
	if image.Import.Username != "" {
		// A value, unlike the command, is not shown in the run's log. After =, it may begin with a dash.
		command += " --username={{.Values.username}} --password={{.Values.password}}"
		values = append(values, secretValue("username", image.Import.Username), secretValue("password", image.Import.Password))
	}
	type step struct {
		Cmd        string `yaml:"cmd"`
		Retries    int    `yaml:"retries"`
		RetryDelay int    `yaml:"retryDelay"`
	}
	content, err := yaml.Marshal(struct {
		Version string `yaml:"version"`
		Steps   []step `yaml:"steps"`
	}{"v1.1.0", []step{
		{"az login --identity", importRetries, importRetryDelay},
		{command, importRetries, importRetryDelay},
	}})
	if err != nil {
		return nil, fmt.Errorf("steps: %w", err)
	}
	return pulumi.Map{
		"type":               pulumi.String("EncodedTask"),
		"encodedTaskContent": pulumi.String(base64.StdEncoding.EncodeToString(content)),
		"values":             values,
	}, nil
}

// secretValue is a value of a task's step that Azure shows nobody.
func secretValue(name, value string) pulumi.Map {
	return pulumi.Map{
		"name": pulumi.String(name), "value": pulumi.ToSecret(pulumi.String(value)).(pulumi.StringOutput), "isSecret": pulumi.Bool(true),
	}
}

const defaultDockerfile = "Dockerfile"

// imageTaskHash is short for what decides the content of an image, credentials left out.
func imageTaskHash(image config.Image) (string, error) {
	public := image
	if image.Import != nil {
		public.Import = &config.Import{Source: image.Import.Source}
	}
	if image.Build != nil {
		build := *image.Build
		build.Token = ""
		if build.Dockerfile == defaultDockerfile { // Spelled out, it is the same task.
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
