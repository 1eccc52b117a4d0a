package main

import (
	"context"
	"fmt"
	"io"

	"customer360/bench/guard"
)

func guardCommand() command {
	return command{"guard", "compare what the hot path allocates with bench/guard/ceilings.txt", guardHotPath}
}

func guardHotPath(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	cfg := guard.Config{Dir: ".", Log: stderr}
	f := flagsOf("guard", stderr)
	f.BoolVar(&cfg.Lower, "lower", false, "lower the ceilings to what is measured now, and add new benchmarks")
	if helped, err := parseFlags(f, args); helped || err != nil {
		return err
	}
	report, err := guard.Run(ctx, cfg)
	for _, line := range report {
		fmt.Fprintln(stdout, line)
	}
	return err
}
