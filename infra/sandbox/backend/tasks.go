package backend

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
	"example.com/acr-microservices/infra/sandbox/demoimages"
)

// gitDouble is the sandbox's only git repository. It has a folder for each demo service, and a tag for each of their versions.
const gitDouble = "https://github.com/example/shop.git"

// runTask does the work of a task run in ACR. An import really copies the image, from one of the sandbox's registries. A build is
// simulated: it uses the image of the folder's source, which the sandbox has compiled before.
func (p *publisher) runTask(ctx context.Context, run azuredouble.TaskRun) error {
	target, err := name.NewTag(run.LoginServer + "/" + run.Image)
	if err != nil {
		return err
	}
	owner := []remote.Option{remote.WithContext(ctx), remote.WithTransport(p.transport), remote.WithAuth(p.owner)}
	if run.Source == "" {
		image, err := p.build(run)
		if err != nil {
			return err
		}
		return remote.Write(target, image, owner...)
	}
	source, err := name.ParseReference(run.Source)
	if err != nil {
		return err
	}
	login := authn.Anonymous
	if run.Username != "" {
		login = authn.FromConfig(authn.AuthConfig{Username: run.Username, Password: run.Password})
	}
	found, err := remote.Get(source, remote.WithContext(ctx), remote.WithTransport(p.transport), remote.WithAuth(login))
	if err != nil {
		return fmt.Errorf("source image %s: %w", run.Source, err)
	}
	image, err := found.Image()
	if err != nil {
		return err
	}
	return remote.Write(target, image, owner...)
}

// build returns the image of a build of the context.
func (p *publisher) build(run azuredouble.TaskRun) (v1.Image, error) {
	repository, at, _ := strings.Cut(run.Context, "#")
	version, folder, _ := strings.Cut(at, ":")
	version = strings.TrimPrefix(version, "v")
	switch {
	case repository != gitDouble:
		return nil, fmt.Errorf("fatal: repository '%s' not found; in the sandbox there is %s", repository, gitDouble)
	case !slices.Contains(demoimages.Versions, version):
		return nil, fmt.Errorf("fatal: couldn't find remote ref v%s; there are v%s", version, strings.Join(demoimages.Versions, ", v"))
	case !slices.Contains(demoimages.Services, folder) || run.Dockerfile != "Dockerfile":
		return nil, fmt.Errorf("unable to find '%s/%s'; there are folders %s", folder, run.Dockerfile, strings.Join(demoimages.Services, ", "))
	case run.Platform != "linux/"+runtime.GOARCH:
		return forPlatform(p.images[folder+":"+version], run.Platform)
	}
	return p.images[folder+":"+version], nil
}
