// Command pipeline is what the pipeline's stages do besides calling pulumi. It is compiled once, in the stage Build, and
// travels with the program:
//
//	pipeline setup       writes the script that sets a project at Azure DevOps or GitHub up
//	pipeline bundle      packs the checkout and the compiled program, for the later stages
//	pipeline push        builds an image and pushes it to the stack's registry
//	pipeline image       notes an image that was built by other means
//	pipeline stack-file  hands the images to a stack's settings
//	pipeline run         runs pulumi, hides secrets in what it prints, and shows its errors on the run's page
//	pipeline guard       keeps a plan from being carried out on anything but what it was made of
//	pipeline approval    refuses a deployment that nobody has to approve
//	pipeline comment     turns a preview into Markdown, and posts it to the pull request
//	pipeline summary     turns a stack's outputs into Markdown, for the run's page
//	pipeline deployed    finds the run that was deployed to a stack last
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// A command adds its flags, and returns what is done once they are read.
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
		return fmt.Errorf("%q is no command; there are setup, bundle, push, image, stack-file, run, guard, approval, comment, summary, deployed", strings.Join(args, " "))
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
