// Command pipeline is what the pipeline's stages do besides calling pulumi. It is compiled once, in the stage Build, and
// travels with the program:
//
//	pipeline bundle      packs the checkout and the compiled program, for the later stages
//	pipeline image       notes an image that was built
//	pipeline stack-file  hands the images to a stack's settings
//	pipeline guard       keeps a plan from being carried out on anything but what it was made of
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
	"bundle": bundleCommand, "image": imageCommand, "stack-file": stackFileCommand,
	"guard": guardCommand, "comment": commentCommand, "summary": summaryCommand, "deployed": deployedCommand,
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) == 0 || commands[args[0]] == nil {
		return fmt.Errorf("%q is no command; there are bundle, image, stack-file, guard, comment, summary, deployed", strings.Join(args, " "))
	}
	flags := flag.NewFlagSet("pipeline "+args[0], flag.ContinueOnError)
	flags.SetOutput(out)
	do := commands[args[0]](flags)
	if err := flags.Parse(args[1:]); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() > 0 {
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
