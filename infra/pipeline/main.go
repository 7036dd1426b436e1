// Command pipeline does the work of the pipeline's stages other than pulumi's. The stage Build compiles it once, and packs it with
// the program. `pipeline -h` lists its commands.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// A command adds its flags, and returns the function to call after they are parsed.
type command func(flags *flag.FlagSet) func(out io.Writer) error

// commands are all commands, in the order of their use.
var commands = []struct {
	name, about string
	flags       command
}{
	{"setup", "writes the script that sets up a project in Azure DevOps or GitHub", setupCommand},
	{"bundle", "packs the checkout and the compiled program, for the later stages", bundleCommand},
	{"push", "builds an image and pushes it to the stack's registry", pushCommand},
	{"image", "records an image that was built by other means", imageCommand},
	{"stack-file", "writes the images into a stack's settings", stackFileCommand},
	{"run", "runs pulumi, hides secrets in what it prints, and shows its errors on the run's page", runCommand},
	{"guard", "refuses to carry out a plan if its inputs have changed", guardCommand},
	{"approval", "refuses a deployment that requires no approval", approvalCommand},
	{"comment", "turns a preview into Markdown, and posts it to the pull request", commentCommand},
	{"summary", "turns a stack's outputs into Markdown, for the run's page", summaryCommand},
	{"deployed", "finds the run that was last deployed to a stack", deployedCommand},
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", disarmed(err.Error()))
		hostOf(os.Getenv).fail(os.Stdout, err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) > 0 && slices.Contains([]string{"-h", "-help", "--help", "help"}, args[0]) {
		usage(out)
		return nil
	}
	var names []string
	for _, c := range commands {
		if len(args) > 0 && c.name == args[0] {
			return runCommandLine(c.flags, args, out)
		}
		names = append(names, c.name)
	}
	return fmt.Errorf("unknown command %q; use one of %s", strings.Join(args, " "), strings.Join(names, ", "))
}

func usage(out io.Writer) {
	fmt.Fprint(out, "Usage: pipeline COMMAND, and pipeline COMMAND -h for its flags\n\n")
	for _, c := range commands {
		fmt.Fprintf(out, "  %-10s  %s\n", c.name, c.about)
	}
}

func runCommandLine(add command, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("pipeline "+args[0], flag.ContinueOnError)
	flags.SetOutput(out)
	do := add(flags)
	if err := flags.Parse(args[1:]); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() > 0 && args[0] != "run" && args[0] != "setup" {
		return fmt.Errorf("%s: unexpected %q", flags.Name(), flags.Args())
	}
	if err := do(out); err != nil {
		return fmt.Errorf("%s: %w", flags.Name(), err)
	}
	return nil
}

// required returns an error that names the flags that are not set.
func required(values map[string]string) error {
	var missing []string
	for name, value := range values {
		if value == "" {
			missing = append(missing, "-"+name)
		}
	}
	return listed("missing", missing)
}
