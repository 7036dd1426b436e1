//go:build linux

// Package languagegodouble replaces pulumi-language-go, the part of a Pulumi installation that runs Go programs. It can only run a
// compiled program, which runtime.options.binary names.
// https://www.pulumi.com/docs/iac/languages-sdks/go/#pulumi-programs
package languagegodouble

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/pulumi/pulumi/sdk/v3/go/common/constant"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"example.com/acr-microservices/infra/sandbox/process"
)

// Serve runs the plugin that the engine starts with these arguments. When the engine interrupts it, ctx ends.
func Serve(ctx context.Context, args []string) error {
	// The engine passes unused flags, and its own address.
	flags := flag.NewFlagSet("pulumi-language-go", flag.ContinueOnError)
	for _, name := range []string{"root", "binary", "buildTarget", "tracing"} {
		flags.String(name, "", "")
	}
	// With --logflow, the engine also passes its log settings.
	flags.Bool("logtostderr", false, "")
	flags.String("v", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return serve(ctx, flags.Arg(0))
}

// serve prints its port and serves until ctx ends, as the engine expects of a plugin.
func serve(ctx context.Context, engine string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	pulumirpc.RegisterLanguageRuntimeServer(server, &host{engine: engine})
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	context.AfterFunc(ctx, server.Stop)
	return server.Serve(listener)
}

type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	engine string
}

func (h *host) Handshake(_ context.Context, request *pulumirpc.LanguageHandshakeRequest) (*pulumirpc.LanguageHandshakeResponse, error) {
	h.engine = request.GetEngineAddress()
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: "0.0.0"}, nil
}

func (h *host) GetRequiredPackages(context.Context, *pulumirpc.GetRequiredPackagesRequest) (*pulumirpc.GetRequiredPackagesResponse, error) {
	return &pulumirpc.GetRequiredPackagesResponse{}, nil
}

func (h *host) InstallDependencies(*pulumirpc.InstallDependenciesRequest, grpc.ServerStreamingServer[pulumirpc.InstallDependenciesResponse]) error {
	return nil
}

// Run runs the program. A failed program has reported its error to the engine.
func (h *host) Run(ctx context.Context, request *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	info := request.GetInfo()
	binary := info.GetOptions().GetFields()["binary"].GetStringValue()
	if binary == "" {
		return nil, status.Error(codes.Unimplemented, "this stand-in compiles nothing: Pulumi.yaml has no runtime.options.binary")
	}
	config, err := json.Marshal(request.GetConfig())
	if err != nil {
		return nil, err
	}
	secretKeys, err := json.Marshal(request.GetConfigSecretKeys())
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(info.GetProgramDirectory(), binary))
	cmd.Dir = info.GetProgramDirectory()
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.Env = append(
		os.Environ(),
		pulumi.EnvOrganization+"="+request.GetOrganization(),
		pulumi.EnvProject+"="+request.GetProject(),
		pulumi.EnvPulumiRootDirectory+"="+info.GetRootDirectory(),
		pulumi.EnvStack+"="+request.GetStack(),
		pulumi.EnvConfig+"="+string(config),
		pulumi.EnvConfigSecretKeys+"="+string(secretKeys),
		pulumi.EnvParallel+"="+strconv.Itoa(int(request.GetParallel())),
		pulumi.EnvDryRun+"="+strconv.FormatBool(request.GetDryRun()),
		pulumi.EnvMonitor+"="+request.GetMonitorAddress(),
		pulumi.EnvEngine+"="+h.engine,
	)
	err = process.Run(cmd, syscall.SIGKILL)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("program exited with code %d", exit.ExitCode()), Bail: exit.ExitCode() == constant.ExitStatusLoggedError}, nil
	}
	return &pulumirpc.RunResponse{}, err
}
