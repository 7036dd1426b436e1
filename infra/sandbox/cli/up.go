//go:build linux

package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/engine"
	"example.com/acr-microservices/infra/sandbox/progress"
	"example.com/acr-microservices/infra/sandbox/toolchain"
)

// defaultStack is the default stack of the sandbox: its settings are the example to copy.
const defaultStack = "dev"

// up starts what is not running, updates the stack, and keeps the sandbox running on success.
func (sb *sandbox) up(ctx context.Context, flags updateFlags) (err error) {
	unlock, err := sb.lock()
	if err != nil {
		return err
	}
	defer unlock()

	times := timer{last: time.Now()}
	if err := sb.chooseNode(flags.node); err != nil {
		return err
	}
	tools, err := sb.buildTools(ctx)
	if err != nil {
		return err
	}
	program, err := sb.program(ctx)
	if err != nil {
		return err
	}
	times.lap("tools")
	services, running, err := sb.start(ctx, tools, flags.conditions())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sb.release(services)) }()
	times.lap("cluster")

	began := time.Now()
	st, info, err := sb.openStack(ctx, services, tools, program, flags)
	if err != nil {
		return err
	}
	result, err := st.Up(ctx, flags.refresh)
	if err != nil {
		sb.tellFaults(ctx, services)
		sb.explainFailure(ctx, st, services, info, result, began)
		if ctx.Err() == nil && (running || flags.keep) {
			err = errors.Join(err, services.Keep(ctx))
		} else if ctx.Err() == nil {
			err = fmt.Errorf("%w; the sandbox is stopped: up --keep leaves it running, for troubleshooting", err)
		}
		return err
	}
	times.lap("update")
	// Keep the sandbox first, even if the summary fails.
	if err := services.Keep(ctx); err != nil {
		return err
	}
	sb.tellFaults(ctx, services)
	sb.tellStrays(ctx, services, info)
	return sb.summarize(ctx, st, services, result, times)
}

// preview shows the changes of up. If it has to start the sandbox, it stops it again.
func (sb *sandbox) preview(ctx context.Context, flags updateFlags, expectNone bool) error {
	return sb.visit(ctx, flags.conditions(), func(services *daemon.Client, tools toolchain.Tools) error {
		program, err := sb.program(ctx)
		if err != nil {
			return err
		}
		st, _, err := sb.openStack(ctx, services, tools, program, flags)
		if err != nil {
			return err
		}
		result, err := st.Preview(ctx)
		if err != nil {
			return err
		}
		sb.Printf("%s", counts(result.Changes, "no changes", "up would do: "))
		if err := sb.writeJSON(previewReport{Changes: append([]engine.Change{}, result.Changes...)}); err != nil {
			return err
		}
		if expectNone && len(result.Changes) > 0 {
			return exit{errors.New("the preview found changes, and --expect-no-changes was given"), exitChanges}
		}
		return nil
	})
}

// program compiles the program unless this version is compiled.
func (sb *sandbox) program(ctx context.Context) (string, error) {
	source, err := sb.source()
	if err != nil {
		return "", err
	}
	return source.Program(ctx)
}

func (sb *sandbox) openStack(ctx context.Context, services *daemon.Client, tools toolchain.Tools, program string, flags updateFlags) (*engine.Stack, daemon.Info, error) {
	info, err := services.Info(ctx)
	if err != nil {
		return nil, info, err
	}
	st, err := engine.Open(ctx, engine.Options{
		Project: sb.project, Dir: sb.dir, Stack: sb.stack, Tools: tools,
		Env: sb.environment(info), Config: flags.settings(), Secrets: flags.secrets,
		Program: program, Console: sb.Console, Verbose: flags.verbose,
		Discard: func(ctx context.Context, pending []apitype.OperationV2, known []apitype.ResourceV3) error {
			return discard(ctx, services, sb.kubectl(info), pending, known)
		},
	})
	return st, info, err
}

// discard removes possible leftovers of interrupted operations: they are missing from the stack's state, and would block the
// next update or outlive the stack.
func discard(ctx context.Context, services *daemon.Client, kube kubectl, pending []apitype.OperationV2, known []apitype.ResourceV3) error {
	var types, ids []string
	for _, op := range pending {
		token := string(op.Resource.Type)
		switch {
		case op.Type != apitype.OperationTypeCreating:
			// The object is in the state, and the next update handles it.
		case token == "kubernetes:helm.sh/v3:Release":
			// The program handles a release on which Helm was working. A release that Helm had just finished would block the
			// next one, which adopts its objects.
			namespace, _ := op.Resource.Inputs["namespace"].(string)
			name, _ := op.Resource.Inputs["name"].(string)
			if _, err := kube.run(ctx, "delete", "secret", "--namespace", namespace,
				"--selector", "owner=helm,name="+name+",status!=pending-install"); err != nil {
				return err
			}
		case strings.HasPrefix(token, "kubernetes:"):
			metadata, _ := op.Resource.Inputs["metadata"].(map[string]any)
			name, _ := metadata["name"].(string)
			namespace, _ := metadata["namespace"].(string)
			kind := strings.ToLower(token[strings.LastIndex(token, ":")+1:])
			args := []string{"delete", kind, name, "--ignore-not-found"}
			if namespace != "" {
				args = append(args, "--namespace", namespace)
			}
			if _, err := kube.run(ctx, args...); err != nil {
				return err
			}
		default:
			types = append(types, token)
		}
	}
	if len(types) == 0 {
		return nil
	}
	for _, r := range known {
		ids = append(ids, string(r.ID))
	}
	return services.Discard(ctx, types, ids)
}

// summarize prints the changes, running pods and next steps.
func (sb *sandbox) summarize(ctx context.Context, st *engine.Stack, services *daemon.Client, result engine.Result, times timer) error {
	resources, err := st.Resources()
	if err != nil {
		return err
	}
	info, err := services.Info(ctx)
	if err != nil {
		return err
	}
	pods, err := sb.kubectl(info).pods(ctx, namespaces(resources))
	if err != nil {
		return err
	}

	sb.Printf("\n%s", sb.Styled(progress.Good, fmt.Sprintf("sandbox %q is up: %s (%s)", sb.name, counts(result.Changes, "no changes", ""), times)))
	if len(pods) > 0 {
		sb.Printf("\n  %s", sb.Styled(progress.Strong, "services"))
	}
	for i, p := range pods {
		p.Name = ""
		pods[i] = p // the pods of a service are alike
	}
	for _, p := range slices.Compact(pods) {
		sb.Printf("    %-24s %s %s", p.Namespace, p.Image, p.Status)
		sb.Printf("    %-24s pulled %s%s", "", p.Digest[strings.LastIndex(p.Digest, "@")+1:], puller(info.Pulls, p))
	}
	sb.Printf("\n  %s", sb.Styled(progress.Strong, "next"))
	sb.Printf("    %s", sb.hint("status"))
	sb.Printf(`    eval "$(%s)"; kubectl get pods --all-namespaces`, sb.hint("env"))
	sb.Printf("    edit Pulumi.%s.yaml or the program in infra, then: %s", sb.stack, sb.hint("up"))
	sb.Printf("    %s", sb.hint("down"))
	return nil
}

// puller returns the account that last pulled a pod's image. Some runtimes pull a tag's image by its digest.
func puller(pulls []daemon.Pull, p pod) string {
	for _, pull := range slices.Backward(pulls) {
		switch {
		case pull.Image != p.Image && pull.Image != p.Digest:
		case pull.Account == "":
			return " anonymously"
		default:
			return " by " + pull.Account
		}
	}
	return ""
}

// namespaces returns the names of the stack's namespaces.
func namespaces(resources []apitype.ResourceV3) map[string]bool {
	names := map[string]bool{}
	for _, r := range resources {
		if r.Type == "kubernetes:core/v1:Namespace" && r.ID != "" {
			names[string(r.ID)] = true
		}
	}
	return names
}

// counts sums changes up, as in "3 create, 1 update".
func counts(changes []engine.Change, none, intro string) string {
	number := map[string]int{}
	for _, c := range changes {
		number[c.Op]++
	}
	if len(number) == 0 {
		return none
	}
	var parts []string
	for _, op := range slices.Sorted(maps.Keys(number)) {
		parts = append(parts, fmt.Sprintf("%d %s", number[op], op))
	}
	return intro + strings.Join(parts, ", ")
}

// timer measures the stages of a command.
type timer struct {
	last time.Time
	laps []string
}

func (t *timer) lap(stage string) {
	t.laps = append(t.laps, stage+" "+progress.Elapsed(t.last))
	t.last = time.Now()
}

func (t timer) String() string { return strings.Join(t.laps, ", ") }
