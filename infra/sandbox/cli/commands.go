//go:build linux

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
	"example.com/acr-microservices/infra/sandbox/backend"
	"example.com/acr-microservices/infra/sandbox/cluster"
	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/progress"
	"example.com/acr-microservices/infra/sandbox/toolchain"
)

// validName matches a sandbox's name, which is also a folder's name.
var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// updateFlags are the flags of the commands that run the program.
type updateFlags struct {
	config      map[string]string
	secrets     map[string]string
	propagation propagation
	replication time.Duration
	at          time.Time
	faults      faultRules
	abac        bool
	node        string
	refresh     bool
	keep        bool
	verbose     bool
}

// conditions returns the flags about Azure.
func (f updateFlags) conditions() azuredouble.Conditions {
	c := azuredouble.Conditions{PullPropagation: time.Duration(f.propagation), Replication: f.replication, ABAC: f.abac, Faults: f.faults}
	if !f.at.IsZero() {
		c.Ahead = time.Until(f.at)
	}
	return c
}

// settings are the settings for this run only, by path.
func (f updateFlags) settings() map[string]string {
	if f.at.IsZero() {
		return f.config
	}
	config := maps.Clone(f.config)
	if config == nil {
		config = map[string]string{}
	}
	config["rotation.asOf"] = f.at.UTC().Format(time.RFC3339)
	return config
}

func commands(more []Extra) *cobra.Command {
	var name, stack, project, state, attach string
	var useInstalled, asJSON bool
	var flags updateFlags

	root := &cobra.Command{
		Use:   "sandbox",
		Short: "Run the whole stack on this machine, without an Azure subscription",
		Long: `Run the whole stack on this machine, without an Azure subscription.

The Pulumi engine, the Kubernetes provider and the Kubernetes control plane are the real ones. Azure, Entra, the container
registries, Docker Hub and the node's container runtime are simulated (each is a "double" of the real one). The stack's
settings are those of Pulumi.dev.yaml.`,
		Version:       "with Pulumi " + toolchain.PulumiVersion,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().StringVar(&name, "name", "default", "sandbox to use: several can run side by side")
	root.PersistentFlags().StringVar(&stack, "stack", defaultStack, "stack to run, with the settings of Pulumi.<stack>.yaml: several can run in a sandbox")
	root.PersistentFlags().StringVar(&project, "project", filepath.Join("..", ".."), "folder of Pulumi.yaml")
	root.PersistentFlags().StringVar(&state, "state", ".state", "folder of the sandboxes' files")
	root.PersistentFlags().StringVar(&attach, "attach", "", "providers in place of the doubles: name:port,…")
	root.PersistentFlags().BoolVar(&useInstalled, toolchain.UseInstalled, true, "use the pulumi and the Kubernetes provider that are installed, where they have the tested versions")
	for _, flag := range []string{"project", "state", "attach"} {
		_ = root.PersistentFlags().MarkHidden(flag) // for tests
	}

	// The folders are resolved when a command runs, after its flags have been read.
	with := func(do func(*cobra.Command, *sandbox) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if asJSON { // JSON goes to stdout, other output to stderr
				out = cmd.ErrOrStderr()
			}
			sb, err := newSandbox(name, stack, project, state, progress.New(out))
			if err != nil {
				return err
			}
			if asJSON {
				sb.json = cmd.OutOrStdout()
			}
			sb.attach, sb.useInstalled = attach, useInstalled
			return do(cmd, sb)
		}
	}

	up := &cobra.Command{
		Use:   "up",
		Short: "Start the sandbox and deploy the stack of Pulumi.dev.yaml",
		Long: `Start the sandbox if it is not running, and deploy the stack of Pulumi.dev.yaml.

The sandbox keeps running after a successful "up", until "down". If the first "up" fails, or if any is interrupted,
everything is stopped; the files stay, and the next "up" resumes from there.`,
		Example: `  go run -C infra/sandbox . up
  go run -C infra/sandbox . up --config 'services.customerapi.image.tag=1.1.0'
  go run -C infra/sandbox . up --pull-propagation never --keep   # what happens when the cluster is not allowed to pull
  go run -C infra/sandbox . up --fault 'create Registry throttled call=1'
  go run -C infra/sandbox . up --at 2027-03-01                   # what the first update of a later period does
  go run -C infra/sandbox . up --name second`,
		Args: cobra.NoArgs,
		RunE: with(func(cmd *cobra.Command, sb *sandbox) error { return sb.up(cmd.Context(), flags) }),
	}
	up.Flags().BoolVar(&flags.refresh, "refresh", false, "first look for changes made outside the stack, and undo them")
	up.Flags().BoolVar(&flags.keep, "keep", false, "keep a new sandbox running even if the update fails, so that you can look around")
	up.Flags().StringVar(&flags.node, "node", "",
		`what the sandbox's node is from now on: "double", or with root the "containerd" that is installed here (default: as before)`)
	_ = up.Flags().MarkHidden("node") // for the test that compares the double with a real node
	var expectNone bool
	preview := &cobra.Command{
		Use:   "preview",
		Short: "Show what up would change",
		Example: `  go run -C infra/sandbox . preview
  go run -C infra/sandbox . preview --config registry.sku=Premium
  go run -C infra/sandbox . preview --expect-no-changes   # exits with 2 if there are any`,
		Args: cobra.NoArgs,
		RunE: with(func(cmd *cobra.Command, sb *sandbox) error { return sb.preview(cmd.Context(), flags, expectNone) }),
	}
	preview.Flags().BoolVar(&expectNone, "expect-no-changes", false, "exit with 2 if there are changes")
	for _, cmd := range []*cobra.Command{up, preview} {
		cmd.Flags().StringToStringVar(&flags.config, "config", nil, "setting for this run only, by path: 'services.customerapi.image.tag=1.1.0'")
		cmd.Flags().StringToStringVar(&flags.secrets, "secret", nil, "secret setting for this run only, by path")
		cmd.Flags().Var(&flags.propagation, "pull-propagation",
			`how long a new permission takes to reach the registry: "30s", or "never"`)
		cmd.Flags().DurationVar(&flags.replication, "entra-replication", 0, "how long Entra takes to accept a new password")
		cmd.Flags().BoolVar(&flags.abac, "abac", false, "the registries are in the mode RBAC Registry + ABAC Repository Permissions")
		cmd.Flags().TimeVar(&flags.at, "at", time.Time{}, []string{time.RFC3339, time.DateOnly},
			"run as if it were that moment, for the program and for Azure: \"2027-03-01\"")
		cmd.Flags().Var(&flags.faults, "fault", `what goes wrong in Azure: "OPERATION TYPE[/NAME] FAULT [call=N] [chance=P] [seed=N] [for=DURATION]",
OPERATION being create, read, update, delete, invoke or any, and FAULT one of
`+strings.Join(azuredouble.Faults, ", "))
		cmd.Flags().Var(&faultFile{rules: &flags.faults}, "faults", "YAML file with a list of such rules: on, type, name, fault, call, chance, seed, for")
		cmd.Flags().BoolVar(&flags.verbose, "verbose", false, "show all output of the engine")
	}

	var force bool
	down := &cobra.Command{
		Use:   "down",
		Short: "Destroy the stacks, stop the sandbox and delete its files",
		Example: `  go run -C infra/sandbox . down
  go run -C infra/sandbox . down --stack pr-123   # that stack only; the sandbox keeps running
  go run -C infra/sandbox . down --force   # without destroying the stack first`,
		Args: cobra.NoArgs,
		RunE: with(func(cmd *cobra.Command, sb *sandbox) error {
			if cmd.Flags().Changed("stack") {
				return sb.downStack(cmd.Context(), flags.verbose)
			}
			return sb.down(cmd.Context(), force, flags.verbose)
		}),
	}
	down.Flags().BoolVar(&force, "force", false, "stop and delete without destroying the stack first")
	down.Flags().BoolVar(&flags.verbose, "verbose", false, "show all output of the engine")

	var only []string
	var transcripts string
	var listFaults bool
	faults := &cobra.Command{
		Use:   "faults",
		Short: "Break things one by one in a sandbox of its own, and show the result of each",
		Long: `Break things one by one in a sandbox of its own, and show the result of each: what "up" says, whether the next one
recovers, and whether anything is lost or left behind.`,
		Example: `  go run -C infra/sandbox . faults
  go run -C infra/sandbox . faults --list
  go run -C infra/sandbox . faults --only node-gone,azure-throttled`,
		Args: cobra.NoArgs,
		RunE: with(func(cmd *cobra.Command, sb *sandbox) error {
			if listFaults {
				return sb.listFaults()
			}
			if !cmd.Flags().Changed("name") {
				sb = sb.named("faults")
			}
			if transcripts != "" {
				transcripts = userPath(transcripts)
			}
			return sb.faults(cmd.Context(), only, transcripts)
		}),
	}
	faults.Flags().StringSliceVar(&only, "only", nil, "only these; --list shows the names")
	faults.Flags().BoolVar(&listFaults, "list", false, "show the faults' names, and break nothing")
	_ = faults.RegisterFlagCompletionFunc("only", cobra.FixedCompletions(faultNames(), cobra.ShellCompDirectiveNoFileComp))
	faults.Flags().StringVar(&transcripts, "transcripts", "", "folder for what each up says")
	_ = faults.Flags().MarkHidden("transcripts")

	status := &cobra.Command{
		Use:     "status",
		Short:   "Show what runs where: addresses, stack outputs, pods, warnings",
		Example: `  go run -C infra/sandbox . status --name second`,
		Args:    cobra.NoArgs,
		RunE:    with(func(cmd *cobra.Command, sb *sandbox) error { return sb.status(cmd.Context()) }),
	}
	list := &cobra.Command{
		Use:   "list",
		Short: "Show the sandboxes of this checkout",
		Args:  cobra.NoArgs,
		RunE:  with(func(cmd *cobra.Command, sb *sandbox) error { return sb.list(cmd.Context()) }),
	}
	for _, cmd := range []*cobra.Command{status, list, preview, faults} {
		cmd.Flags().BoolVar(&asJSON, "json", false, "write the result as JSON, and everything else to standard error")
	}

	root.AddCommand(up, preview, down, status, list, logsCommand(with),
		&cobra.Command{
			Use:     "env",
			Short:   "Print the environment for your own pulumi and kubectl",
			Example: `  eval "$(go run -C infra/sandbox . env)"; kubectl get pods --all-namespaces`,
			Args:    cobra.NoArgs,
			RunE:    with(func(cmd *cobra.Command, sb *sandbox) error { return sb.env(cmd.Context()) }),
		},
		&cobra.Command{
			Use:     "delete ID...",
			Short:   "Delete objects from the simulated Azure, as by hand in the portal",
			Example: `  go run -C infra/sandbox . delete /applications/5d2e7c32-6b9a-4d55-b0a5-2b5d6b9f7a10`,
			Args:    cobra.MinimumNArgs(1),
			RunE:    with(func(cmd *cobra.Command, sb *sandbox) error { return sb.delete(cmd.Context(), cmd.Flags().Args()) }),
		},
		faults,
		serveCommand(),
		nodeLoginCommand(),
	)
	root.AddCommand(pluginCommands()...)
	for _, extra := range more {
		root.AddCommand(extra.command(with))
	}
	if len(more) == 0 {
		root.AddCommand(&cobra.Command{
			Use:   "bench",
			Short: "Measure how fast the program and the sandbox are",
			RunE: func(*cobra.Command, []string) error {
				return errors.New("bench is a program of its own; run it with: go run -C infra/sandbox . bench")
			},
		})
	}
	return root
}

// logsCommand shows the logs of a service's pods.
func logsCommand(with func(func(*cobra.Command, *sandbox) error) func(*cobra.Command, []string) error) *cobra.Command {
	var previous bool
	var tail int
	cmd := &cobra.Command{
		Use:     "logs SERVICE",
		Short:   "Show what the pods of a service have written",
		Example: `  go run -C infra/sandbox . logs customerapi`,
		Args:    cobra.ExactArgs(1),
		RunE: with(func(cmd *cobra.Command, sb *sandbox) error {
			return sb.logs(cmd.Context(), cmd.Flags().Arg(0), []string{fmt.Sprintf("--tail=%d", tail), fmt.Sprintf("--previous=%t", previous)})
		}),
	}
	cmd.Flags().IntVar(&tail, "tail", 100, "how many of the last lines of each container to show; -1 shows all")
	cmd.Flags().BoolVar(&previous, "previous", false, "show the logs of the previous containers, which have ended")
	return cmd
}

// serveCommand is the daemon, which up starts.
func serveCommand() *cobra.Command {
	var o backend.Options
	cmd := &cobra.Command{
		Use:    "serve",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			o.NodeLogin = []string{self, "node-login", "--dir", o.Dir}
			return daemon.Serve(cmd.Context(), o.Dir, o.Start)
		},
	}
	cmd.Flags().StringVar(&o.Dir, "dir", "", "the sandbox's folder")
	cmd.Flags().StringVar(&o.Cache, "cache", "", "folder for the demo images")
	cmd.Flags().StringVar(&o.Kubernetes, "kubernetes", "", "the Kubernetes binary")
	cmd.Flags().StringVar(&o.Node, "node", cluster.Double, "what the node is made of")
	return cmd
}

// nodeLoginCommand returns the node's own credentials to kubelet, like Azure's program on a node of AKS.
// https://kubernetes.io/docs/reference/config-api/kubelet-credentialprovider.v1
func nodeLoginCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:    "node-login",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := daemon.Connect(cmd.Context(), dir)
			if err != nil {
				return err
			}
			defer client.Close()
			login, err := client.NodeLogin(cmd.Context())
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{
				"apiVersion":   "credentialprovider.kubelet.k8s.io/v1",
				"kind":         "CredentialProviderResponse",
				"cacheKeyType": "Registry",
				"auth": map[string]any{
					"*.azurecr.io": map[string]string{"username": login.Username, "password": login.Password},
				},
			})
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the sandbox's folder")
	return cmd
}

// propagation is a duration, or "never".
type propagation time.Duration

func (p *propagation) Set(s string) error {
	if s == "never" {
		*p = propagation(azuredouble.Never)
		return nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return fmt.Errorf(`%q is neither a duration such as "30s" nor "never"`, s)
	}
	*p = propagation(d)
	return nil
}

func (p *propagation) String() string {
	if *p == propagation(azuredouble.Never) {
		return "never"
	}
	return time.Duration(*p).String()
}

func (p *propagation) Type() string { return "duration" }

// hint returns the command line of a sandbox command.
func (sb *sandbox) hint(args ...string) string {
	if sb.name != "default" {
		args = append(args, "--name", sb.name)
	}
	if sb.stack != defaultStack {
		args = append(args, "--stack", sb.stack)
	}
	return "go run -C infra/sandbox . " + strings.Join(args, " ")
}
