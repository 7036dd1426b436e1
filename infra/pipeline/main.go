// Command pipeline does the work of the pipeline's stages other than pulumi's. The stage Build compiles it once, and packs it with
// the program:
//
//	pipeline setup       writes the script that sets up a project in Azure DevOps or GitHub
//	pipeline bundle      packs the checkout and the compiled program, for the later stages
//	pipeline push        builds an image and pushes it to the stack's registry
//	pipeline image       records an image that was built by other means
//	pipeline stack-file  writes the images into a stack's settings
//	pipeline run         runs pulumi, hides secrets in what it prints, and shows its errors on the run's page
//	pipeline guard       refuses to carry out a plan if its inputs have changed
//	pipeline approval    refuses a deployment that requires no approval
//	pipeline comment     turns a preview into Markdown, and posts it to the pull request
//	pipeline summary     turns a stack's outputs into Markdown, for the run's page
//	pipeline deployed    finds the run that was last deployed to a stack
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// A command adds its flags, and returns the function to call after they are parsed.
type command func(flags *flag.FlagSet) func(out io.Writer) error

var commands = map[string]command{
	"setup": setupCommand, "bundle": bundleCommand, "push": pushCommand, "image": imageCommand, "stack-file": stackFileCommand,
	"run": runCommand, "guard": guardCommand, "approval": approvalCommand, "comment": commentCommand, "summary": summaryCommand,
	"deployed": deployedCommand,
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		hostOf(os.Getenv).fail(os.Stdout, err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) == 0 || commands[args[0]] == nil {
		return fmt.Errorf("unknown command %q; use one of setup, bundle, push, image, stack-file, run, guard, approval, comment, summary, deployed", strings.Join(args, " "))
	}
	flags := flag.NewFlagSet("pipeline "+args[0], flag.ContinueOnError)
	flags.SetOutput(out)
	do := commands[args[0]](flags)
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
