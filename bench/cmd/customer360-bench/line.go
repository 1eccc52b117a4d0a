package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"customer360/bench/line"
	"customer360/bench/result"
)

func lineCommand() command {
	return command{"line", "raw Debezium envelopes to documents in Couchbase: the highest rate, and the latency below it", lines}
}

func lines(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := flagsOf("line", stderr)
	full := f.Bool("full", false, "the long form: three rounds with more customers")
	c := line.Short()
	chosen := plantFlags(f, c.Plant)
	var s saved
	s.flags(f)
	rounds := f.Int("rounds", 0, "runs (default: the form's)")
	keys := f.Int("keys", 0, "customers (default: the form's)")
	records := f.Int("records", 0, "raw records of the highest rate (default: the form's)")
	lasts := f.Duration("lasts", 0, "of each load (default: the form's)")
	if helped, err := parseFlags(f, args); helped || err != nil {
		return err
	}
	if *full {
		c = line.Full()
	}
	c.Plant = chosen()
	override(&c.Rounds, *rounds)
	override(&c.Keys, *keys)
	override(&c.Records, *records)
	if *lasts > 0 {
		c.Lasts = max(*lasts, time.Second)
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	return measure(ctx, s, stdout, func(ctx context.Context, origin result.Row, report func([]result.Row)) ([]result.Row, error) {
		return line.Run(ctx, c, origin, report)
	})
}

// override is a flag that was given.
func override(setting *int, flag int) {
	if flag > 0 {
		*setting = flag
	}
}
