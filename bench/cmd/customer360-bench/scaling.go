package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"customer360/bench/result"
	"customer360/bench/scaling"
)

// scalingRun is one of package scaling's measurements.
type scalingRun func(context.Context, scaling.Config, result.Row, func([]result.Row)) ([]result.Row, error)

func scalingCommand() command {
	return command{"scaling", "what a record costs with more instances and partitions", scalings("scaling", scaling.Run)}
}

func growthCommand() command {
	return command{"growth", "what a record costs on larger states", scalings("growth", scaling.Growth)}
}

func scalings(name string, run scalingRun) func(context.Context, []string, io.Writer, io.Writer) error {
	return func(ctx context.Context, args []string, stdout, stderr io.Writer) error {
		f := flagsOf(name, stderr)
		full := f.Bool("full", false, "the long form: more cases and customers, three rounds")
		c := scaling.Short()
		chosen := plantFlags(f, c.Plant)
		var s saved
		s.flags(f)
		rounds := f.Int("rounds", 0, "runs of each case, interleaved (default: the form's)")
		records := f.Int("records", 0, "that are measured in each run (default: the form's)")
		var keys []int
		f.Func("keys", "customers; growth: repeat it for each size (default: the form's)", func(text string) error {
			n, err := strconv.Atoi(text)
			keys = append(keys, n)
			return err
		})
		if helped, err := parseFlags(f, args); helped || err != nil {
			return err
		}
		if *full {
			c = scaling.Full()
		}
		c.Plant = chosen()
		override(&c.Rounds, *rounds)
		override(&c.Records, *records)
		if len(keys) > 0 {
			c.Keys = keys
		}
		if err := c.Validate(); err != nil {
			return fmt.Errorf("%w: %w", err, errUsage)
		}
		return measure(ctx, s, stdout, func(ctx context.Context, origin result.Row, report func([]result.Row)) ([]result.Row, error) {
			return run(ctx, c, origin, report)
		})
	}
}
