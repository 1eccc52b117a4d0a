package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"
)

// errUsage: the command line is wrong.
var errUsage = errors.New("see customer360-bench help")

// command is a subcommand. run prints results to stdout, all else to stderr.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

// commands in the order of the help: a new one has a file of its own and a line here.
func commands() []command {
	return []command{
		allCommand(),
		mergeCommand(),
		contendCommand(),
		fillCommand(),
		freshCommand(),
		compareCommand(),
		plotCommand(),
		reportCommand(),
		lineCommand(),
		latencyCommand(),
		sinkCommand(),
		emittersCommand(),
		recoveryCommand(),
		takeoverCommand(),
		rebuildCommand(),
		scalingCommand(),
		growthCommand(),
		guardCommand(),
	}
}

func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		return help(stdout)
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	return fmt.Errorf("there is no subcommand %q: %w", args[0], errUsage)
}

func help(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "customer360-bench measures the product against its peers, its limits, and itself.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(t, "  %s\t%s\n", c.name, c.summary)
	}
	fmt.Fprint(t, "\nEach has --help.\n")
	return t.Flush()
}

// flagsOf is the subcommand's flags, without any yet.
func flagsOf(name string, stderr io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("customer360-bench "+name, flag.ContinueOnError)
	f.SetOutput(stderr)
	return f
}

// parseFlags returns whether --help was asked for. Arguments are refused.
func parseFlags(f *flag.FlagSet, args []string) (helped bool, err error) {
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return true, nil
	} else if err != nil {
		return false, fmt.Errorf("%w: %w", err, errUsage)
	}
	if f.NArg() > 0 {
		return false, fmt.Errorf("%q: %s takes flags only: %w", f.Arg(0), f.Name(), errUsage)
	}
	return false, nil
}
